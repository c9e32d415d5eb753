#!/usr/bin/env python3
"""Every C++ file is as clang-format 14 writes it (`clang-format -i FILE` repairs)."""

import os
import re
import shutil
import subprocess
import sys

import tree

VERSION = 14  # of Debian 12; others format differently
BATCH = 24


def formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            version = subprocess.run([path, "--version"], capture_output=True, text=True,
                                     check=True).stdout
            if re.search(rf"version {VERSION}\.", version):
                return path
    raise tree.Missing(f"no clang-format {VERSION} (./nestwalk setup installs it)")


def problems(root):
    path = formatter()
    names = [name for name in tree.files(root, ".h", ".cpp") if not tree.is_fixture(name)]
    batches = [names[i:i + BATCH] for i in range(0, len(names), BATCH)]
    limit = os.cpu_count() or 1
    for start in range(0, len(batches), limit):
        running = [
            subprocess.Popen([path, "--dry-run", "--Werror", "--ferror-limit=1", *batch], cwd=root,
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            for batch in batches[start:start + limit]]
        for process in running:
            _, messages = process.communicate()
            for line in messages.splitlines():
                if ": error:" in line:
                    yield line.split(" [-W")[0] + " (clang-format -i repairs it)"


if __name__ == "__main__":
    sys.exit(tree.main(problems))
