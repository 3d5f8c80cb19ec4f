"""Forebay in front of the cluster, and what it holds at a moment."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster import PASSWORD, USER, Cluster, free_port, stop, wait_for_port

MIB = 1 << 20


@dataclass
class Held:
    rss_mib: float
    descriptors: int
    server_connections: int
    prepared: int
    """Statements that are prepared on the servers at the moment."""
    prepares: int
    """How many PREPAREs they have had."""

    def row(self, *front) -> str:
        return row(*front, f"{self.rss_mib:.1f}", self.descriptors, self.server_connections, self.prepared, self.prepares)


class Forebay:
    """`with Forebay(program, cluster, limits) as forebay:` – it serves on `forebay.port`."""

    def __init__(self, program: Path, cluster: Cluster, limits: str = "", pool: str = ""):
        self.program, self.cluster, self.limits, self.pool = program, cluster, limits, pool

    def __enter__(self) -> "Forebay":
        self.port = free_port()
        self.folder = self.cluster.folder
        file = self.folder / "memory.yaml"
        servers = {"primary": self.cluster.primary.port, "replica": self.cluster.replica.port}
        file.write_text(f"""
listen: 127.0.0.1:{self.port}
servers:
  - {{ name: primary, address: "127.0.0.1:{servers['primary']}", role: primary }}
  - {{ name: replica, address: "127.0.0.1:{servers['replica']}", role: replica }}
users: [{{ name: {USER}, password: {PASSWORD} }}]
limits: {{ max_clients: 20000, login_delay: off{self.limits} }}
pool: {{ idle_timeout: 3s{self.pool} }}
log: {{ level: error }}
""")
        with open(self.folder / "memory.log", "wb") as log:
            self.process = subprocess.Popen([self.program, "run", "--config", file], stdout=log, stderr=log)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_) -> None:
        stop(self.process)

    @property
    def pid(self) -> int:
        return self.process.pid

    def rss_mib(self, peak: bool = False) -> float:
        """Resident now; or at most since `forget_peak`."""
        name = "VmHWM" if peak else "VmRSS"
        return int(re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1]) / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def held(self) -> Held:
        """Of the servers' connections those of the client's user: the health checks' and the replication's are in it too."""
        counts = [int(server.sql(f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{USER}'"))
                  for server in self.cluster.servers]
        status = [server.sql(f"SHOW GLOBAL STATUS LIKE '{name}'").split()[1]
                  for name in ("Prepared_stmt_count", "Com_stmt_prepare") for server in self.cluster.servers]
        prepared, prepares = (sum(map(int, status[at:at + len(counts)])) for at in (0, len(counts)))
        return Held(self.rss_mib(), len(list(Path(f"/proc/{self.pid}/fd").iterdir())), sum(counts), prepared, prepares)


def row(*cells) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def head(*names: str) -> str:
    return row(*names) + "\n" + row(*("---:" for _ in names))
