"""1,000 clients that ask for 20 MB each and hardly read."""

import time
from pathlib import Path

from cluster import LARGE_ROWS, Cluster
from forebay import Forebay, head, row
from idle import log_in, read_rows, send

CLIENTS, SECONDS, SIP = 1000, 20, 16 << 10
WINDOW_MIB = 0.25
THIRSTY = 20
"""So many of them read all of it in the end."""


def run(program: Path, cluster: Cluster, scale: float) -> bool:
    clients = int(CLIENTS * scale)
    for server in cluster.servers:
        # They give up on whoever reads so slowly.
        server.sql("SET GLOBAL net_write_timeout = 600")
    with Forebay(program, cluster) as forebay:
        sockets = [log_in("127.0.0.1", forebay.port) for _ in range(clients)]
        for client in sockets:
            send(client, 0, b"\x03SELECT c FROM sbtest1 WHERE id = 1")
            read_rows(client)
        total = whole(sockets[0])
        before = forebay.rss_mib()
        forebay.forget_peak()
        for client in sockets:
            send(client, 0, b"\x03SELECT * FROM large")
        sipped, began = [0] * clients, time.monotonic()
        while time.monotonic() - began < SECONDS:
            for at, client in enumerate(sockets):
                sipped[at] += len(client.recv(SIP))
            time.sleep(0.5)
        most = forebay.rss_mib(peak=True)
        for client in sockets[THIRSTY:]:
            client.close()
        ends = [rest(client, total, had) for client, had in zip(sockets[:THIRSTY], sipped)]
        for client in sockets[:THIRSTY]:
            client.close()
        time.sleep(3)
        after = forebay.rss_mib()
    budget = clients * WINDOW_MIB
    print(head("readers", "RSS before MiB", "at most", "grown", "relay_window × readers", "after"))
    print(row(clients, *(f"{mib:.0f}" for mib in (before, most, most - before, budget, after))), flush=True)
    complete = total > LARGE_ROWS * 180 and all(end == total for end in ends)
    if most - before > budget or not complete:
        print(f"more than the budget, or results of {total} bytes that broke off: {ends}")
    return most - before <= budget and complete


def rest(client, total: int, had: int = 0) -> int:
    """Reads on to the end of a result; how many bytes it had. Such a crowd can use up what memory the kernel has for sockets,
    and then it takes a while."""
    client.settimeout(60)
    try:
        while had < total and (more := client.recv(1 << 20)):
            had += len(more)
    except TimeoutError:
        pass
    return had


def whole(client) -> int:
    """How many bytes a result has, after which it is quiet."""
    send(client, 0, b"\x03SELECT * FROM large")
    had = len(client.recv(SIP))
    client.settimeout(2)
    try:
        while more := client.recv(1 << 20):
            had += len(more)
    except TimeoutError:
        client.settimeout(20)
    return had
