#!/usr/bin/env python3
"""Holds include lines and links of model/ and tb/ against the table in layers.txt.

SystemC's headers are in the compiler's search path, so that the compiler stops nobody from including
them; this does. The copy of the table in docs/architecture.md is compared as well.
"""

import pathlib
import re
import sys

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
ROW = re.compile(r"^\| (\d) \| `(?:model/)?(\w+)` \| .* \| ([^|]+) \|$")
LINK = re.compile(r"nestwalk::(\w+)")


class Table:
    def __init__(self, path):
        self.layers = {}     # folder -> names it may include
        self.levels = {}     # folder -> level
        self.libraries = []  # (name, headers, folders)
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            head, _, tail = line.partition(":")
            kind, *words = head.split()
            if kind == "layer" and len(words) == 2:
                self.levels[words[1]] = int(words[0])
                self.layers[words[1]] = tail.split()
            elif kind == "library" and len(words) >= 2:
                self.libraries.append((words[0], words[1:], tail.split()))
            else:
                raise SystemExit(f"{path}:{number}: neither a layer nor a library line")

    def may_include(self, folder, header):
        """header: relative to model/, for example walk/step.h."""
        other = header.split("/")[0]
        allowed = self.layers[folder]
        return other == folder or "*" in allowed or other in allowed or header in allowed

    def library_of(self, header):
        for name, headers, folders in self.libraries:
            for known in headers:
                if header == known or (known.endswith("/") and header.startswith(known)):
                    return name, folders
        return None


def folder_of(name):
    parts = pathlib.PurePath(name).parts
    if parts[0] == "tb":
        return "tb"
    return parts[1] if parts[0] == "model" and len(parts) > 2 else None


def project_problem(table, folder, header):
    if header.startswith("model/") and header.count("/") >= 2:
        inner = header[len("model/"):]
        if inner.split("/")[0] not in table.layers:
            return f'"{header}": the layering table does not know its folder'
        if not table.may_include(folder, inner):
            allowed = ", ".join(table.layers[folder]) or "nothing"
            return f'"{header}": {folder} may include only {allowed}'
    elif header.startswith("tests/"):
        return f'"{header}": the product does not include tests'
    elif header.startswith("tb/"):
        if folder != "tb":
            return f'"{header}": the model does not include the test bench'
    elif folder != "tb":
        return f'"{header}": written from the root, "model/folder/file.h"'
    return None


def foreign_problem(table, folder, header):
    library = table.library_of(header)
    if library:
        name, folders = library
        if folder not in folders:
            return f"<{header}>: {name} is for {', '.join(folders)}, not for {folder}"
    elif "/" in header or "." in header:
        return f"<{header}>: a foreign header that no library line of layers.txt lists"
    return None


def problems(root):
    table = Table(pathlib.Path(root) / "tests/hygiene/layers.txt")
    for name in tree.files(root, ".h", ".cpp", ".inc", ".cc", ".hpp"):
        folder = folder_of(name)
        if folder is None:
            continue
        if folder not in table.layers:
            yield f"{name}:1: folder {folder} is not in the layering table"
            continue
        for number, line in tree.lines(root, name):
            match = INCLUDE.match(line)
            if not match:
                continue
            if match[1] is not None and table.library_of(match[1]) is None:
                problem = project_problem(table, folder, match[1])
            else:
                problem = foreign_problem(table, folder, match[1] or match[2])
            if problem:
                yield f"{name}:{number}: {problem}"
    yield from link_problems(root, table)
    yield from copy_problems(root, table)


def link_problems(root, table):
    """A folder links what it may include. One header of a folder is reason enough to link it."""
    for name in tree.files(root, "CMakeLists.txt"):
        folder = folder_of(name)
        if folder not in table.layers or folder == "tb":
            continue
        allowed = {entry.split("/")[0] for entry in table.layers[folder]} | {folder}
        allowed |= {"systemc"} if folder in dict(
            (library, folders) for library, _, folders in table.libraries).get("systemc", []) else set()
        for number, line in tree.lines(root, name):
            for other in LINK.findall(line.split("#")[0]):
                if "*" not in allowed and other not in allowed:
                    yield f"{name}:{number}: {folder} may not link nestwalk::{other}"


def copy_problems(root, table):
    """The rows `| level | folder | text | may include |` of the architecture page."""
    page = "docs/architecture.md"
    if not (pathlib.Path(root) / page).exists():
        return
    seen = set()
    for number, line in tree.lines(root, page):
        match = ROW.match(line)
        if not match:
            continue
        level, folder, allowed = match.groups()
        seen.add(folder)
        names = table.layers.get(folder)
        text = "all of model/" if names == ["*"] else ", ".join(names or []) or "nothing"
        if names is None or int(level) != table.levels[folder] or allowed != text:
            yield f"{page}:{number}: the row of {folder} is not what layers.txt says"
    for folder in table.layers.keys() - seen:
        yield f"{page}:1: no row for {folder}, which layers.txt lists"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
