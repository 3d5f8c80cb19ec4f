"""What clients cost that are logged in and silent."""

import hashlib
import re
import resource
import socket
import time
from dataclasses import dataclass

import cost
from cluster import DATABASE, PASSWORD, USER
from proxies import Target

# PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_WITH_DB, TRANSACTIONS, DEPRECATE_EOF.
CAPABILITIES = 0x0000_0200 | 0x0000_8000 | 0x0008_0000 | 0x0000_0008 | 0x0000_2000 | 0x0100_0000
PLUGIN = b"mysql_native_password\0"
SETTLE_S, WATCH_S = 2, 5


@dataclass
class Idle:
    clients: int
    kib_per_client: float
    cpu_ms_per_s: float
    """For all of them."""


def most_clients(sockets_each: int) -> int:
    return min(10_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 400) // sockets_each)


def measure(target: Target, clients: int, query: bool) -> Idle:
    """`query`: each has run one statement, so that what it keeps from it is counted too."""
    before = cost.rss_kib(target.pid)
    sockets = [log_in(target.host, target.port["replica"]) for _ in range(clients)]
    try:
        if query:
            for client in sockets:
                send(client, 0, b"\x03SELECT c FROM sbtest1 WHERE id = 1")
                read_rows(client)
        time.sleep(SETTLE_S)
        grown = cost.rss_kib(target.pid) - before
        used = cost.cpu(target.pid)
        time.sleep(WATCH_S)
        used = cost.cpu(target.pid) - used
        return Idle(clients, grown / clients, (used.user + used.system) * 1e3 / WATCH_S)
    finally:
        for client in sockets:
            client.close()


def log_in(host: str, port: int) -> socket.socket:
    client = socket.create_connection((host, port), 20)
    answer_greeting(client)
    await_welcome(client)
    return client


def answer_greeting(client: socket.socket) -> None:
    greeting = read(client)[1]
    after_version = greeting.index(b"\0", 1) + 5
    # Eight bytes of the challenge, then after capabilities and the like the twelve others.
    nonce = greeting[after_version:after_version + 8] + greeting[after_version + 27:after_version + 39]
    answer = (CAPABILITIES.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x2d" + bytes(23) + USER.encode()
              + b"\0\x14" + scramble(nonce) + DATABASE.encode() + b"\0" + PLUGIN)
    send(client, 1, answer)


def await_welcome(client: socket.socket) -> None:
    seq, said = read(client)
    if said[0] == 0xFE:
        # Another plugin or challenge: only this plugin is known here.
        plugin, _, nonce = said[1:].partition(b"\0")
        assert plugin + b"\0" == PLUGIN, plugin
        send(client, seq + 1, scramble(nonce[:20]))
        _, said = read(client)
    if said[0] != 0:
        raise SystemExit(f"login failed: {re.sub(rb'^.{9}', b'', said).decode(errors='replace')}")


def scramble(nonce: bytes) -> bytes:
    sha1 = lambda *parts: hashlib.sha1(b"".join(parts)).digest()
    password = sha1(PASSWORD.encode())
    return bytes(a ^ b for a, b in zip(password, sha1(nonce, sha1(password))))


def send(client: socket.socket, seq: int, payload: bytes) -> None:
    client.sendall(len(payload).to_bytes(3, "little") + bytes([seq]) + payload)


def read(client: socket.socket) -> tuple[int, bytes]:
    header = exactly(client, 4)
    return header[3], exactly(client, int.from_bytes(header[:3], "little"))


def read_rows(client: socket.socket) -> None:
    """The first packet of a header 0xfe ends it (no row is that long)."""
    while (first := read(client)[1][0]) != 0xFE:
        if first == 0xFF:
            raise SystemExit("the statement failed")


def exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise SystemExit("the connection was closed")
        data += more
    return data
