#!/usr/bin/env python3
"""Instructions that each case of benches/hot takes, counted by valgrind: the same for the same code, however busy the
machine is. Beside them the kept ones (benches/results/instructions.json) and how far they are off.

--keep makes the numbers the kept ones. --limit PERCENT fails if a case takes so much more than was kept."""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
KEPT = HOUSE / "benches/results/instructions.json"
# What the program does before and after is in both counts, and so in neither difference.
FEW, MANY = 20, 220


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-instructions", description=__doc__)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--limit", type=float, metavar="PERCENT")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only those whose name has this")
    chosen = parser.parse_args()
    program = build()
    cases = [case for case in list_of(program) if not chosen.cases or any(text in case for text in chosen.cases)]
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(cases, pool.map(lambda case: instructions(program, case), cases)))
    too_many = False
    for case, count in counted.items():
        change = 100 * (count / kept[case] - 1) if case in kept else None
        too_many |= change is not None and chosen.limit is not None and change > chosen.limit
        print(f"{case:28} {count:12,.1f} {'' if change is None else f'{change:+8.2f} %'}")
    if chosen.keep:
        KEPT.write_text(json.dumps({**kept, **counted}, indent=1) + "\n")
    sys.exit(too_many)


def build() -> Path:
    command = ["cargo", "bench", "--bench", "hot", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=HOUSE, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    return next(Path(message["executable"]) for message in messages
                if message["reason"] == "compiler-artifact" and message["target"]["name"] == "hot")


def list_of(program: Path) -> list[str]:
    return subprocess.run([program], env={"FOREBAY_BENCH_CASE": "list"}, check=True, capture_output=True, text=True).stdout.splitlines()


def instructions(program: Path, case: str) -> float:
    """For doing it once."""
    return (total(program, case, MANY) - total(program, case, FEW)) / (MANY - FEW)


def total(program: Path, case: str, times: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program]
    environment = {"FOREBAY_BENCH_CASE": case, "FOREBAY_BENCH_TIMES": str(times)}
    said = subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True, text=True).stderr
    return int(re.search(r"Collected : (\d+)", said)[1])


main()
