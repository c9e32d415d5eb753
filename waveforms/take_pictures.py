#!/usr/bin/env python3
"""Takes the pictures of docs/guide/waves.md from GTKWave, without a screen.

    waveforms/take_pictures.py                    # all of them, into docs/guide/pictures
    waveforms/take_pictures.py killed-walk        # one of them

Needs a built `nestwalk` (build/release, or --program) and Debian's packages gtkwave, xvfb and
imagemagick. The last two are of the RTL's bench: they need the
test program rtl_waves_test of the same build.
"""
import argparse
import bisect
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DISPLAY = ":78"
WIDTH = 1400
NAME_PIXELS = 190
CHROME_PIXELS = 35  # beside names and waves
TOP_PIXELS = 108    # title and buttons, which are left out
LINE_PIXELS = 23
FRAME_PIXELS = 200  # GTKWave's scale: 2^-zoom whole time units to so many pixels
SCREEN = (WIDTH, 700)

SLOT = "tlm.core0.walker.slot0."
UNCACHED = ["--set", "machine.walker.pwc.organisation=none",
            "--set", "machine.walker.ntlb.array.entries=0"]
GUPS = ["configs/examples/gups.yaml", "--mode", "nested", "--set", "machine.timing=at",
        "--set", "vms.0.processes.0.workload.num_accesses=300"]
# Flags of a line in a save file: hexadecimal, decimal, text, bit, names from the file.
HEX, DECIMAL, TEXT, BIT, NAMES = "@22", "@24", "@20", "@28", "@100000028"
WALK_LINES = [("state", 3, NAMES), ("position", 0, TEXT), ("stage", 2, NAMES), ("reads", 32, DECIMAL),
              ("lookup", 2, NAMES), ("fill", 1, BIT), ("gva", 64, HEX)]


class Waves:
    """The values of a wave file, by path: [(time, text)]."""

    def __init__(self, path):
        text = subprocess.run(["fst2vcd", str(path)], check=True, capture_output=True, text=True).stdout
        codes, scopes, now = {}, [], 0
        self.values = {}
        for line in text.splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == "$scope":
                scopes.append(words[2])
            elif words[0] == "$upscope":
                scopes.pop()
            elif words[0] == "$var":
                name = ".".join(scopes + [words[4]])
                self.values[name] = []
                codes.setdefault(words[3], []).append(name)
            elif words[0][0] == "#":
                now = int(words[0][1:])
            elif words[0][0] in "bs" and len(words) == 2:
                for name in codes.get(words[1], []):
                    self.values[name].append((now, words[0][1:]))
            elif words[0][0] in "01x":
                for name in codes.get(words[0][1:], []):
                    self.values[name].append((now, words[0][0]))
        self.end = now

    def numbers(self, name):
        return [(time, int(text, 2)) for time, text in self.values[name]]

    def at(self, name, when):
        series = self.values[name]
        index = bisect.bisect_right(series, when, key=lambda change: change[0])
        return int(series[index - 1][1], 2) if index else None


def record(program, folder, arguments, window):
    """A run with waves; where they are."""
    command = [str(program), "run", *arguments, "--wave", "fst", "--out", str(folder), "--force", *window]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return folder / "waves.fst"


def one_walk(number):
    return ["--wave-from", f"walk:{number}", "--wave-to", f"walk:{number}"]


def walks_of(waves, slot=SLOT):
    """Every walk that has ended: (number, begin, end, reads, address)."""
    found = []
    begins = waves.numbers(slot + "walk")
    for (begin, number), (next_begin, _) in zip(begins, begins[1:]):
        found.append((number, begin, next_begin, waves.at(slot + "reads", next_begin - 1),
                      waves.at(slot + "gva", begin)))
    return found


def is_of_program(address):
    return address < 1 << 47


def save_file(path, wave_path, lines, begin, end):
    """A save file of GTKWave that shows some signals from `begin` to `end`."""
    pixels = WIDTH - NAME_PIXELS - CHROME_PIXELS
    zoom = -math.log2(math.ceil((end - begin) * FRAME_PIXELS / pixels) + 0.01)
    text = [f'[dumpfile] "{wave_path}"', f"[timestart] {begin}", f"[size] {SCREEN[0]} {SCREEN[1]}", "[pos] 0 0",
            f"*{zoom:.6f} -1", "[sst_expanded] 0", f"[signals_width] {NAME_PIXELS}"]
    for name, signal, width, flags in lines:
        if signal is None:
            text += ["@200", f"-{name}"]
        else:
            bits = f"[{width - 1}:0]" if width > 1 else ""
            text += [flags, f"+{{{name}}} {signal}{bits}"]
    path.write_text("\n".join(text) + "\n")


