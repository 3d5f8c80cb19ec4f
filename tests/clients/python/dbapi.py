"""A DB-API driver (the first argument) against DB_PORT: everything that the drivers have in common, and what each has of its own."""

import contextlib
import sys
import tempfile

from transcript import COMPRESS, DATABASE, LARGE, LOGIN, TLS, error, say, statements

NAME = sys.argv[1]
CONNECTOR = NAME.startswith("connector")


def mysqlclient(**more):
    import MySQLdb

    extra = {"ssl_mode": "REQUIRED" if TLS else "DISABLED"} if hasattr(MySQLdb, "ssl_mode_never") else {"ssl": {"verify": False} if TLS else None}
    more.setdefault("charset", "utf8mb4")
    extra |= {"compress": True} if COMPRESS else {}  # any value of it turns compression on
    return MySQLdb.connect(**LOGIN, local_infile=1, autocommit=True, **(extra | more))


def connector(**more):
    import mysql.connector

    tls = {"ssl_disabled": not TLS}
    return mysql.connector.connect(
        **LOGIN, **tls, use_pure=NAME == "connector-pure", compress=COMPRESS, allow_local_infile=True, autocommit=True, conn_attrs={"app": "check"}, **more
    )


def mariadb(**more):
    import mariadb as driver

    return driver.connect(**LOGIN, ssl=TLS, ssl_verify_cert=False, compress=COMPRESS, local_infile=True, autocommit=True, **more)


def connect(**more):
    open_ = {"mysqlclient": mysqlclient, "mariadb": mariadb}.get(NAME, connector)
    return open_(**({"database": DATABASE} | more))


def answers(cursor):
    """All results that wait: rows, or counts."""
    found = []
    while True:
        found.append(list(cursor.fetchall()) if cursor.description else [cursor.rowcount, cursor.lastrowid])
        if not cursor.nextset():
            return found


def run(db, text, args=None, **kind):
    with contextlib.closing(db.cursor(**kind)) as cursor:
        cursor.execute(text, args) if args is not None else cursor.execute(text)
        return answers(cursor)


def attempt(name, action):
    try:
        say(name, action())
    except Exception as problem:
        say(name, *error(problem))


def session(db):
    for text in statements("session.sql"):
        attempt(text, lambda: run(db, text))
    db.select_db(DATABASE) if hasattr(db, "select_db") else run(db, f"USE {DATABASE}")


def types(db):
    for text in statements("types.sql"):
        say("types", run(db, text))
    all_columns = [row[0] for row in run(db, "SHOW COLUMNS FROM types")[0]]
    for kind in kinds():
        # The pure connector takes a prepared YEAR for a string and stumbles.
        columns = ", ".join(name for name in all_columns if not (kind and NAME == "connector-pure" and name == "y"))
        with contextlib.closing(db.cursor(**kind)) as cursor:
            cursor.execute(f"SELECT {columns} FROM types WHERE id > %s ORDER BY id", (0,))
            described = cursor.description
            rows = cursor.fetchall()
            say("described", kind, described)
            say("read", kind, rows)
        holes = ",".join(["%s"] * (len(rows[0]) - 1))
        for row in rows:
            values = tuple(",".join(sorted(value)) if isinstance(value, set) else value for value in row[1:])
            attempt("written again", lambda: run(db, f"INSERT INTO types ({columns}) VALUES (NULL,{holes})", values, **kind))
    say("all", run(db, "SELECT * FROM types ORDER BY id"))


def kinds():
    """Ways of a cursor to send parameters: in the text, or prepared."""
    return [{}, {"prepared": True}] if CONNECTOR else [{}, {"binary": True}] if NAME == "mariadb" else [{}]


