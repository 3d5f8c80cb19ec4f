"""A BLOB of nearly 1 GiB into a table and out again: in one statement, and in the pieces of a prepared one."""

import time
from pathlib import Path

from cluster import Cluster
from forebay import MIB, Forebay, head, row
from idle import exactly, log_in, read, send

MOST = 0xFF_FFFF
PIECE = 8 * MIB


def run(program: Path, cluster: Cluster, scale: float) -> bool:
    size = int((1024 * scale - 2) * MIB)
    for server in cluster.servers:
        server.sql("SET GLOBAL max_allowed_packet = 1 << 30; SET GLOBAL net_read_timeout = 300; SET GLOBAL net_write_timeout = 300")
    cluster.primary.sql("CREATE OR REPLACE TABLE blobs (id INT PRIMARY KEY, b LONGBLOB) ENGINE=MyISAM", "sbtest")
    print(head("", "seconds", "on a direct connection", "RSS before MiB", "at most", "after"))
    with Forebay(program, cluster, ", max_allowed_packet: 1GiB") as forebay:
        for what, way in [("one statement", statement), ("pieces of a prepared one", pieces), ("read", fetch)]:
            direct = seconds(way, cluster.primary.port, size)
            forebay.forget_peak()
            before = forebay.rss_mib()
            through = seconds(way, forebay.port, size)
            most = forebay.rss_mib(peak=True)
            time.sleep(3)
            after = forebay.rss_mib()
            print(row(what, f"{through:.1f}", f"{direct:.1f}", *(f"{mib:.0f}" for mib in (before, most, after))), flush=True)
    cluster.primary.sql("DROP TABLE blobs", "sbtest")
    return True


def seconds(way, port: int, size: int) -> float:
    client = log_in("127.0.0.1", port)
    # The replica would have to take it too.
    send(client, 0, b"\x03SET sql_log_bin = 0")
    ok(client)
    began = time.monotonic()
    way(client, size)
    took = time.monotonic() - began
    client.close()
    return took


def statement(client, size: int) -> None:
    front, back = b"\x03REPLACE INTO blobs VALUES (1, '", b"')"
    send_long(client, front, size, back)
    ok(client)


def pieces(client, size: int) -> None:
    send(client, 0, b"\x16REPLACE INTO blobs VALUES (1, ?)")
    prepared = read(client)[1]
    assert prepared[0] == 0, prepared
    statement_id = prepared[1:5]
    # The parameter's definition; with DEPRECATE_EOF nothing behind it.
    read(client)
    for start in range(0, size, PIECE):
        send(client, 0, b"\x18" + statement_id + b"\0\0" + b"z" * min(PIECE, size - start))
    # No null, bound now, one LONG_BLOB.
    send(client, 0, b"\x17" + statement_id + b"\0\1\0\0\0" + b"\0\1" + b"\xfb\0")
    ok(client)


def fetch(client, size: int) -> None:
    """Out of the first row: as its length says, in packets of 16 MiB."""
    send(client, 0, b"\x03/* forebay: primary */ SELECT b FROM blobs WHERE id = 1")
    read(client), read(client)
    row_bytes, more = 0, True
    while more:
        length = int.from_bytes(exactly(client, 4)[:3], "little")
        left = length
        while left:
            left -= len(client.recv(min(left, MIB)))
        row_bytes, more = row_bytes + length, length == MOST
    assert row_bytes == size + 9 - (size < 1 << 24) * 5, (row_bytes, size)
    assert read(client)[1][0] == 0xFE


def send_long(client, front: bytes, size: int, back: bytes) -> None:
    """A payload in packets of 16 MiB, without holding all of it."""
    total, sent, seq, filler = len(front) + size + len(back), 0, 0, b"z" * MIB
    while True:
        length = min(MOST, total - sent)
        client.sendall(length.to_bytes(3, "little") + bytes([seq % 256]))
        end = sent + length
        while sent < end:
            if sent < len(front):
                part = front[sent:]
            elif sent < len(front) + size:
                part = filler[:len(front) + size - sent]
            else:
                part = back[sent - len(front) - size:]
            part = part[:end - sent]
            client.sendall(part)
            sent += len(part)
        seq += 1
        if length < MOST:
            return


def ok(client) -> None:
    client.settimeout(300)
    said = read(client)[1]
    if said[0] != 0:
        raise SystemExit(f"refused: {said[9:].decode(errors='replace')}")
