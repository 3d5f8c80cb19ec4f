"""A million statements on 200 sessions that share 50 connections to each server, and 100,000 connects and disconnects: nothing may
grow after the start."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from multiprocessing import Process
from pathlib import Path

import sessions
from cluster import Cluster
from forebay import Forebay, Held, head
from idle import log_in, read, read_rows, send

STATEMENTS, SESSIONS, PROCESSES, KEEPERS, TRANSACTIONS, CONNECTS, AT_ONCE, POINTS = 1_000_000, 200, 2, 20, 20, 100_000, 8, 10
# The first points are the warm-up; what is above the highest of the next ones has grown.
WARM, MAY_GROW_MIB = 3, 1.5


def run(program: Path, cluster: Cluster, scale: float) -> bool:
    with Forebay(program, cluster, pool=", max_connections: 50") as forebay:
        log_in("127.0.0.1", forebay.port).close()
        time.sleep(1)
        start = forebay.held()
        print(head("", "RSS MiB", "descriptors", "server connections", "statements prepared there", "PREPAREs there so far"))
        print(start.row("start"), flush=True)
        said = statements(forebay, int(STATEMENTS * scale))
        gone = settled(forebay, start)
        print(gone.row("clients gone"), flush=True)
        came = connects(forebay, int(CONNECTS * scale), start)
        end = settled(forebay, start)
        print(end.row("end"), flush=True)
    fine = flat("statements", said) & flat("connects", came)
    for what in ("descriptors", "server_connections"):
        if getattr(end, what) > getattr(start, what):
            print(f"{what}: {getattr(end, what)}, and {getattr(start, what)} at the start")
            fine = False
    return fine


def statements(forebay: Forebay, count: int) -> list[Held]:
    events = count // (SESSIONS * sessions.STATEMENTS_AN_EVENT)
    each = SESSIONS // PROCESSES
    load = [Process(target=sessions.run, args=(forebay.port, each * at, each, events, KEEPERS // PROCESSES, TRANSACTIONS // PROCESSES)) for at in range(PROCESSES)]
    points, before = [], asked(forebay)
    for process in load:
        process.start()
    try:
        while any(process.is_alive() for process in load):
            time.sleep(0.5)
            done = asked(forebay) - before
            if done >= count * (len(points) + 1) / POINTS and all(process.is_alive() for process in load):
                points.append(forebay.held())
                print(points[-1].row(f"{done:,} statements, {SESSIONS} sessions"), flush=True)
    finally:
        for process in load:
            process.terminate()
            process.join()
    if any(process.exitcode for process in load):
        raise SystemExit("sessions broke off")
    return points


def asked(forebay: Forebay) -> int:
    """How many statements the servers have had."""
    return sum(int(server.sql("SHOW GLOBAL STATUS LIKE 'Questions'").split()[1]) for server in forebay.cluster.servers)


def connects(forebay: Forebay, count: int, start: Held) -> list[Held]:
    points = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for point in range(1, POINTS + 1):
            list(pool.map(lambda way: way(forebay.port), [way for way, _ in zip(cycle(WAYS), range(count // POINTS))]))
            points.append(settled(forebay, start))
            print(points[-1].row(f"{point * count // POINTS:,} connects"), flush=True)
    return points


def read_and_quit(port: int) -> None:
    client = log_in("127.0.0.1", port)
    send(client, 0, b"\x03SELECT c FROM sbtest1 WHERE id = 1")
    read_rows(client)
    send(client, 0, b"\x01")
    client.close()


def log_in_and_leave(port: int) -> None:
    log_in("127.0.0.1", port).close()


def write_and_break(port: int) -> None:
    """A transaction is open, and the connection is reset."""
    client = log_in("127.0.0.1", port)
    send(client, 0, b"\x03BEGIN")
    read(client)
    send(client, 0, b"\x03UPDATE sbtest1 SET k = 1 WHERE id = 1 AND k = 0")
    read(client)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def greeted_only(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        read(client)


WAYS = (read_and_quit, log_in_and_leave, write_and_break, greeted_only)


def settled(forebay: Forebay, start: Held) -> Held:
    """When the clients' connections are closed at both ends."""
    deadline = time.monotonic() + 10
    while True:
        time.sleep(0.5)
        held = forebay.held()
        if held.descriptors <= start.descriptors and held.server_connections <= start.server_connections or time.monotonic() > deadline:
            return held


def flat(what: str, points: list[Held]) -> bool:
    if len(points) <= WARM + 2:
        return True
    early, late = points[WARM - 1:-3], points[-3:]
    grown = sum(held.rss_mib for held in late) / len(late) - max(held.rss_mib for held in early)
    more = max(held.descriptors for held in late) - max(held.descriptors for held in early)
    print(f"\n{what}: RSS {grown:+.1f} MiB, descriptors {more:+d} since the warm-up")
    return grown <= MAY_GROW_MIB and more <= 0
