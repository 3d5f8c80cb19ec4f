"""What the Python checks print: one JSON line per observation, so that two runs can be compared as text."""

import datetime
import decimal
import json
import os
import pathlib
import uuid

FILES = pathlib.Path(__file__).parent.parent
TLS = os.environ.get("DB_SSL") == "1"
COMPRESS = os.environ.get("DB_COMPRESS") == "1"
DATABASE = os.environ["DB_DATABASE"]
LOGIN = {"host": os.environ["DB_HOST"], "port": int(os.environ["DB_PORT"]), "user": "app", "password": "secret"}
LARGE = "0123456789abcdef" * (20 << 16)


def plain(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, (decimal.Decimal, datetime.date, datetime.datetime, datetime.time, datetime.timedelta, uuid.UUID)):
        return f"{type(value).__name__} {value}"
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def say(name, *values):
    print(json.dumps([name, *plain(values)], ensure_ascii=False), flush=True)


def error(problem):
    """What the drivers know of an error, in whatever attribute."""
    known = {key: getattr(problem, key) for key in ("errno", "sqlstate", "msg") if getattr(problem, key, None) is not None}
    return [type(problem).__name__, list(problem.args), known]


def statements(file):
    """The lines of `session.sql` or `types.sql`."""
    lines = (FILES / file).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
