"""One run of sysbench against one target."""

import os
import re
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import calls
import cost
from cluster import ROWS, TABLES, login, program
from proxies import FROM_MEMORY, IN_VAIN, Target

LARGE = str(Path(__file__).parent / "large.lua")
LARGE_MB = 20
LINE = re.compile(r"\[ \d+s \] thds: \d+ tps: ([\d.]+) qps: ([\d.]+) .*lat \(ms,95%\): ([\d.]+)")


@dataclass
class Workload:
    name: str
    script: str
    server: str
    """Where direct connections and HAProxy go: where Forebay sends it."""
    ps_mode: str
    """sysbench's: `disable` is text, `auto` is prepared."""
    clients: tuple[int, ...] = (1, 8, 64)
    rows: int = ROWS
    """Of each table, so many are read."""
    also: str = ""
    """What else takes part, by what is behind its name: FROM_MEMORY, IN_VAIN."""


WORKLOADS = [
    Workload("point select, text", "oltp_point_select", "replica", "disable", also=IN_VAIN),
    Workload("point select, prepared", "oltp_point_select", "replica", "auto", also=IN_VAIN),
    Workload("few rows again and again, text", "oltp_point_select", "replica", "disable", rows=1000, also=FROM_MEMORY),
    Workload("few rows again and again, prepared", "oltp_point_select", "replica", "auto", rows=1000, also=FROM_MEMORY),
    # sysbench reads in a transaction, which may yet write: the primary's.
    Workload("read only, text", "oltp_read_only", "primary", "disable"),
    Workload("read only, prepared", "oltp_read_only", "primary", "auto"),
    Workload("read write, text", "oltp_read_write", "primary", "disable"),
    Workload("read write, prepared", "oltp_read_write", "primary", "auto"),
    Workload(f"{LARGE_MB} MB result", LARGE, "replica", "disable", (1, 8)),
]


@dataclass
class Run:
    queries_per_s: float
    latency_avg_ms: float
    """Of an event: a statement, or a transaction of `read only` and `read write`."""
    latency_p95_ms: float
    user_us: float = 0.0
    """The proxy's CPU time for a query."""
    system_us: float = 0.0
    rss_kib: int = 0
    others: float = 0.0
    """The share of the processors that was used by what has nothing to do with it."""
    calls: dict[str, float] = field(default_factory=dict)
    """The proxy's system calls for a query; only where they were asked for, since counting costs."""


def run(workload: Workload, clients: int, target: Target, seconds: int, ours: list[int], count_calls: bool = False) -> Run:
    """The first second, with its logins and cold caches, is left out. `ours`: the processes that take part."""
    counter = calls.counter(target.pid) if count_calls else None
    command = [program("sysbench"), workload.script, *login(target.host, target.port[workload.server]),
               f"--tables={TABLES}", f"--table-size={workload.rows}", f"--threads={clients}", f"--time={seconds + 60}",
               f"--db-ps-mode={workload.ps_mode}", "--report-interval=1", "--rand-type=uniform", "run"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, seen, counted = [], [], {}
    try:
        for line in process.stdout:
            said.append(line)
            if not (match := LINE.match(line)):
                continue
            seen.append([float(number) for number in match.groups()])
            if len(seen) == 1:
                before, others = cost.cpu(target.pid), cost.Others([*ours, process.pid, os.getpid()])
                if counter:
                    counter.start()
            if len(seen) == 1 + seconds:
                used, others = cost.cpu(target.pid) - before, others.share()
                if counter:
                    counted = counter.stop()
                break
        else:
            raise SystemExit(f"{workload.name}, {target.name}:\n{''.join(said)}")
        rss = cost.rss_kib(target.pid) if target.pid else 0
    finally:
        process.kill()
        process.wait()
    tps, qps, p95 = (statistics.fmean(column) for column in zip(*seen[1:]))
    if not qps:
        raise SystemExit(f"{workload.name}, {target.name}: nothing was answered")
    queries = qps * seconds
    return Run(qps, 1e3 * clients / tps, p95, used.user * 1e6 / queries, used.system * 1e6 / queries, rss, others,
               {name: count / queries for name, count in counted.items() if count})
