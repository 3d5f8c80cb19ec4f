"""Thousands of clients over 50 server connections: how fast they log in, what they cost while they are silent, and what
happens when 10,000 of them send a statement at the same moment."""

import resource
import selectors
import socket
import time
from pathlib import Path

from cluster import Cluster
from forebay import Forebay, head, row
from idle import answer_greeting, await_welcome, send

CROWDS, BURST, SERVER_CONNECTIONS = (1000, 5000, 19_000), 10_000, 50
AT_ONCE = 100
"""So many log in side by side."""
STATEMENT = b"\x03SELECT c FROM sbtest1 WHERE id = %d"


def run(program: Path, cluster: Cluster, scale: float) -> bool:
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 400
    fine = True
    print(head("clients", "log in a second", "RSS MiB", "KiB each", "of them at once", "answered in s", "answers a second", "slowest s", "failed",
               "overtaken by, at most", "server connections"), flush=True)
    for clients in (min(int(crowd * scale), room) for crowd in CROWDS):
        pool = f", max_connections: {SERVER_CONNECTIONS}, wait_timeout: 60s"
        with Forebay(program, cluster, pool=pool) as forebay:
            before = forebay.rss_mib()
            begun = time.monotonic()
            sockets = log_in(forebay.port, clients)
            logins = clients / (time.monotonic() - begun)
            time.sleep(3)
            silent = forebay.rss_mib()
            burst = at_once(sockets[:BURST])
            held = forebay.held()
            print(row(clients, f"{logins:.0f}", f"{silent:.1f}", f"{(silent - before) * 1024 / clients:.1f}", burst.clients, f"{burst.seconds:.2f}",
                      f"{burst.clients / burst.seconds:.0f}", f"{burst.slowest:.2f}", burst.failed, burst.overtaken, held.server_connections),
                  flush=True)
            fine &= burst.failed == 0
            for client in sockets:
                client.close()
    return fine


def log_in(port: int, clients: int) -> list[socket.socket]:
    sockets = []
    while len(sockets) < clients:
        some = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(min(AT_ONCE, clients - len(sockets)))]
        for step in (answer_greeting, await_welcome):
            for client in some:
                step(client)
        sockets += some
    return sockets


class Burst:
    """What became of statements that were all sent at once."""

    def __init__(self, clients: int):
        self.clients, self.failed = clients, 0
        self.seconds = self.slowest = 0.0
        self.overtaken = 0
        """Most clients that were answered before one that had sent its statement before them."""


def at_once(sockets: list[socket.socket]) -> Burst:
    burst = Burst(len(sockets))
    replies = {client: b"" for client in sockets}
    sent, answered = {}, []
    with selectors.EpollSelector() as selector:
        begun = time.monotonic()
        for at, client in enumerate(sockets):
            send(client, 0, STATEMENT % (at + 1))
            sent[client] = time.monotonic()
        for client in sockets:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(60)
            if not ready:
                burst.failed += len(selector.get_map())
                break
            for key, _ in ready:
                client = key.fileobj
                data = client.recv(65536)
                replies[client] += data
                if data and not ended(replies[client]):
                    continue
                selector.unregister(client)
                answered.append(client)
                burst.failed += not data or replies[client][4] == 0xFF
                burst.slowest = max(burst.slowest, time.monotonic() - sent[client])
        burst.seconds = time.monotonic() - begun
    place = {client: at for at, client in enumerate(sockets)}
    # Of one that was sent as number n and answered as number m, m - n that were sent later came before it.
    burst.overtaken = max((m - place[client] for m, client in enumerate(answered)), default=0)
    return burst


def ended(data: bytes) -> bool:
    """A short result, or an error."""
    at, packets = 0, 0
    while at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at:at + 3], "little")
        if end > len(data):
            return False
        if data[at + 4] == 0xFF or data[at + 4] == 0xFE and packets:
            return True
        at, packets = end, packets + 1
    return False
