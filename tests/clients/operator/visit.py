"""A Python driver's visit to the admin port at DB_PORT: prints what it saw, one JSON line each."""

import importlib
import json
import os
import sys

DRIVERS = {
    "pymysql": ("pymysql", {}, {"ssl": {"check_hostname": False}}),
    "mysqlclient": ("MySQLdb", {}, {"ssl_mode": "REQUIRED"}),
    "connector-pure": ("mysql.connector", {"use_pure": True, "ssl_disabled": True}, {"use_pure": True}),
    "connector-c": ("mysql.connector", {"use_pure": False, "ssl_disabled": True}, {"use_pure": False}),
    "mariadb": ("mariadb", {}, {"ssl": True}),
}
LOGIN = {"host": os.environ["DB_HOST"], "port": int(os.environ["DB_PORT"]), "user": "op", "password": "secret-op"}


def say(*what):
    print(json.dumps(what))


name, *more = sys.argv[1:]
module, plain, secure = DRIVERS[name]
driver = importlib.import_module(module)
connection = driver.connect(**LOGIN, **(secure if "tls" in more else plain))
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("SHOW SERVERS ORDER BY server")
say([column[0] for column in cursor.description][:2], [row[0] for row in cursor.fetchall()])
cursor.execute("SELECT COUNT(*) FROM forebay.sessions")
say(str(cursor.fetchone()[0]))
cursor.execute("SET log_level = info")
try:
    cursor.execute("NONSENSE")
except driver.Error as error:
    say(type(error).__name__, "is no command of the admin port" in str(error))
cursor.execute("SELECT 'a' AS x")
say([str(cell) for cell in cursor.fetchone()])
connection.ping()
connection.close()
try:
    driver.connect(**(LOGIN | {"password": "wrong"}), **plain)
except driver.Error as error:
    say("wrong password", "1045" in str(error.args) or error.errno == 1045)
