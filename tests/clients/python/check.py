"""PyMySQL against DB_PORT: one JSON line per observation, so that two runs can be compared as text."""

import datetime
import decimal
import json
import os
import ssl
import tempfile

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import DictCursor, SSCursor


def connect(**more):
    settings = {
        "host": os.environ["DB_HOST"],
        "port": int(os.environ["DB_PORT"]),
        "user": "app",
        "password": "secret",
        "database": os.environ["DB_DATABASE"],
        "charset": "utf8mb4",
    }
    if os.environ.get("DB_SSL") == "1":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        settings["ssl"] = context
    return pymysql.connect(**(settings | more))


def plain(value):
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (decimal.Decimal, datetime.date, datetime.datetime, datetime.timedelta)):
        return f"{type(value).__name__} {value}"
    return value


def say(name, *values):
    def walk(value):
        if isinstance(value, dict):
            return {k: walk(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(v) for v in value]
        return plain(value)

    print(json.dumps([name, *walk(values)], ensure_ascii=False), flush=True)


def attempt(name, action):
    try:
        say(name, action())
    except pymysql.MySQLError as error:
        say(name, type(error).__name__, list(error.args))


def types(db):
    cursor = db.cursor()
    cursor.execute(
        "CREATE TABLE types (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(20,6), f DOUBLE, "
        "s VARCHAR(100), b BLOB, day DATE, at DATETIME(6), t TIME, y YEAR, bits BIT(10), e ENUM('x','y'), j JSON)"
    )
    rows = [
        (2**64 - 1, "1.000001", 0.1, "Zoë 🦀 '\"\\", bytes(range(256)), "2026-02-03", "2026-02-03 04:05:06.789012", "-12:34:56", 2026, 5, "y", '{"k": [1, "é"]}'),
        (None,) * 12,
    ]
    say("executemany", cursor.executemany("INSERT INTO types (u,d,f,s,b,day,at,t,y,bits,e,j) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)", rows), cursor.lastrowid, cursor.rowcount)
    db.commit()
    cursor.execute("SELECT * FROM types ORDER BY id")
    say("description", cursor.description)
    say("types", cursor.fetchall())


def transactions(db):
    cursor = db.cursor()
    cursor.execute("CREATE TABLE tx (id INT PRIMARY KEY, n INT)")
    cursor.execute("INSERT INTO tx VALUES (1, 0), (2, 0)")
    db.rollback()
    cursor.execute("SELECT COUNT(*) FROM tx")
    say("rolled back", cursor.fetchone())
    cursor.execute("INSERT INTO tx VALUES (1, 0)")
    db.commit()
    db.begin()
    cursor.execute("UPDATE tx SET n = n + 1")
    cursor.execute("SELECT n FROM tx FOR UPDATE")
    say("in transaction", cursor.fetchall(), db.get_autocommit())
    other = connect(cursorclass=DictCursor)
    with other.cursor() as second:
        second.execute("SET innodb_lock_wait_timeout = 1")
        attempt("lock wait", lambda: second.execute("UPDATE tx SET n = 9"))
        second.execute("SELECT n FROM tx")
        say("isolated", second.fetchall())
    other.close()
    db.commit()
    db.autocommit(True)
    cursor.execute("SELECT @@autocommit, n FROM tx")
    say("committed", cursor.fetchall())
    db.autocommit(False)


def state(db):
    cursor = db.cursor()
    cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    cursor.execute("SELECT COLLATION('x'), @@collation_connection, 'a' = 'A'")
    say("collation", cursor.fetchone())
    cursor.execute("SET @a := 5, sql_mode = 'ANSI_QUOTES'")
    cursor.execute('SELECT @a, "1" AS one_fails FROM (SELECT 1 AS "1") t')
    say("sql_mode and variable", cursor.fetchone())
    cursor.execute("CREATE TEMPORARY TABLE tmp SELECT 1 AS x UNION SELECT 2")
    cursor.execute("SELECT SUM(x) FROM tmp")
    say("temporary table", cursor.fetchone())
    cursor.execute("SET sql_mode = DEFAULT")
    cursor.execute("SELECT GET_LOCK('py', 1), IS_USED_LOCK('py') = CONNECTION_ID(), RELEASE_LOCK('py')")
    say("lock", cursor.fetchone())
    cursor.execute("SELECT SQL_CALC_FOUND_ROWS 1 UNION SELECT 2 UNION SELECT 3 LIMIT 1")
    cursor.execute("SELECT FOUND_ROWS()")
    say("found rows", cursor.fetchone())
    cursor.execute("INSERT INTO types (s) VALUES ('a'), ('b')")
    cursor.execute("SELECT LAST_INSERT_ID(), ROW_COUNT()")
    say("last insert id", cursor.fetchone(), cursor.lastrowid)
    cursor.execute("SELECT 1/0, CAST('1x' AS SIGNED)")
    cursor.execute("SHOW WARNINGS")
    say("warnings", cursor.fetchall())
    say("thread id", db.thread_id() == query(db, "SELECT CONNECTION_ID()")[0][0])


def query(db, text):
    with db.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def procedures(db):
    cursor = db.cursor()
    cursor.execute("CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2; END")
    cursor.callproc("two", (4, 0))
    results = [cursor.fetchall()]
    while cursor.nextset():
        results.append(cursor.fetchall())
    say("callproc", results, query(db, "SELECT @_two_0, @_two_1"))


def large(db):
    cursor = db.cursor(SSCursor)
    cursor.execute("SELECT seq.n, REPEAT('x', 1000) FROM (WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s) seq")
    say("streamed", sum(len(row[1]) + row[0] for row in cursor))
    cursor.close()
    value = "0123456789abcdef" * (18 << 16)
    cursor = db.cursor()
    cursor.execute("CREATE TABLE large (v LONGTEXT)")
    cursor.execute("INSERT INTO large VALUES (%s)", (value,))
    db.commit()
    cursor.execute("SELECT v FROM large")
    say("18 MiB", cursor.fetchone()[0] == value)


def others():
    several = connect(client_flag=CLIENT.MULTI_STATEMENTS)
    with several.cursor() as cursor:
        cursor.execute("SELECT 1; SET @x = 2; SELECT @x; SELECT nope")
        say("multi", cursor.fetchall())
        attempt("multi next", lambda: (cursor.nextset(), cursor.rowcount, cursor.nextset(), cursor.fetchall()))
        attempt("multi error", cursor.nextset)
    several.close()

    local = connect(local_infile=True, autocommit=True)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file, local.cursor() as cursor:
        file.write("".join(f"{i},row {i}\n" for i in range(1000)))
        file.flush()
        cursor.execute("CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))")
        cursor.execute(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE loaded FIELDS TERMINATED BY ','")
        say("load data", cursor.rowcount, query(local, "SELECT COUNT(*), SUM(i), MAX(s) FROM loaded"))
        attempt("load data, no file", lambda: cursor.execute("LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded"))
    local.close()

    found = connect(client_flag=CLIENT.FOUND_ROWS)
    with found.cursor() as cursor:
        cursor.execute("CREATE TABLE found (i INT)")
        cursor.execute("INSERT INTO found VALUES (1), (2)")
        say("FOUND_ROWS", cursor.execute("UPDATE found SET i = 1"), query(found, "SELECT ROW_COUNT()"))
    found.close()

    victim, killer = connect(), connect()
    killer.kill(victim.thread_id())
    attempt("killed", lambda: query(victim, "SELECT 1"))
    killer.close()

    db = connect()
    say("ping", db.ping(reconnect=False) is None)
    db.select_db(os.environ["DB_DATABASE"])
    attempt("no such database", lambda: db.select_db("app_missing"))
    say("still there", query(db, "SELECT DATABASE()"))
    db.close()
    attempt("wrong password", lambda: connect(password="wrong"))
    attempt("unknown database", lambda: connect(database="app_missing"))


def errors(db):
    for text in [
        "SELEC 1",
        "SELECT * FROM missing",
        "INSERT INTO types (id) VALUES (1)",
        "INSERT INTO types (e) VALUES ('nope')",
        "SELECT nope()",
        "",
        "-- only a comment",
        "CALL missing()",
    ]:
        attempt(f"error {text!r}", lambda: query(db, text))


def main():
    db = connect()
    say("server", db.get_server_info(), db.character_set_name(), db.get_proto_info())
    types(db)
    transactions(db)
    state(db)
    procedures(db)
    large(db)
    errors(db)
    db.close()
    others()


main()
