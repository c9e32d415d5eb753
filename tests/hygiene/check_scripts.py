#!/usr/bin/env python3
"""shellcheck finds nothing in the shell scripts, and every Python script compiles."""

import pathlib
import re
import shutil
import subprocess
import sys

import tree

SHELL = re.compile(rb"#!.*\b(?:ba|da)?sh\b")


def shell_scripts(root):
    for name in tree.files(root):
        with open(pathlib.Path(root) / name, "rb") as file:
            if SHELL.match(file.readline(80)):
                yield name


def problems(root):
    for name in tree.files(root, ".py"):
        try:
            compile((pathlib.Path(root) / name).read_text(encoding="utf-8"), name, "exec")
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: {error.msg}"
    program = shutil.which("shellcheck")
    if program is None:
        raise tree.Missing("no shellcheck (./nestwalk setup installs it)")
    names = list(shell_scripts(root))
    if names:
        result = subprocess.run([program, "--format=gcc", *names], cwd=root, capture_output=True,
                                text=True, check=False)
        yield from result.stdout.splitlines()
        if result.returncode > 1:
            yield f"shellcheck: {result.stderr.strip()}"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
