"""aiomysql or asyncmy (the first argument) against DB_PORT, in the words that both have."""

import asyncio
import ssl
import sys
import tempfile

from transcript import DATABASE, LARGE, LOGIN, TLS, error, say, statements

DRIVER = __import__(sys.argv[1])
CURSORS = __import__(f"{sys.argv[1]}.cursors", fromlist=["SSCursor", "DictCursor"])


def settings(**more):
    login = {"db": DATABASE, "charset": "utf8mb4", "autocommit": True, "local_infile": True} | LOGIN | more
    if TLS:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        login["ssl"] = context
    return login


async def run(db, text, args=None, kind=None):
    async with db.cursor(*([kind] if kind else [])) as cursor:
        await cursor.execute(text, args)
        found = []
        while True:
            found.append(list(await cursor.fetchall()) if cursor.description else [cursor.rowcount, cursor.lastrowid])
            if not await cursor.nextset():
                return found


async def attempt(name, action):
    try:
        say(name, await action)
    except Exception as problem:
        say(name, *error(problem))


async def types(db):
    for text in statements("types.sql"):
        say("types", await run(db, text))
    async with db.cursor() as cursor:
        await cursor.execute("SELECT * FROM types WHERE id > %s ORDER BY id", (0,))
        say("described", cursor.description)
        rows = await cursor.fetchall()
        say("read", rows)
        for row in rows:
            # asyncmy writes a negative TIME in a form that no server reads: it goes back as text.
            values = [str(value) if type(value).__name__ == "timedelta" and value.days < 0 else value for value in row[1:]]
            await attempt("written again", cursor.execute(f"INSERT INTO types VALUES (NULL,{','.join(['%s'] * len(values))})", values))
    say("all", await run(db, "SELECT * FROM types ORDER BY id", kind=CURSORS.DictCursor))


async def batches(db):
    await run(db, "CREATE TABLE batch (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), n INT)")
    async with db.cursor() as cursor:
        await cursor.executemany("INSERT INTO batch (s, n) VALUES (%s, %s)", [(f"Zoë {n}", n) for n in range(500)])
        say("executemany", cursor.rowcount, cursor.lastrowid)
        await cursor.executemany("UPDATE batch SET n = %s WHERE id = %s", [(n, n) for n in range(20)])
        say("executemany of updates", cursor.rowcount)
    say("batch", await run(db, "SELECT COUNT(*), SUM(n), MAX(id) FROM batch"))


async def transactions(db):
    await run(db, "CREATE TABLE tx (id INT PRIMARY KEY, n INT)")
    await db.begin()
    await run(db, "INSERT INTO tx VALUES (1, 0)")
    await db.rollback()
    await db.begin()
    await run(db, "INSERT INTO tx VALUES (2, 0)")
    say("own", await run(db, "SELECT * FROM tx"))
    await db.commit()
    await db.autocommit(False)
    await run(db, "UPDATE tx SET n = 1")
    await db.rollback()
    await db.autocommit(True)
    say("after all", await run(db, "SELECT * FROM tx"), db.get_autocommit())


async def streams(db):
    async with db.cursor(CURSORS.SSCursor) as cursor:
        await cursor.execute("WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s")
        first, some = await cursor.fetchone(), await cursor.fetchmany(50)
        say("streamed", first[0], len(some), sum([row[0] async for row in cursor]))
    # asyncmy can't read a row of two packets.
    value = LARGE if sys.argv[1] == "aiomysql" else LARGE[: 15 << 20]
    found = await run(db, "SELECT LEFT(%s, %s) AS v", (LARGE, len(value)))
    say("20 MB", found[0][0][0] == value)


async def others(db):
    await run(db, "CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS c; SET y = x * 2; END")
    say("call", await run(db, "CALL two(4, @y)"), await run(db, "SELECT @y"))
    several = await DRIVER.connect(**settings(client_flag=1 << 16))
    await attempt("several statements", run(several, "SELECT 1; SET @x = 2; SELECT @x, 'ü'; DO 1"))
    await attempt("the third fails", run(several, "SELECT 1; SET @x = 3; SELECT nope; SET @x = 4"))
    several.close()
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join(f"{i},row {i}\n" for i in range(3000)))
        file.flush()
        await run(db, "CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))")
        # On a connection of its own: asyncmy has lost count of the packets afterwards.
        other = await DRIVER.connect(**settings())
        await attempt("load data", run(other, f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE loaded FIELDS TERMINATED BY ','"))
        say("loaded", await run(db, "SELECT COUNT(*), SUM(i), MAX(s) FROM loaded"))
        other.close()
    await attempt("ping", db.ping())
    say("connection id", (await run(db, "SELECT CONNECTION_ID()"))[0][0][0] == db.thread_id())
    await attempt("select_db", db.select_db("app"))
    await attempt("select_db", db.select_db("app_missing"))
    say("server", await run(db, "SELECT DATABASE()"), db.get_server_info())
    await attempt("wrong password", DRIVER.connect(**settings(password="wrong")))
    await attempt("unknown database", DRIVER.connect(**settings(db="app_missing")))


async def pool():
    async with DRIVER.create_pool(minsize=1, maxsize=5, **settings()) as pool:
        async def ask(n):
            async with pool.acquire() as db:
                return (await run(db, "SELECT %s + 1", (n,)))[0][0][0]

        say("pool", sum(await asyncio.gather(*[ask(n) for n in range(100)])))


async def main():
    db = await DRIVER.connect(**settings())
    for text in statements("session.sql"):
        await attempt(text, run(db, text))
    await db.select_db(DATABASE)
    for check in (types, batches, transactions, streams, others):
        await check(db)
    db.close()
    await pool()


asyncio.run(main())
