"""2,000 clients that have read a row and are silent; all of them at once with a long statement and a long reply; and gone."""

import time
from pathlib import Path

from cluster import Cluster
from forebay import Forebay, head, row
from idle import log_in, read_rows, send

CLIENTS, BYTES = 2000, 256 << 10


def run(program: Path, cluster: Cluster, scale: float) -> bool:
    clients = int(CLIENTS * scale)
    with Forebay(program, cluster) as forebay:
        steps = [("nobody", forebay.rss_mib())]
        sockets = [log_in("127.0.0.1", forebay.port) for _ in range(clients)]
        for client in sockets:
            send(client, 0, b"\x03SELECT c FROM sbtest1 WHERE id = 1")
            read_rows(client)
        time.sleep(2)
        steps.append((f"{clients} silent clients", forebay.rss_mib()))
        forebay.forget_peak()
        for client in sockets:
            send(client, 0, b"\x03SELECT REPEAT('x', %d), LENGTH('" % BYTES + b"y" * BYTES + b"')")
        for client in sockets:
            read_rows(client)
        steps.append(("at most, with 256 KiB to and fro each", forebay.rss_mib(peak=True)))
        time.sleep(3)
        steps.append(("silent again", forebay.rss_mib()))
        for client in sockets:
            client.close()
        time.sleep(3)
        steps.append(("gone", forebay.rss_mib()))
    print(head("", "RSS MiB"))
    for what, mib in steps:
        print(row(what, f"{mib:.1f}"), flush=True)
    return True
