//! Clients that operators have: command lines, drivers, and what GUI clients send by themselves.

use std::{fs::File, io::Write, process::Command};

use super::{House, house};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
    process::{run, run_with_input},
    raw::{Client, Login},
};

both!(python_drivers, jdbc, mycli, what_gui_clients_send);

fn visit(program: impl AsRef<std::ffi::OsStr>, house: &House) -> Command {
    let mut command = Command::new(program);
    command.env("DB_HOST", Endpoint::HOST).env("DB_PORT", house.port.port.to_string());
    command
}

fn python_drivers(bed: &Bed) {
    let house = house(bed);
    let script = paths::tests("clients/operator/visit.py");
    for (driver, error) in [
        ("pymysql", "ProgrammingError"),
        ("mysqlclient", "ProgrammingError"),
        ("connector-pure", "ProgrammingError"),
        ("connector-c", "ProgrammingError"),
        ("mariadb", "ProgrammingError"),
    ] {
        for more in ["plain", "tls"] {
            let mut python = visit(paths::cache("python/bin/python"), &house);
            let said = run(python.arg(&script).args([driver, more])).good();
            let expected = format!(
                "[[\"server\", \"address\"], [\"primary\", \"replica1\", \"replica2\"]]\n[\"0\"]\n[\"{error}\", true]\n[[\"a\"]]\n\
                 [\"wrong password\", true]\n"
            );
            assert_eq!(said, expected, "{driver} {more}");
        }
    }
    house.forebay.assert_sound();
}

/// MariaDB's, which GUI clients bring along; as for other drivers without a server's help for prepared statements.
fn jdbc(bed: &Bed) {
    let house = house(bed);
    for options in ["?sslMode=disable", "?sslMode=trust"] {
        let mut java = visit("java", &house);
        java.args(["-XX:TieredStopAtLevel=1", "-cp"]);
        java.arg(paths::cache("clients/root/usr/share/java/mariadb-java-client.jar"));
        let said = run(java.arg(paths::tests("clients/operator/Visit.java")).arg(options)).good();
        for line in
            ["valid true", "servers primary replica1 replica2", "schemas forebay", "error 1064", "prepared primary"]
        {
            assert!(said.lines().any(|said| said == line), "{line}: {said}");
        }
        let tables = said.lines().find(|line| line.starts_with("tables ")).unwrap_or_else(|| panic!("{said}"));
        assert!(tables.contains(" servers ") && tables.contains(" sessions "), "{said}");
    }
    house.forebay.assert_sound();
}

fn mycli(bed: &Bed) {
    if Command::new("mycli").arg("--version").output().is_err() {
        return eprintln!("no mycli: it does not visit the admin port");
    }
    let house = house(bed);
    let home = paths::scratch("mycli");
    let mycli = || {
        let mut mycli = Command::new("mycli");
        mycli.env("HOME", &home).env("LC_ALL", "C.UTF-8").args([
            "--no-warn",
            "-h",
            Endpoint::HOST,
            "-u",
            "op",
            "-p",
            "secret-op",
        ]);
        mycli.args(["-P", &house.port.port.to_string(), "-D", "forebay", "--csv"]);
        mycli
    };
    let said = run(mycli().args(["-e", "SHOW SERVERS WHERE role = 'primary'"])).good();
    assert!(said.contains("\"primary\""), "{said}");
    let script = home.join("script.sql");
    File::create(&script).unwrap().write_all(b"SHOW GROUPS;\nSELECT COUNT(*) AS n FROM servers;\n").unwrap();
    let said = run_with_input(&mut mycli(), Some(File::open(&script).unwrap())).good();
    assert!(said.contains("\"n\"") && said.contains("\"3\""), "{said}");
    let refused = run(mycli().args(["-e", "NONSENSE"]));
    assert!(!refused.success && refused.err.contains("1064"), "{refused:?}");
    house.forebay.assert_sound();
}

/// `tests/clients/operator/connect.txt`, in which the statements stand.
fn what_gui_clients_send(bed: &Bed) {
    let house = house(bed);
    let file = std::fs::read_to_string(paths::tests("clients/operator/connect.txt")).unwrap();
    let (mut clients, mut wrong) = (0, Vec::new());
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        if let Some(name) = line.strip_prefix("## ") {
            clients += 1;
            operator =
                Client::connect(&house.port, &Login::operator()).unwrap_or_else(|error| panic!("{name}: {error}"));
            continue;
        }
        let reply = operator.query(line);
        if reply.code().is_some() || reply.lost.is_some() {
            wrong.push(format!("{line}: {reply}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(clients >= 10, "{clients}");
    let listed = operator.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'forebay'");
    assert!(listed.iter().any(|row| row[0] == "servers"), "{listed:?}");
    assert_eq!(operator.rows("DESCRIBE forebay.servers")[0][0], "server");
    house.forebay.assert_sound();
}
