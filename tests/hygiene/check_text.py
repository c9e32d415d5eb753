#!/usr/bin/env python3
"""Rules for text: no machine's own paths, no unexplained notes to self, no stray whitespace, headers
that say what they are, files of a readable length."""

import pathlib
import re
import sys

import tree

TEXT = (".h", ".cpp", ".py", ".sh", ".cmake", ".md", ".txt", ".yaml", ".yml", ".json", ".sv", ".svh")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|Users|work|mnt)/\w")
# A note to self carries its reason in parentheses: NOTE(why it cannot be done now).
NOTE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b(?!\([^)]{10,}\))")
MAX_LINES = 500


def scripts_and_text(root):
    for name in tree.files(root):
        path = pathlib.PurePath(name)
        if tree.is_fixture(name) or name == "LICENSE":
            continue
        if name.endswith(TEXT) or path.parts[0] in (".ci", ".githooks") or name == "nestwalk":
            yield name


def line_problems(name, number, line):
    if MACHINE_PATH.search(line):
        yield f"{name}:{number}: a path of one machine"
    if NOTE.search(line):
        yield f"{name}:{number}: a note to self without a reason in parentheses"
    if line != line.rstrip():
        yield f"{name}:{number}: white space at the end of the line"
    if "\t" in line and name.endswith((".h", ".cpp", ".py")):
        yield f"{name}:{number}: a tab"


def header_problems(name, text):
    first = text.splitlines()[0] if text else ""
    if not first.startswith("//"):
        yield f"{name}:1: a header opens with a comment: what it is, an example, what it is not for"
    if "\n#pragma once\n" not in text:
        yield f"{name}:1: no #pragma once"


def problems(root):
    for name in scripts_and_text(root):
        raw = (pathlib.Path(root) / name).read_bytes()
        if b"\r\n" in raw:
            yield f"{name}:1: CRLF line ends"
            continue
        if raw and not raw.endswith(b"\n"):
            yield f"{name}:1: no line end at the end of the file"
        for number, line in tree.lines(root, name):
            yield from line_problems(name, number, line)
        text = raw.decode("utf-8", errors="replace")
        if name.endswith(".h"):
            yield from header_problems(name, text)
        if name.endswith((".h", ".cpp")) and text.count("\n") > MAX_LINES:
            yield f"{name}:{MAX_LINES + 1}: {text.count(chr(10))} lines; {MAX_LINES} is the most"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
