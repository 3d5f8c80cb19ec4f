"""Requests of an application whose servers are not on its host, direct and through Forebay; see benches/README.md."""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
sys.path.append(str(HOUSE / "benches/compare"))

import requests
from cluster import Cluster, free_port, stop, wait_for_port
from proxies import Proxies

ROUNDS, IDLE_S = 3, 2


class Network:
    """`with Network(…) as network:` – servers that are so far away; `network.cluster` has them."""

    def __init__(self, relay: Path, cluster: Cluster, round_trip_ms: float):
        self.relay, self.cluster, self.one_way_us = relay, cluster, round(round_trip_ms * 500)

    def __enter__(self) -> "Network":
        self.counts = free_port()
        self.ports = [free_port() for _ in self.cluster.servers]
        pairs = [word for server, port in zip(self.cluster.servers, self.ports) for word in (f"127.0.0.1:{server.port}", str(port))]
        self.process = subprocess.Popen([self.relay, str(self.counts), str(self.one_way_us), *pairs])
        wait_for_port(self.counts, self.process)
        return self

    def __exit__(self, *_) -> None:
        stop(self.process)

    def round_trips(self) -> int:
        with socket.create_connection(("127.0.0.1", self.counts)) as asks:
            return int(asks.makefile().read())


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-delay", description=__doc__)
    parser.add_argument("--forebay", type=Path, default=HOUSE / "target/release/forebay", metavar="PROGRAM")
    parser.add_argument("--relay", type=Path, default=HOUSE / "target/release/examples/delaying_relay", metavar="PROGRAM")
    parser.add_argument("--seconds", type=float, default=3, help="how long each run takes [3]")
    parser.add_argument("--round-trip", type=float, action="append", metavar="MS", help="how far the servers are [0, 0.5 and 2]")
    chosen = parser.parse_args()
    print("| request | round trip ms | through | requests/s | µs each | of direct | round trips to servers, each |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory(prefix="forebay-delay-") as folder, Cluster(Path(folder)) as cluster:
        for round_trip_ms in chosen.round_trip or [0, 0.5, 2]:
            with Network(chosen.relay, cluster, round_trip_ms) as network:
                measure(network, cluster, chosen, round_trip_ms)


def measure(network: Network, cluster: Cluster, chosen: argparse.Namespace, round_trip_ms: float) -> None:
    primary, replica = network.ports
    proxies = Proxies(cluster, {}, [])
    try:
        forebay = proxies.start_forebay("delayed", chosen.forebay, {"primary": primary, "replica": replica}).port["primary"]
        for name, request in requests.REQUESTS.items():
            runs = {"direct": [], "Forebay": []}
            # By turns, so that what else the machine does falls on both.
            for _ in range(ROUNDS):
                for through, port in (("direct", primary), ("Forebay", forebay)):
                    runs[through].append(run(request, port, network, chosen.seconds))
            seconds = {through: statistics.median(one[0] for one in all_runs) for through, all_runs in runs.items()}
            for through, all_runs in runs.items():
                trips = statistics.median(one[1] for one in all_runs)
                print(f"| {name} | {round_trip_ms:g} | {through} | {1 / seconds[through]:.0f} | {seconds[through] * 1e6:.0f} | "
                      f"{seconds['direct'] / seconds[through]:.2f} | {trips:.1f} |", flush=True)
    finally:
        proxies.__exit__()


def run(request, port: int, network: Network, seconds: float) -> tuple[float, float]:
    """Seconds and round trips for a request, without those that pass when nobody asks (health checks, replication)."""
    with request(port) as once:
        for _ in range(20):
            once()
        idle = network.round_trips()
        time.sleep(IDLE_S)
        idle_a_second = (network.round_trips() - idle) / IDLE_S
        trips, begun, done = network.round_trips(), time.perf_counter(), 0
        while time.perf_counter() < begun + seconds:
            once()
            done += 1
        took = time.perf_counter() - begun
        return took / done, (network.round_trips() - trips - idle_a_second * took) / done


main()
