"""What PHP applications send: one statement as PDO does it, and a web request as Laravel does it."""

import random
import socket
from contextlib import contextmanager

from idle import log_in

OK, ERR, END = 0x00, 0xFF, 0xFE
LONG, NOT_NULL_ONCE = b"\x03\x00", b"\x00\x01\x00\x00\x00"


class Session:
    """A connection as mysqlnd uses it: a command, then its whole answer."""

    def __init__(self, port: int):
        self.socket = log_in("127.0.0.1", port)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.socket.makefile("rb")

    def send(self, payload: bytes) -> None:
        self.socket.sendall(len(payload).to_bytes(3, "little") + b"\0" + payload)

    def packet(self) -> bytes:
        return self.answers.read(int.from_bytes(self.answers.read(4)[:3], "little"))

    def result(self) -> None:
        first = self.packet()
        assert first[0] != ERR, first
        if first[0] != OK:
            while self.packet()[0] != END:
                pass

    def query(self, text: bytes) -> None:
        self.send(b"\x03" + text)
        self.result()

    def prepared(self, text: bytes, *values: int) -> None:
        """As PDO without emulation does all of its statements: prepared, executed, closed."""
        self.send(b"\x16" + text)
        said = self.packet()
        assert said[0] == OK, said
        for _ in range(int.from_bytes(said[5:7], "little") + int.from_bytes(said[7:9], "little")):
            self.packet()
        statement = said[1:5]
        bound = b"\0\1" + LONG * len(values) + b"".join(value.to_bytes(4, "little") for value in values) if values else b""
        self.send(b"\x17" + statement + NOT_NULL_ONCE + bound)
        self.result()
        self.send(b"\x19" + statement)

    def close(self) -> None:
        self.send(b"\x01")
        self.answers.close()
        self.socket.close()


@contextmanager
def one_statement(port: int):
    """PREPARE, EXECUTE, CLOSE on a connection that stays."""
    session = Session(port)
    yield lambda: session.prepared(b"SELECT c FROM sbtest1 WHERE id = ?", random.randrange(1, 50_000))
    session.close()


@contextmanager
def web_request(port: int):
    """A connection of its own with 20 statements: 2 of setting up, 14 reads, a transaction of 4."""
    yield lambda: serve(Session(port))


def serve(session: Session) -> None:
    key = random.randrange(1, 50_000)
    session.query(b"SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci'")
    session.query(b"SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'")
    for at in range(8):
        session.prepared(b"SELECT * FROM sbtest%d WHERE id = ? LIMIT 1" % (at % 4 + 1), key + at)
    session.query(b"START TRANSACTION")
    session.prepared(b"UPDATE sbtest1 SET k = k + 1 WHERE id = ?", key)
    session.prepared(b"INSERT INTO sbtest2 (k, c, pad) VALUES (?, 'request', '')", key)
    session.query(b"COMMIT")
    for at in range(6):
        session.prepared(b"SELECT k, pad FROM sbtest%d WHERE id BETWEEN ? AND ? ORDER BY id" % (at % 4 + 1), key, key + 3)
    session.close()


REQUESTS = {"a statement: PREPARE, EXECUTE, CLOSE": one_statement, "a web request: connect, 20 statements": web_request}