def batches(db):
    run(db, "CREATE TABLE batch (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), n INT, at DATETIME(6), b BLOB)")
    for kind in kinds():
        with contextlib.closing(db.cursor(**kind)) as cursor:
            rows = [(f"Zoë {n}", None if n % 7 == 0 else n, f"2026-01-02 03:04:{n % 60:02}.000{n:03}", bytes([n % 256, 0])) for n in range(500)]
            cursor.executemany("INSERT INTO batch (s, n, at, b) VALUES (%s, %s, %s, %s)", rows)
            say("executemany", kind, cursor.rowcount, None if NAME == "mariadb" else cursor.lastrowid)
            attempt("executemany of updates", lambda: (cursor.executemany("UPDATE batch SET n = %s WHERE id = %s", [(n, n) for n in range(20)]), cursor.rowcount)[1])
            # (With MariaDB's own command for batches it is all or nothing.)
            attempt("executemany fails", lambda: cursor.executemany("INSERT INTO batch (id, s) VALUES (%s, %s)", [(90001 + len(kind), "a"), (1, "b"), (90009, "c")]))
        say("batch", run(db, "SELECT COUNT(*), SUM(n), MIN(at), MAX(at), SUM(LENGTH(b)) FROM batch"))
        if kind:
            with contextlib.closing(db.cursor(**kind)) as cursor:
                for n in (1, 2, 3):
                    cursor.execute("SELECT s, n, %s FROM batch WHERE id = %s", (f"p{n}", n))
                    say("prepared once", cursor.fetchall())


def transactions(db):
    run(db, "CREATE TABLE tx (id INT PRIMARY KEY, n INT)")
    db.autocommit(False) if NAME == "mysqlclient" else setattr(db, "autocommit", False)
    run(db, "INSERT INTO tx VALUES (1, 0), (2, 0)")
    db.rollback()
    say("rolled back", run(db, "SELECT COUNT(*) FROM tx"))
    run(db, "INSERT INTO tx VALUES (1, 0)")
    db.commit()
    run(db, "UPDATE tx SET n = n + 1")
    with contextlib.closing(connect()) as other:
        run(other, "SET innodb_lock_wait_timeout = 1")
        attempt("lock wait", lambda: run(other, "UPDATE tx SET n = 9"))
        say("isolated", run(other, "SELECT n FROM tx"))
    db.commit()
    db.autocommit(True) if NAME == "mysqlclient" else setattr(db, "autocommit", True)
    say("committed", run(db, "SELECT @@autocommit, n FROM tx"))
    if CONNECTOR and query_version(db) >= 9:  # it takes MariaDB's for 5.5.5, which had no such thing
        for level in ("READ COMMITTED", "SERIALIZABLE"):
            db.start_transaction(isolation_level=level, readonly=True)
            attempt(level, lambda: run(db, "DELETE FROM tx"))
            say("in transaction", db.in_transaction, run(db, "SELECT * FROM tx"))
            db.rollback()


def query_version(db):
    return int(run(db, "SELECT VERSION()")[0][0][0].partition(".")[0]) if "Maria" not in run(db, "SELECT VERSION()")[0][0][0] else 0


def procedures(db):
    run(db, "CREATE PROCEDURE two(IN x INT, OUT y INT, INOUT z VARCHAR(20)) BEGIN SELECT x AS a, z AS b; SELECT x + 1 AS c; SET y = x * 2, z = CONCAT(z, 'ü'); END")
    say("call", run(db, "CALL two(4, @y, @z)"), run(db, "SELECT @y, @z"))
    with contextlib.closing(db.cursor()) as cursor:
        attempt("callproc", lambda: cursor.callproc("two", (4, 0, "in")))
        if CONNECTOR:
            say("stored results", [result.fetchall() for result in cursor.stored_results()])
        else:
            attempt("results of callproc", lambda: answers(cursor))


def streams(db):
    series = "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s"
    if NAME == "mysqlclient":
        from MySQLdb.cursors import DictCursor, SSCursor

        kinds = [{"cursorclass": SSCursor}, {"cursorclass": DictCursor}]
    elif NAME == "mariadb":
        kinds = [{"buffered": False}, {"buffered": False, "binary": True, "cursor_type": 1, "prefetch_size": 10}, {"dictionary": True}]
    else:
        kinds = [{"buffered": False}, {"buffered": True}, {"dictionary": True}] + [{"raw": True}]
    for number, kind in enumerate(kinds):
        with contextlib.closing(db.cursor(**kind)) as cursor:
            cursor.execute(series)
            first = cursor.fetchone()
            some = cursor.fetchmany(50)
            rest = list(cursor)
            say("streamed", number, first, len(some), len(rest), rest[-1])


