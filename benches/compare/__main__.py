"""Forebay, HAProxy and a direct connection side by side; see benches/README.md."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

import idle
import load
from cluster import Cluster
from proxies import TTL, Proxies, Target
from report import DIRECT, Report

HOUSE = Path(__file__).resolve().parents[2]
TRIES, OTHERS_LIMIT = 4, 0.05


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds, into target/bench: to see whether something is far off")
    parser.add_argument("--rounds", type=int, help="how often each is run, by turns [5]")
    parser.add_argument("--seconds", type=int, help="how long each run is looked at [4]")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="workloads whose name has it, or `idle`; others keep their figures")
    parser.add_argument("--clients", type=int, action="append", metavar="N", help="only with so many clients")
    parser.add_argument("--build", action="append", default=[], metavar="NAME=PROGRAM", help="another Forebay beside this one")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=HOST:PORT:PID", help="another proxy that runs already in front of these servers' like")
    parser.add_argument("--forebay", type=Path, default=HOUSE / "target/release/forebay", metavar="PROGRAM")
    parser.add_argument("--into", type=Path, metavar="DIR", help="where figures and pictures go [benches/results]")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (2 if chosen.quick else 4)
    chosen.builds = {"Forebay": chosen.forebay, **{name: Path(path) for name, path in (one.split("=", 1) for one in chosen.build)}}
    chosen.kept = not (chosen.quick or chosen.into or chosen.build or chosen.peer)
    chosen.into = chosen.into or HOUSE / ("benches/results" if chosen.kept else "target/bench")
    return chosen


def main() -> None:
    chosen = arguments()
    # As Ctrl-C: what was started is ended, and what was measured is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    chosen.into.mkdir(parents=True, exist_ok=True)
    report = Report(chosen.into / "figures.json")
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as folder:
        say("starting a primary and a replica")
        with Cluster(Path(folder)) as cluster:
            with Proxies(cluster, chosen.builds, chosen.peer) as targets:
                loads(chosen, cluster, targets, report)
            if wanted(chosen, "idle clients"):
                idle_clients(chosen, cluster, report)
    report.save()
    print(report.tables())
    if chosen.kept:
        report.put_into(HOUSE / "benches/README.md")
    try:
        import plot
    except ImportError:
        say("no pictures: matplotlib is missing (tests/provision/bench.sh brings it)")
    else:
        plot.draw(report.figures, chosen.into)
    say(f"figures are in {chosen.into}")


def loads(chosen: argparse.Namespace, cluster: Cluster, targets: list[Target], report: Report) -> None:
    ours = [target.pid for target in targets if target.pid] + [server.process.pid for server in cluster.servers]
    everybody = targets
    for workload in filter(lambda workload: wanted(chosen, workload.name), load.WORKLOADS):
        targets = [target for target in everybody if takes_part(target, workload)]
        for clients in filter(lambda clients: clients in (chosen.clients or workload.clients), workload.clients):
            say(f"{workload.name}, {clients} clients")
            counted = {target.name: load.run(workload, clients, target, chosen.seconds, ours, True).calls
                       for target in targets if target.pid}
            for turn in range(chosen.rounds):
                # Nobody is always the first.
                order = targets[turn % len(targets):] + targets[:turn % len(targets)]
                runs = {target.name: undisturbed(workload, clients, target, chosen.seconds, ours) for target in order}
                for name, calls in counted.items():
                    runs[name].calls = calls
                report.add(workload, clients, {target.name: runs[target.name] for target in targets})
            report.save()


def undisturbed(workload: load.Workload, clients: int, target: Target, seconds: int, ours: list[int]) -> load.Run:
    """What else the machine does falls on whoever happens to run: then it is run again, and of several the best is taken."""
    tried = []
    while len(tried) < TRIES:
        tried.append(load.run(workload, clients, target, seconds, ours))
        if tried[-1].others < OTHERS_LIMIT:
            break
    return min(tried, key=lambda run: run.others)


def takes_part(target: Target, workload: load.Workload) -> bool:
    return not target.name.endswith(tuple(kind for kind in TTL if kind != workload.also))


def idle_clients(chosen: argparse.Namespace, cluster: Cluster, report: Report) -> None:
    # A client of Forebay that has read has a connection to the replica too.
    for what, sockets, query in [("logged in", 2, False), ("have read once", 3, True)]:
        clients = 1000 if chosen.quick else idle.most_clients(sockets)
        # Anew, so that nothing is left of the loads.
        with Proxies(cluster, chosen.builds, chosen.peer) as targets:
            for target in targets:
                if target.name != DIRECT and not target.name.endswith(tuple(TTL)):
                    say(f"{clients} idle clients, {what}, through {target.name}")
                    report.add_idle(what, target.name, idle.measure(target, clients, query))


def wanted(chosen: argparse.Namespace, name: str) -> bool:
    return not chosen.only or any(text in name for text in chosen.only)


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


main()
