"""System calls of a process by name."""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter

# Those that a proxy makes; whatever else there is counts as `other`.
NAMES = ["read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg", "sendmsg", "splice", "epoll_wait",
         "epoll_pwait", "epoll_ctl", "poll", "futex", "sched_yield", "clock_gettime", "madvise", "mmap", "munmap"]


def counter(pid: int | None) -> "ByPerf | ByStrace | None":
    """perf, which hardly slows the process; else strace, which does much, so that it finds more ready at each look."""
    if pid is None:
        return None
    probe = ["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"]
    if shutil.which("perf") and subprocess.run(probe, capture_output=True).returncode == 0:
        return ByPerf(pid)
    return ByStrace(pid) if shutil.which("strace") else None


class ByPerf:
    """Ready when made; counts from `start` to `stop`."""

    def __init__(self, pid: int):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        events = ["raw_syscalls:sys_enter", *(f"syscalls:sys_enter_{name}" for name in NAMES)]
        command = ["perf", "stat", "-x,", "-D", "-1", "--control", f"fd:{commands},{answers}", "-p", str(pid), "-e", ",".join(events)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=(commands, answers))
        os.close(commands)
        os.close(answers)
        self.tell("ping")

    def tell(self, word: str) -> None:
        os.write(self.commands, f"{word}\n".encode())
        os.read(self.answers, 16)

    def start(self) -> None:
        self.tell("enable")

    def stop(self) -> Counter:
        self.tell("disable")
        self.process.send_signal(signal.SIGINT)
        lines = self.process.communicate()[1].splitlines()
        os.close(self.commands)
        os.close(self.answers)
        fields = [line.split(",") for line in lines]
        counts = {at[2].rpartition(":")[2].removeprefix("sys_enter").lstrip("_"): int(at[0])
                  for at in fields if len(at) > 2 and at[0].isdigit()}
        everything = counts.pop("", 0)
        return Counter({**counts, "other": everything - sum(counts.values())})


class ByStrace:
    def __init__(self, pid: int):
        self.pid = pid

    def start(self) -> None:
        command = ["strace", "-c", "-f", "-p", str(self.pid)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def stop(self) -> Counter:
        self.process.send_signal(signal.SIGINT)
        table = self.process.communicate()[1]
        rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", table, re.MULTILINE)
        return Counter({name: int(count) for count, name in rows if name != "total"})
