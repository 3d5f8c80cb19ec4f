"""HAProxy, Forebay and bare relays in front of the cluster, with as many worker threads each."""

import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster import PASSWORD, USER, Cluster, free_port, program, stop, wait_for_port


FROM_MEMORY = ", from memory"
"""Behind the name of what answers from memory: a Forebay that caches whatever may be, a bare relay that keeps all."""
IN_VAIN = ", in vain"
"""Behind the name of a Forebay that looks for each answer in memory, finds none that is not over, and keeps the server's."""
TTL = {FROM_MEMORY: "10m", IN_VAIN: "1ms"}


@dataclass
class Target:
    """Where clients connect. `port` has a key for each server that may be meant: `primary` and `replica`."""

    name: str
    host: str
    port: dict[str, int]
    pid: int | None = None


def worker_threads() -> int:
    """What Forebay's runtime takes by itself."""
    return len(os.sched_getaffinity(0))


def most_clients() -> int:
    """A proxy takes two sockets for a client, and some for itself."""
    return (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 400) // 2


class Proxies:
    """`with Proxies(…) as targets:` – a direct connection, HAProxy, each build of Forebay, and peers that run already."""

    def __init__(self, cluster: Cluster, builds: dict[str, Path], peers: list[str]):
        self.cluster, self.builds, self.peers = cluster, builds, peers
        self.running: list[subprocess.Popen] = []

    def __enter__(self) -> list[Target]:
        ports = {"primary": self.cluster.primary.port, "replica": self.cluster.replica.port}
        try:
            forebays = [self.start_forebay(name + kind, build, ports)
                        for name, build in self.builds.items() for kind in ("", *TTL)]
            return [Target("direct", "127.0.0.1", ports), self.start_haproxy(ports), *forebays,
                    *self.start_relay("", ports), *self.start_relay(FROM_MEMORY, ports), *map(peer, self.peers)]
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_) -> None:
        for process in self.running:
            stop(process)

    def start_haproxy(self, servers: dict[str, int]) -> Target:
        ports = {name: free_port() for name in servers}
        listeners = "".join(f"""
listen {name}
  bind 127.0.0.1:{ports[name]}
  server {name} 127.0.0.1:{servers[name]}
""" for name in servers)
        file = self.cluster.folder / "haproxy.cfg"
        file.write_text(f"""
global
  nbthread {worker_threads()}
  maxconn {most_clients()}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
{listeners}""")
        process = self.start("haproxy", [program("haproxy"), "-db", "-f", file], ports["primary"])
        return Target("HAProxy", "127.0.0.1", ports, process.pid)

    def start_relay(self, kind: str, servers: dict[str, int]) -> list[Target]:
        """What a proxy on tokio costs at the least: benches/bare_relay.rs, if it has been built."""
        built = next(iter(self.builds.values())).parent / "examples/bare_relay"
        if not built.exists():
            return []
        ports = {name: free_port() for name in servers}
        pairs = [word for name, port in servers.items() for word in (f"127.0.0.1:{port}", ports[name])]
        options = ["--from-memory"] if kind == FROM_MEMORY else []
        process = self.start("bare relay" + kind, [built, *options, *pairs], ports["primary"])
        return [Target("bare relay" + kind, "127.0.0.1", ports, process.pid)]

    def start_forebay(self, name: str, build: Path, servers: dict[str, int]) -> Target:
        port = free_port()
        rules = self.cluster.folder / f"{name} rules"
        rules.mkdir(exist_ok=True)
        for kind, ttl in TTL.items():
            if name.endswith(kind):
                (rules / "cache.yaml").write_text(f"rules: [{{name: all, match: {{kind: select}}, cache: {{ttl: {ttl}}}}}]\n")
        file = self.cluster.folder / f"{name}.yaml"
        file.write_text(f"""
listen: 127.0.0.1:{port}
servers:
  - {{ name: primary, address: "127.0.0.1:{servers['primary']}", role: primary }}
  - {{ name: replica, address: "127.0.0.1:{servers['replica']}", role: replica }}
users:
  - {{ name: {USER}, password: {PASSWORD} }}
limits:
  max_clients: {most_clients()}
routing:
  rules: "{rules}"
log:
  level: warn
""")
        process = self.start(name, [build, "run", "--config", file], port)
        return Target(name, "127.0.0.1", {name: port for name in servers}, process.pid)

    def start(self, name: str, command: list, port: int) -> subprocess.Popen:
        with open(self.cluster.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        self.running.append(process)
        wait_for_port(port, process)
        return process


def peer(text: str) -> Target:
    """`name=host:port:pid`"""
    name, _, address = text.partition("=")
    host, port, pid = address.rsplit(":", 2)
    return Target(name, host, {"primary": int(port), "replica": int(port)}, int(pid))
