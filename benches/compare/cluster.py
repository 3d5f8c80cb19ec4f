"""A MariaDB primary with one replica, filled with sysbench's tables; ended when the block ends."""

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD, DATABASE = "bench", "secret", "sbtest"
TABLES, ROWS = 4, 50_000
# A row of `large` takes 190 bytes on the wire: what many results look like, and 105,000 packets to pass on.
LARGE_ROWS = 105_000

# What matters is the way to the server, not its disk. The connections are for the idle clients, one each.
OPTIONS = [
    "--bind-address=127.0.0.1", "--skip-name-resolve", "--log-bin=binlog", "--relay-log=relay", "--binlog-format=ROW",
    "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=256M", "--max-connections=12000",
    "--back-log=4000", "--thread-cache-size=256", "--max-allowed-packet=64M", "--performance-schema=OFF", "--log-slave-updates",
    "--gtid-strict-mode=ON", "--skip-ssl",
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def program(name: str) -> str:
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise SystemExit(f"{name} is missing")
    return found


def stop(process: subprocess.Popen, seconds: float = 20) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode}; see its log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} does not listen on {port}")


@dataclass
class Server:
    folder: Path
    port: int
    process: subprocess.Popen

    def sql(self, text: str, database: str = "") -> str:
        command = [program("mariadb"), "--no-defaults", f"--socket={self.folder}/s", "-uroot", "-BN", database]
        done = subprocess.run(command, input=text, text=True, capture_output=True)
        if done.returncode:
            raise SystemExit(f"{done.stderr}\nin: {text}")
        return done.stdout.strip()


class Cluster:
    """`with Cluster(folder) as cluster:` – `cluster.primary` and `cluster.replica` are there, equal and filled."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.servers: list[Server] = []

    def __enter__(self) -> "Cluster":
        try:
            self.fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for server in self.servers:
            server.process.terminate()
        for server in self.servers:
            stop(server.process)

    def fill(self) -> None:
        seed = self.folder / "seed"
        root = [] if os.geteuid() else ["--user=root"]
        install = [program("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal",
                   "--skip-test-db", f"--datadir={seed}", *root]
        # A starting MariaDB removes all temporary tables that it finds, another server's too.
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(self.folder)})
        self.primary, self.replica = (self.start(name, seed, root) for name in ("primary", "replica"))
        self.primary.sql(f"""
            CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';
            GRANT ALL ON *.* TO {USER}@'%';
            CREATE DATABASE {DATABASE};""")
        sysbench = [program("sysbench"), "oltp_read_write", *login("127.0.0.1", self.primary.port), f"--tables={TABLES}",
                    f"--table-size={ROWS}", "prepare"]
        subprocess.run(sysbench, check=True, stdout=subprocess.DEVNULL)
        union = " UNION ALL ".join(f"SELECT k, c, pad FROM sbtest{i + 1}" for i in range(TABLES))
        self.primary.sql(f"""
            CREATE TABLE large (id INT PRIMARY KEY AUTO_INCREMENT, k INT, c CHAR(120), pad CHAR(60));
            INSERT INTO large (k, c, pad) SELECT k, c, pad FROM ({union} LIMIT {LARGE_ROWS}) AS all_rows;""", DATABASE)
        self.replica.sql(f"""
            CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {self.primary.port}, MASTER_USER = '{USER}',
                MASTER_PASSWORD = '{PASSWORD}', MASTER_USE_GTID = slave_pos;
            START SLAVE""")
        position = self.primary.sql("SELECT @@gtid_binlog_pos")
        if self.replica.sql(f"SELECT MASTER_GTID_WAIT('{position}', 120)") != "0":
            raise SystemExit("the replica does not follow: " + self.replica.sql("SHOW SLAVE STATUS"))

    def start(self, name: str, seed: Path, root: list[str]) -> Server:
        folder = self.folder / name
        shutil.copytree(seed, folder / "data")
        port = free_port()
        command = [program("mariadbd"), "--no-defaults", *OPTIONS, *root, f"--datadir={folder}/data", f"--tmpdir={folder}",
                   f"--socket={folder}/s", f"--pid-file={folder}/pid", f"--port={port}",
                   f"--server-id={len(self.servers) + 1}"]
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        server = Server(folder, port, process)
        self.servers.append(server)
        wait_for_port(port, process)
        return server


def login(host: str, port: int) -> list[str]:
    """sysbench's options for whoever listens there."""
    return [f"--mysql-host={host}", f"--mysql-port={port}", f"--mysql-user={USER}", f"--mysql-password={PASSWORD}",
            f"--mysql-db={DATABASE}"]