def large(db):
    for kind in kinds():
        say("20 MB", [row[0] == LARGE for row in run(db, "SELECT CAST(%s AS CHAR) AS v", (LARGE,), **kind)[0]])


def others(db):
    multi = {"mysqlclient": {"client_flag": 1 << 16}, "mariadb": {"client_flag": 1 << 16}}.get(NAME, {})
    with contextlib.closing(connect(**multi)) as several:
        attempt("several statements", lambda: run(several, "SELECT 1; SET @x = 2; SELECT @x, 'ü'; DO 1"))
        attempt("the third fails", lambda: run(several, "SELECT 1; SET @x = 3; SELECT nope; SET @x = 4"))
        attempt("goes on", lambda: run(several, "SELECT @x"))
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join(f"{i},row {i}\n" for i in range(3000)))
        file.flush()
        run(db, "CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))")
        attempt("load data", lambda: run(db, f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE loaded FIELDS TERMINATED BY ','"))
        if NAME != "connector-pure":  # it gives up its connection
            attempt("no file", lambda: run(db, "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded"))
        say("loaded", run(db, "SELECT COUNT(*), SUM(i), MAX(s) FROM loaded"))
    attributes = "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE ATTR_NAME = 'app' AND PROCESSLIST_ID = CONNECTION_ID()"
    attempt("attributes", lambda: run(db, attributes))

    run(db, "SET @kept = 1")
    number = db.thread_id() if NAME == "mysqlclient" else db.connection_id
    say("connection id", run(db, "SELECT CONNECTION_ID()")[0][0][0] == number)
    attempt("ping", db.ping)
    if NAME == "mysqlclient":
        attempt("change user", lambda: db.change_user("app", "secret", "app"))
        say("warnings", run(db, "SELECT CAST('1x' AS SIGNED)"), db.warning_count(), db.info())
        say("server", db.get_server_info(), db.character_set_name(), db.stat() != "", db.get_proto_info())
    elif NAME == "mariadb":
        attempt("change user", lambda: db.change_user("app", "secret", "app"))
        say("after it", run(db, "SELECT @kept, DATABASE()"))
        say("warnings", run(db, "SELECT CAST('1x' AS SIGNED)"), db.warnings, db.show_warnings())
        attempt("reset", lambda: (db.reset(), run(db, "SELECT @kept, @@autocommit"))[1])
        say("server", db.server_info, db.server_version, db.character_set, db.collation, db.tls_version)
    else:
        attempt("change user", lambda: db.cmd_change_user("app", "secret", "app"))
        say("after it", run(db, "SELECT @kept, DATABASE()"))
        with contextlib.closing(db.cursor()) as cursor:
            db.get_warnings = True
            cursor.execute("SELECT CAST('1x' AS SIGNED)")
            say("warnings", cursor.fetchall(), cursor.warnings)
            db.get_warnings = False
        attempt("reset", lambda: (db.reset_session({"time_zone": "+01:00"}), run(db, "SELECT @kept, @@time_zone"))[1])
        attempt("charset", lambda: (db.set_charset_collation("utf8mb4", "utf8mb4_bin"), run(db, "SELECT COLLATION('x')"))[1])
        say("server", db.get_server_info(), db.charset, db.collation)
        attempt("reconnect", lambda: (db.reconnect(), run(db, "SELECT @kept, DATABASE()"))[1])
    attempt("wrong password", lambda: login("wrong", DATABASE))
    attempt("unknown database", lambda: login("secret", "app_missing"))


def login(password, database):
    LOGIN["password"] = password
    try:
        connect(database=database).close()
    finally:
        LOGIN["password"] = "secret"


with contextlib.closing(connect()) as db:
    for check in (session, types, batches, transactions, procedures, streams, large, others):
        check(db)
