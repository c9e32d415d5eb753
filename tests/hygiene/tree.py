"""What the checks of this folder share: the files of the tree and one way to report.

A check is a script `check_NAME.py [ROOT [MORE]]` with a function `problems(root, more)` that yields
strings `file:line: what is wrong`. It exits with 0 without problems, 1 with problems, and 77
(skipped, for CTest) where something that it needs is missing; with CI set, that is a failure.
"""

import os
import pathlib
import subprocess
import sys

SKIPPED = 77
# Files that are input of tests and may be wrong on purpose.
FIXTURE_FOLDERS = {"fixtures", "data"}


class Missing(Exception):
    """What a check needs is not there."""


def files(root, *suffixes):
    """Relative paths of the tracked files (without git: of all files) with one of the suffixes."""
    root = pathlib.Path(root)
    try:
        listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True,
                                 check=True, text=True).stdout
        names = [name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        names = [name for name in names if not name.startswith((".git/", "build/", "out/"))]
    names = [name for name in names if (root / name).is_file()]
    if suffixes:
        names = [name for name in names if name.endswith(suffixes)]
    return sorted(names)


def is_fixture(name):
    return bool(FIXTURE_FOLDERS & set(pathlib.PurePath(name).parts[:-1]))


def lines(root, name):
    """Pairs (number, line) of a text file."""
    text = (pathlib.Path(root) / name).read_text(encoding="utf-8", errors="replace")
    return enumerate(text.splitlines(), start=1)


def main(problems):
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    try:
        found = list(problems(root, *sys.argv[2:]))
    except Missing as missing:
        print(f"nothing was checked: {missing}")
        return 1 if os.environ.get("CI") else SKIPPED
    for problem in found:
        print(problem)
    if found:
        print(f"{len(found)} problem(s)")
    return 1 if found else 0