def lines_of(slot, title, extra=()):
    return ([(title, None, 0, "")] +
            [(name, slot + name, width, flags) for name, width, flags in [*WALK_LINES, *extra]])


def shoot(wave_path, lines, begin, end, picture, folder):
    view = folder / "view.gtkw"
    save_file(view, wave_path, lines, begin, end)
    environment = dict(os.environ, DISPLAY=DISPLAY)
    viewer = subprocess.Popen(["gtkwave", "--rcvar", "hide_sst on", "--rcvar", "splash_disable on",
                               str(wave_path), str(view)],
                              env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(5)
    subprocess.run(["import", "-window", "root", "-crop", f"{WIDTH}x{(len(lines) + 1) * LINE_PIXELS + 14}+0+{TOP_PIXELS}", "+repage",
                    str(picture)],
                   env=environment, check=True)
    viewer.terminate()
    viewer.wait()
    print(picture)


def cold_and_cached(program, folder, pictures, wanted):
    """The same access of the program, without and with walk caches."""
    all_waves = Waves(record(program, folder / "all", GUPS + UNCACHED, []))
    number, _, _, _, address = [w for w in walks_of(all_waves) if w[3] == 24 and is_of_program(w[4])][-1]
    cached = Waves(record(program, folder / "warm", GUPS, []))
    cached_number = [w[0] for w in walks_of(cached) if w[4] == address][-1]
    path = record(program, folder / "cold", GUPS + UNCACHED, one_walk(number))
    waves = Waves(path)
    begin, end = waves.numbers(SLOT + "walk")[0][0], waves.end
    if "cold-walk" in wanted:
        shoot(path, lines_of(SLOT, "a cold walk"), begin - 1, end + 1,
              pictures / "cold-walk.png", folder)
    if "cached-walk" in wanted:
        path = record(program, folder / "cached", GUPS, one_walk(cached_number))
        cached = Waves(path)
        begin = cached.numbers(SLOT + "walk")[0][0]
        shoot(path, lines_of(SLOT, "with caches"), begin - 1, cached.end + 1,
              pictures / "cached-walk.png", folder)


def bench_waves(build, folder, case):
    """What a case of the RTL bench's own test writes."""
    test = build / "tests" / "cosim" / "rtl_waves_test"
    environment = dict(os.environ, NESTWALK_KEEP_WAVES=str(folder))
    subprocess.run([str(test), f"--gtest_filter=RtlWaves.{case}"], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    return folder / "case.fst"


def killed(build, folder, pictures):
    """A walk of the RTL that an invalidation kills."""
    path = bench_waves(build, folder, "AKilledWalkShowsTheInvalidationAndBeginsAnew")
    waves = Waves(path)
    walker = "rtl.walker."
    lines = [("a killed walk", None, 0, ""),
             ("invalidate", walker + "invalidate", 1, BIT), ("operation", walker + "operation", 5, NAMES),
             ("kill", walker + "slot0.kill", 1, BIT)] + lines_of(walker + "slot0.", "")[1:5]
    killed_at = next(time for time, value in waves.numbers(walker + "slot0.kill") if value == 1)
    shoot(path, lines, killed_at - 70, killed_at + 90, pictures / "killed-walk.png", folder)


def rtl(build, folder, pictures):
    """The model's walk and the RTL's in one file."""
    path = bench_waves(build, folder, "BothSidesShowTheTwentyFourPositionsInOrder")
    waves = Waves(path)
    lines = []
    for side, title in (("rtl", "the RTL"), ("tlm", "the model")):
        slot = side + ".walker.slot0."
        lines += [(title, None, 0, "")] + lines_of(slot, "")[1:5]
    begin = next(time for time, number in waves.numbers("rtl.walker.slot0.walk") if number == 1)
    shoot(path, lines, begin, waves.end, pictures / "rtl-and-model.png", folder)


NAMES_OF_PICTURES = ["cold-walk", "cached-walk", "killed-walk", "rtl-and-model"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help=", ".join(NAMES_OF_PICTURES))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "guide" / "pictures")
    options = parser.parse_args()
    wanted = options.pictures or NAMES_OF_PICTURES
    for name in wanted:
        if name not in NAMES_OF_PICTURES:
            parser.error(f"no picture {name}; pictures: {', '.join(NAMES_OF_PICTURES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    program = options.build.resolve() / "nestwalk"
    screen = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24"],
                              stderr=subprocess.DEVNULL)
    time.sleep(1)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            if {"cold-walk", "cached-walk"} & set(wanted):
                cold_and_cached(program, folder, options.out, wanted)
            if "killed-walk" in wanted:
                killed(options.build.resolve(), folder, options.out)
            if "rtl-and-model" in wanted:
                rtl(options.build.resolve(), folder, options.out)
    finally:
        screen.terminate()


if __name__ == "__main__":
    main()
