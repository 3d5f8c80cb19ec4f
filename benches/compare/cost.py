"""What a process costs: CPU time and memory; and what others cost meanwhile."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Cpu:
    """Seconds."""

    user: float = 0.0
    system: float = 0.0

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user - other.user, self.system - other.system)


def cpu(pid: int | None) -> Cpu:
    """All of its threads since it began; nothing for no process. The scheduler counts the sum exactly; how much of it is
    the kernel's it sees at its ticks."""
    if pid is None:
        return Cpu()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = (int(ticks) * TICK_S for ticks in fields[11:13])
    exact = sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    scale = exact / (user + system) if user + system else 0.0
    return Cpu(user * scale, system * scale)


def rss_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Others:
    """What else the machine does: processor time that is not `ours`."""

    def __init__(self, ours: list[int]):
        self.ours, self.began = ours, time.monotonic()
        self.before = self.seconds()

    def seconds(self) -> float:
        user, nice, system, _idle, _wait, irq, softirq, steal, *_ = Path("/proc/stat").read_text().split()[1:]
        busy = sum(map(int, (user, nice, system, irq, softirq, steal))) * TICK_S
        return busy - sum(used.user + used.system for used in map(cpu, self.ours))

    def share(self) -> float:
        """Of all processors, since it began."""
        return (self.seconds() - self.before) / (time.monotonic() - self.began) / os.cpu_count()
