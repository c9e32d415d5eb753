#!/usr/bin/env python3
"""The checks of this folder find what they are for: each is given a small tree with a known fault."""

import json
import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import check_format  # noqa: E402
import check_layering  # noqa: E402
import check_links  # noqa: E402
import check_listed  # noqa: E402
import check_scripts  # noqa: E402
import check_text  # noqa: E402
import tree  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

    def found(self, check):
        return list(check.problems(self.root))

    def expect_one(self, check, beginning):
        found = self.found(check)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(beginning), found[0])


class Layering(Tree):
    def setUp(self):
        super().setUp()
        shutil.copytree(HERE, self.root / "tests/hygiene",
                        ignore=shutil.ignore_patterns("__pycache__"))

    def test_allows_what_the_table_lists(self):
        self.write("model/walk/engine.cpp",
                   '#include "model/walk/engine.h"\n#include <cstdint>\n'
                   '#include "model/arch/bits.h"\n')
        self.write("model/tlm/walker.h", '#include <systemc>\n#include <tlm_utils/peq_with_get.h>\n'
                                         '#include "model/walk/engine.h"\n')
        self.write("model/cli/main.cpp", '#include "model/sim/run.h"\n')
        self.assertEqual(self.found(check_layering), [])

    def test_a_folder_that_is_not_listed(self):
        self.write("model/walk/bad.cpp", '#include <cstdint>\n#include "model/memory/x.h"\n')
        self.expect_one(check_layering, 'model/walk/bad.cpp:2: "model/memory/x.h": walk may include')

    def test_upwards(self):
        self.write("model/arch/bad.h", '#include "model/walk/step.h"\n')
        self.expect_one(check_layering, "model/arch/bad.h:1:")

    def test_one_header_of_a_folder(self):
        self.write("model/guest/good.h", '#include "model/memory/frame_allocator.h"\n')
        self.write("model/guest/bad.h", '#include "model/memory/sparse_memory.h"\n')
        self.expect_one(check_layering, "model/guest/bad.h:1:")

    def test_systemc_below_the_timed_modules(self):
        self.write("model/lookup/bad.h", "#  include <systemc>\n")
        self.expect_one(check_layering, "model/lookup/bad.h:1: <systemc>: systemc is for tlm")
        self.write("model/lookup/bad.h", "#include <tlm_utils/simple_target_socket.h>\n")
        self.expect_one(check_layering, "model/lookup/bad.h:1:")

    def test_a_foreign_header_in_quotes(self):
        self.write("model/memory/bad.h", '#include "systemc.h"\n')
        self.expect_one(check_layering, "model/memory/bad.h:1:")

    def test_yaml_outside_config(self):
        self.write("model/sim/bad.cpp", "#include <yaml-cpp/yaml.h>\n")
        self.expect_one(check_layering, "model/sim/bad.cpp:1: <yaml-cpp/yaml.h>: yaml is for config")

    def test_a_library_that_no_line_lists(self):
        self.write("model/memory/bad.cpp", "#include <boost/container/flat_map.hpp>\n")
        self.expect_one(check_layering, "model/memory/bad.cpp:1: <boost/container/flat_map.hpp>")

    def test_tests_and_bench_from_the_model(self):
        self.write("model/sim/bad.cpp", '#include "tests/support/oracle.h"\n')
        self.expect_one(check_layering, "model/sim/bad.cpp:1:")
        self.write("model/sim/bad.cpp", '#include "tb/rtl_walker.h"\n')
        self.expect_one(check_layering, "model/sim/bad.cpp:1:")

    def test_relative_includes_and_unknown_folders(self):
        self.write("model/walk/bad.cpp", '#include "engine.h"\n')
        self.expect_one(check_layering, "model/walk/bad.cpp:1:")
        self.write("model/walk/bad.cpp", '#include "model/new/thing.h"\n')
        self.expect_one(check_layering, "model/walk/bad.cpp:1:")
        self.write("model/walk/bad.cpp", "")
        self.write("model/new/thing.h", "#pragma once\n")
        self.expect_one(check_layering, "model/new/thing.h:1:")

    def test_links(self):
        self.write("model/walk/CMakeLists.txt",
                   "nestwalk_layer(walk SOURCES engine.cpp LINKS nestwalk::arch)\n")
        self.write("model/tlm/CMakeLists.txt",
                   "nestwalk_layer(tlm SOURCES mmu.cpp LINKS nestwalk::walk nestwalk::systemc)\n")
        self.assertEqual(self.found(check_layering), [])
        self.write("model/walk/CMakeLists.txt", "\nnestwalk_layer(walk LINKS nestwalk::systemc)\n")
        self.expect_one(check_layering, "model/walk/CMakeLists.txt:2: walk may not link")

    def test_the_copy_for_readers(self):
        page = (HERE.parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
        self.write("docs/architecture.md", page)
        self.assertEqual(self.found(check_layering), [])
        self.write("docs/architecture.md", page.replace("driver | arch |", "driver | arch, lookup |"))
        self.expect_one(check_layering, "docs/architecture.md:")
        self.write("docs/architecture.md", page.replace("| 3 | `model/tlm`", "`model/tlm`"))
        self.expect_one(check_layering, "docs/architecture.md:1: no row for tlm")


class Listed(Tree):
    def test_a_file_that_no_target_compiles(self):
        database = "build/release/compile_commands.json"
        entries = [{"file": str(self.root / "tests/unit/walk_test.cpp")}]
        self.write(database, json.dumps(entries))
        self.write("tests/unit/walk_test.cpp", "")
        self.assertEqual(self.found(check_listed), [])
        self.write("tests/unit/lost_test.cpp", "")
        self.expect_one(check_listed, "tests/unit/lost_test.cpp:1:")
        self.write("model/walk/lost.cpp", "")
        self.write(database, json.dumps(entries + [{"file": str(self.root / "tests/unit/lost_test.cpp")}]))
        self.expect_one(check_listed, "model/walk/lost.cpp:1:")

    def test_without_a_build(self):
        with self.assertRaises(tree.Missing):
            self.found(check_listed)


class Text(Tree):
    def test_machine_paths(self):
        self.write("docs/page.md", "see /ho" "me/someone/file\n")
        self.expect_one(check_text, "docs/page.md:1: a path of one machine")
        self.write("docs/page.md", "model/work/x, ~/work/x and /usr/bin/env are fine\n")
        self.assertEqual(self.found(check_text), [])

    def test_notes_to_self(self):
        self.write("model/a.cpp", "// TO" "DO later\n")
        self.expect_one(check_text, "model/a.cpp:1: a note to self")
        self.write("model/a.cpp", "// TO" "DO(gcc 12 lacks std::format): use it\n")
        self.assertEqual(self.found(check_text), [])
        self.write("model/a.cpp", "// mktemp nestwalk-X" "XXXXX\n")
        self.assertEqual(self.found(check_text), [])

    def test_white_space(self):
        for text in ("int x; \n", "int x;", "\tint x;\n", "int x;\r\n"):
            self.write("model/a.cpp", text)
            self.expect_one(check_text, "model/a.cpp:1:")

    def test_headers(self):
        self.write("model/a.h", "// What it is.\n#pragma once\n")
        self.assertEqual(self.found(check_text), [])
        self.write("model/a.h", "#pragma once\n\n#pragma once\n")
        self.expect_one(check_text, "model/a.h:1: a header opens with a comment")
        self.write("model/a.h", "// What it is.\n")
        self.expect_one(check_text, "model/a.h:1: no #pragma once")

    def test_length(self):
        self.write("model/a.cpp", "\n" * 500)
        self.assertEqual(self.found(check_text), [])
        self.write("model/a.cpp", "\n" * 501)
        self.expect_one(check_text, "model/a.cpp:501:")

    def test_fixtures_may_be_wrong(self):
        self.write("tests/golden/fixtures/crlf.yaml", "a: 1\r\n")
        self.assertEqual(self.found(check_text), [])


class Links(Tree):
    def test_links_and_anchors(self):
        self.write("docs/b.md", "# Two words\n")
        self.write("docs/a.md", "[b](b.md) [b](b.md#two-words) [web](https://example.org)\n")
        self.assertEqual(self.found(check_links), [])
        self.write("docs/a.md", "\n[c](c.md)\n")
        self.expect_one(check_links, "docs/a.md:2: link to c.md")
        self.write("docs/a.md", "[b](b.md#three)\n")
        self.expect_one(check_links, "docs/a.md:1: link to b.md#three")

    def test_files_that_are_named(self):
        self.write("README.md", "`model/walk/lost.h`\n")
        self.expect_one(check_links, "README.md:1: names model/walk/lost.h")
        self.write("tests/hygiene/layers.txt", "layer 4 report: arch\n")
        self.write("README.md", "`model/report`, `model/reports`\n")
        self.expect_one(check_links, "README.md:1: names model/reports")
        self.write("README.md", "```\n./nestwalk run configs/lost.yaml\n```\n")
        self.expect_one(check_links, "README.md:2: names configs/lost.yaml")
        self.write("README.md", "`tests/unit/<area>.cmake`\n")
        self.write("tests/unit/x.cmake", "")
        self.assertEqual(self.found(check_links), [])


class Scripts(Tree):
    def test_shell(self):
        if shutil.which("shellcheck") is None:
            self.skipTest("shellcheck is not installed")
        self.write("good", '#!/bin/sh\necho "$1"\n')
        self.assertEqual(self.found(check_scripts), [])
        self.write("bad", "#!/usr/bin/env bash\n\nrm $1\n")
        self.expect_one(check_scripts, "bad:3:")

    def test_python(self):
        self.write("bad.py", "def f(:\n")
        found = []
        try:
            for problem in check_scripts.problems(self.root):
                found.append(problem)
        except tree.Missing:
            pass
        self.assertTrue(found and found[0].startswith("bad.py:1:"), found)


class Format(Tree):
    def test_format(self):
        shutil.copy(HERE.parents[1] / ".clang-format", self.root)
        self.write("model/good.cpp", "int twice(int x) {\n  return 2 * x;\n}\n")
        try:
            self.assertEqual(self.found(check_format), [])
        except tree.Missing as missing:
            self.skipTest(f"{missing} is not installed")
        self.write("model/bad.cpp", "int  twice( int x ) { return 2*x; }\n")
        self.expect_one(check_format, "model/bad.cpp:1:")


if __name__ == "__main__":
    unittest.main()
