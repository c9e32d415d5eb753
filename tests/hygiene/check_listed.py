#!/usr/bin/env python3
"""Every source belongs to a target: a list of its folder (or of one above it) names the file.

A test file that no list names would never run, and nobody would notice. A folder of model/ may list
its sources by a pattern; tests are listed one by one.
"""

import pathlib
import re
import sys

import tree


def problems(root):
    words = {}  # folder -> words of its CMakeLists.txt and *.cmake files
    patterned = set()  # folders of model/ whose list is a pattern
    for name in tree.files(root, "CMakeLists.txt", ".cmake"):
        folder = str(pathlib.PurePath(name).parent)
        for _, line in tree.lines(root, name):
            if "/*.cpp" in line and folder.startswith("model/"):
                patterned.add(folder)
            words.setdefault(folder, set()).update(re.findall(r"[\w./-]+", line.split("#")[0]))
    for name in tree.files(root, ".cpp"):
        path = pathlib.PurePath(name)
        if path.parts[0] not in ("model", "tb", "tests") or tree.is_fixture(name):
            continue
        if str(path.parent) in patterned:
            continue
        folders = [folder for folder in path.parents if str(folder) != "."]
        if not any(str(path.relative_to(folder)) in words.get(str(folder), ())
                   for folder in folders):
            yield f"{name}:1: no CMakeLists.txt or .cmake file of its folder names this file"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
