#!/usr/bin/env python3
"""Links of the documents lead somewhere: relative links, their anchors, and files that are named.

Decision records and the changelog tell history: their links must resolve, the files that they merely
name may have moved since. A folder of the layering table may be named before its first file exists.
"""

import pathlib
import re
import sys

import tree

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"(?<![\w./-])((?:model|tests|configs|docs|cmake|tb|rtl|waveforms)/[\w./-]*\w/?)")
FENCE = re.compile(r"^\s*(```|~~~)")


def anchors(path):
    """Anchors of a page's headings, in the manner of the usual Markdown sites."""
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = re.sub(r"[`*]", "", line.lstrip("#").strip()).lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def link_problem(root, name, target):
    if re.match(r"[a-z]+:", target):
        return None
    page, _, anchor = target.partition("#")
    path = pathlib.Path(root) / name
    if page:
        path = (path.parent / page).resolve()
        if not path.exists():
            return f"link to {target}: there is no such file"
    if anchor and path.suffix == ".md" and anchor not in anchors(path):
        return f"link to {target}: there is no such heading"
    return None


def is_history(name):
    return name == "CHANGELOG.md" or name.startswith("docs/adr/")


def planned_folders(root):
    table = pathlib.Path(root) / "tests/hygiene/layers.txt"
    text = table.read_text(encoding="utf-8") if table.exists() else ""
    return {f"model/{folder}" for folder in re.findall(r"^layer \d (\w+):", text, re.MULTILINE)}


def problems(root):
    planned = planned_folders(root)
    for name in tree.files(root, ".md"):
        if tree.is_fixture(name):
            continue
        in_fence = False
        for number, line in tree.lines(root, name):
            if FENCE.match(line):
                in_fence = not in_fence
            if not in_fence:
                for target in LINK.findall(line):
                    problem = link_problem(root, name, target)
                    if problem:
                        yield f"{name}:{number}: {problem}"
            if is_history(name):
                continue
            for named in NAMED.findall(LINK.sub("", line)):
                exists = (pathlib.Path(root) / named).exists() or named.rstrip("/") in planned
                if not exists:
                    yield f"{name}:{number}: names {named}, which does not exist"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
