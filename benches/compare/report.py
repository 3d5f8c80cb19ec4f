"""What the runs say: medians, a table, a JSON file."""

import json
import os
import platform
import re
import statistics
import subprocess
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from cluster import program
from idle import Idle
from load import LARGE_MB, Run, Workload

DIRECT, MEASURE = "direct", "HAProxy"
"""Throughput is held against the first, CPU time against the second."""
HEAD = ["workload", "clients", "through", "queries/s", "of direct", "avg ms", "p95 ms", "CPU µs", "user + system", f"of {MEASURE}",
        "calls", "RSS MiB"]
IDLE_HEAD = ["idle clients", "through", "number", "KiB each", "CPU ms/s, all"]


class Report:
    """Figures by workload, clients and target; kept in a file, so that a part can be measured again."""

    def __init__(self, file: Path):
        self.file = file
        self.figures = json.loads(file.read_text()) if file.exists() else {}
        self.rounds: dict[tuple, list[dict[str, Run]]] = defaultdict(list)

    def add(self, workload: Workload, clients: int, runs: dict[str, Run]) -> None:
        """One round: a run for each target."""
        rounds = self.rounds[workload.name, clients]
        rounds.append(runs)
        loads = self.figures.setdefault("loads", {}).setdefault(workload.name, {})
        loads[str(clients)] = {name: medians(rounds, name) for name in runs}

    def add_idle(self, what: str, target: str, idle: Idle) -> None:
        self.figures.setdefault("idle", {}).setdefault(what, {})[target] = asdict(idle)

    def save(self) -> None:
        self.figures["machine"] = machine()
        self.file.write_text(json.dumps(self.figures, indent=1, ensure_ascii=False) + "\n")

    def tables(self) -> str:
        loads = [load_row(name, clients, target, figures)
                 for name, by_clients in self.figures.get("loads", {}).items()
                 for clients, by_target in by_clients.items() for target, figures in by_target.items()]
        idle = [[what, target, str(figures["clients"]), f"{figures['kib_per_client']:.1f}", f"{figures['cpu_ms_per_s']:.1f}"]
                for what, by_target in self.figures.get("idle", {}).items() for target, figures in by_target.items()]
        return "\n\n".join(markdown(head, rows) for head, rows in [(HEAD, loads), (IDLE_HEAD, idle)] if rows)

    def put_into(self, readme: Path) -> None:
        about = self.figures["machine"]
        text = "\n\n".join([", ".join(about.values()) + ".", self.tables()])
        marked = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)
        readme.write_text(marked.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", readme.read_text()))


def medians(rounds: list[dict[str, Run]], name: str) -> dict:
    """Of each figure by itself; ratios are taken within a round, whose runs the machine treated alike."""
    def median(figure) -> float:
        return statistics.median(figure(runs) for runs in rounds)

    def cpu(run: Run) -> float:
        return run.user_us + run.system_us

    figures = {key: median(lambda runs: getattr(runs[name], key))
               for key in ("queries_per_s", "latency_avg_ms", "latency_p95_ms", "user_us", "system_us", "rss_kib", "others")}
    figures["of_direct"] = median(lambda runs: runs[name].queries_per_s / runs[DIRECT].queries_per_s)
    if name != DIRECT:
        figures["cpu_of_haproxy"] = median(lambda runs: cpu(runs[name]) / cpu(runs[MEASURE]))
    calls = [runs[name].calls for runs in rounds if runs[name].calls]
    return {**figures, "calls": calls[-1] if calls else {}}


def load_row(workload: str, clients: str, target: str, figures: dict) -> list[str]:
    # A result that is told by its size costs so much for a MB.
    per = LARGE_MB if workload.endswith("result") else 1
    unit = "/MB" if per > 1 else ""
    user, system, calls = figures["user_us"] / per, figures["system_us"] / per, sum(figures["calls"].values()) / per
    row = [workload, clients, target, f"{figures['queries_per_s']:.0f}", f"{figures['of_direct']:.2f}",
           f"{figures['latency_avg_ms']:.3g}", f"{figures['latency_p95_ms']:.3g}"]
    if target == DIRECT:
        return [*row, "", "", "", "", ""]
    return [*row, f"{user + system:.1f}{unit}", f"{user:.1f} + {system:.1f}", f"{figures['cpu_of_haproxy']:.2f}",
            f"{calls:.1f}{unit}" if calls else "", f"{figures['rss_kib'] / 1024:.0f}"]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def machine() -> dict[str, str]:
    def says(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cpu": f"{len(os.sched_getaffinity(0))} cores of {model[1] if model else platform.processor()}",
        "kernel": f"Linux {platform.release()}",
        "server": "MariaDB " + re.search(r"Ver ([\d.]+)", says(program("mariadbd"), "--version"))[1],
        "haproxy": " ".join(says(program("haproxy"), "-v").split()[:3:2]).split("-")[0],
        "sysbench": says(program("sysbench"), "--version"),
        "forebay": "Forebay at " + says("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
    }
