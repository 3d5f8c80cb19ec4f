"""Sessions that stay, and do in turns what applications do: text, prepared, transactions, errors, state of their own."""

import random
import socket

from idle import log_in

STATEMENTS_AN_EVENT = 10
OK, ERR, END = 0x00, 0xFF, 0xFE


def run(port: int, first: int, sessions: int, events: int, keepers: int, at_once: int) -> None:
    """So many events on each; `first` is the first one's number among all that run. All sessions have the same statement under way,
    so that they are served at once. But only the first `keepers` have user variables, for which they may keep a server connection,
    and only `at_once` have a transaction at a time: what they keep together must be less than there is."""
    sockets = [log_in("127.0.0.1", port) for _ in range(sessions)]
    kept = [prepare(client, b"SELECT c FROM sbtest1 WHERE id = ?") for client in sockets]
    for event in range(events):
        keys = [random.randrange(1, 50_000) for _ in sockets]
        all_at_once(sockets, [b"SELECT c FROM sbtest1 WHERE id = %d" % key for key in keys])
        all_at_once(sockets, [b"SELECT SUM(k) FROM sbtest2 WHERE id BETWEEN %d AND %d" % (key, key + 20) for key in keys])
        execute(sockets, kept, keys)
        once = [prepare(client, b"SELECT k FROM sbtest%d WHERE id = ?" % (event % 3 + 1)) for client in sockets]
        execute(sockets, once, keys)
        for client, statement in zip(sockets, once):
            send(client, b"\x19" + statement)
        all_at_once(sockets, [b"SELECT nothing FROM sbtest1"] * sessions, ERR)
        all_at_once(sockets, [b"SET @soak = %d" % key if at < keepers else b"SET div_precision_increment = %d" % (key % 9) for at, key in enumerate(keys)], OK)
        # Rows of their own: nobody waits for another.
        own = [key // 200 * 200 + first + at for at, key in enumerate(keys)]
        for at in range(0, sessions, at_once):
            some, rows = sockets[at:at + at_once], own[at:at + at_once]
            all_at_once(some, [b"BEGIN"] * len(some), OK)
            all_at_once(some, [b"UPDATE sbtest4 SET k = k + 1 WHERE id = %d" % key for key in rows], OK)
            all_at_once(some, [(b"SELECT k, @soak FROM sbtest4 WHERE id = %d" if at + i < keepers else b"SELECT k FROM sbtest4 WHERE id = %d") % key for i, key in enumerate(rows)])
            all_at_once(some, [b"ROLLBACK" if event % 2 else b"COMMIT"] * len(some), OK)
    for client in sockets:
        client.close()


def all_at_once(sockets: list[socket.socket], texts: list[bytes], expected: int | None = None) -> None:
    for client, text in zip(sockets, texts):
        send(client, b"\x03" + text)
    for client, text in zip(sockets, texts):
        first = reply(client)
        assert first == expected or expected is None and first not in (OK, ERR), (text, first)


def prepare(client: socket.socket, text: bytes) -> bytes:
    """Its id."""
    send(client, b"\x16" + text)
    data = b""
    # An OK, a parameter's definition and a column's.
    while sum(1 for _ in packets(data)) < 3:
        data += more(client)
        assert data[4] == OK, data
    return data[5:9]


def execute(sockets: list[socket.socket], statements: list[bytes], keys: list[int]) -> None:
    for client, statement, key in zip(sockets, statements, keys):
        # No cursor, once, not null, its type: LONG.
        send(client, b"\x17" + statement + b"\0\1\0\0\0" + b"\0\1\3\0" + key.to_bytes(4, "little"))
    for client in sockets:
        assert reply(client) not in (OK, ERR)


def send(client: socket.socket, payload: bytes) -> None:
    client.sendall(len(payload).to_bytes(3, "little") + b"\0" + payload)


def reply(client: socket.socket) -> int:
    """Reads all of one (its rows are few and short); what it begins with."""
    data = more(client)
    while True:
        for number, (begin, end) in enumerate(packets(data)):
            if data[begin] == END and number or data[begin] in (OK, ERR) and not number:
                assert end == len(data), data
                return data[4]
        data += more(client)


def packets(data: bytes):
    """Begin and end of each payload that is all there."""
    at = 4
    while at <= len(data) and (end := at + int.from_bytes(data[at - 4:at - 1], "little")) <= len(data):
        yield at, end
        at = end + 4


def more(client: socket.socket) -> bytes:
    data = client.recv(65536)
    assert data, "the connection was closed"
    return data
