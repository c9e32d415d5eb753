#!/usr/bin/env python3
"""Every source is compiled: a test file that no list names would never run, and nobody would notice.

    check_listed.py [ROOT [compile_commands.json]]

What is compiled is read from the build's own database, so that lists may be written in any way. Of
what needs Verilator (`tb`, `tests/cosim`) nothing is asked where none of it is compiled.
"""

import json
import pathlib
import sys

import tree


def problems(root, database=None):
    root = pathlib.Path(root).resolve()
    path = pathlib.Path(database) if database else root / "build/release/compile_commands.json"
    if not path.exists():
        raise tree.Missing(f"no {path} (a configured build has it)")
    compiled = {pathlib.Path(entry["file"]).resolve() for entry in json.loads(path.read_text())}
    needs_verilator = ("tb/", "tests/cosim/")
    has_verilator = root / "tb/pin_walker.cpp" in compiled
    for name in tree.files(root, ".cpp"):
        if not name.startswith(("model/", "tests/", "tb/")) or tree.is_fixture(name):
            continue
        if name.startswith(needs_verilator) and not has_verilator:
            continue
        if root / name not in compiled:
            yield f"{name}:1: no target compiles this file; is it in a list of its folder?"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
