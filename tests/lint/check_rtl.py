#!/usr/bin/env python3
"""Elaborates one SystemVerilog module alone; any warning is a failure.

    check_rtl.py ROOT verilator|yosys MODULE [PARAMETER=VALUE | MACRO]...

verilator: its linter with all warnings, waivers in rtl/lint/waivers.vlt. yosys: reads, elaborates,
makes processes into registers, and checks for undriven wires and loops. Skipped without the tool.
"""

import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "hygiene"))
import tree  # noqa: E402 (the path is set above)

PACKAGES = ("bug_pkg", "mmu_arch_pkg", "walker_pkg")
# Yosys says so where an array of registers is read at an index; that is what is meant.
EXPECTED = ("Replacing memory",)


def sources(root):
    packages = [root / "rtl/pkg" / f"{name}.sv" for name in PACKAGES]
    return packages, [path for folder in ("prim", "lookup", "walker")
                      for path in sorted(root.glob(f"rtl/{folder}/*.sv"))]


def verilator(root, module, parameters):
    packages, modules = sources(root)
    bench = sorted(root.glob("tb/sv/*.sv"))
    own = [path for path in modules + bench if path.stem == module]
    folders = sorted({path.parent for path in modules + bench})
    return ["verilator", "--lint-only", "-Wall", "--assert", root / "rtl/lint/waivers.vlt",
            *packages, *own, *(word for folder in folders for word in ("-y", folder)),
            *(("-G" if "=" in word else "-D") + word for word in parameters), "--top-module", module]


def yosys(root, module, parameters):
    packages, modules = sources(root)
    commands = ["read_verilog -sv " + " ".join(map(str, packages + modules))]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        commands.append(f"chparam -set {name} {value} {module}")
    commands += [f"hierarchy -check -top {module}", "proc", "opt", "check -assert"]
    return ["yosys", "-q", "-p", "; ".join(commands)]


def problems(root, tool, module, *parameters):
    if shutil.which(tool) is None:
        raise tree.Missing(f"no {tool} (./nestwalk setup installs it)")
    command = {"verilator": verilator, "yosys": yosys}[tool](
        pathlib.Path(root).resolve(), module, parameters)
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    lines = [line for line in (run.stdout + run.stderr).splitlines()
             if line.strip() and not any(text in line for text in EXPECTED)]
    if run.returncode != 0 and not lines:
        lines = [f"{tool} ended with status {run.returncode}"]
    yield from lines


if __name__ == "__main__":
    sys.exit(tree.main(problems))
