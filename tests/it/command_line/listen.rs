use std::{
    net::TcpListener,
    os::unix::net::UnixListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{GOOD, forebay, write};
use crate::support::{
    bed::{Bed, direct_only},
    cluster::Kind,
    endpoint::Endpoint,
    forebay::{Forebay, free_port, named, servers_yaml},
    guard, paths,
    process::{eventually, signal, wait},
    raw::{Client, Login},
};

fn listen(at: &str) -> String {
    GOOD.replace("listen: 127.0.0.1:1", &format!("listen: {at}"))
}

#[test]
fn an_address_in_use() {
    let dir = paths::scratch("listen");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let socket = dir.join("taken.sock");
    let _listening = UnixListener::bind(&socket).unwrap();
    let file = dir.join("file");
    std::fs::write(&file, "not a socket").unwrap();
    let nowhere = dir.join("no/folder/s");
    for (at, why) in [
        (format!("127.0.0.1:{port}"), "Address already in use"),
        (socket.display().to_string(), "Address already in use"),
        (file.display().to_string(), "Address already in use"),
        (nowhere.display().to_string(), "No such file or directory"),
        ("no.such.name.invalid:3306".into(), "can't listen"),
    ] {
        let config = write(&dir, "config.yaml", &listen(&at));
        let (status, out, err) = forebay(&["run", "--config", &config], &[]);
        assert_eq!((status, out.as_str()), (Some(1), ""), "{at}: {err}");
        let last = err.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("forebay: can't listen on {at}: ")) && last.contains(why), "{at}: {err}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not a socket");
    assert!(socket.exists(), "somebody listens there");
}

/// Every address serves; a socket file that nobody listens on is no obstacle, and at the end none is left.
#[test]
fn several_addresses_and_a_stale_socket() {
    if direct_only() {
        return;
    }
    let bed = Bed::of(Kind::MariaDb);
    let dir = paths::scratch("listen");
    let (stale, fresh) = (dir.join("stale.sock"), dir.join("fresh.sock"));
    drop(UnixListener::bind(&stale).unwrap());
    assert!(stale.exists());
    let ports = [free_port(), free_port()];
    let servers: Vec<_> = bed.cluster.servers().map(named).collect();
    let text = format!(
        "listen: [\"127.0.0.1:{}\", \"127.0.0.2:{}\", {}, \"unix:{}\"]\n{}users: [{{name: app, password: secret}}]\n",
        ports[0],
        ports[1],
        stale.display(),
        fresh.display(),
        servers_yaml(&servers)
    );
    let config = write(&dir, "config.yaml", &text);
    let mut child = start(&config, &dir.join("log"));
    for to in [Endpoint::new(ports[0]), Endpoint::socket(stale.clone()), Endpoint::socket(fresh.clone())] {
        eventually("it serves", || {
            Client::connect(&to, &Login::default()).is_ok_and(|mut c| c.query("SELECT 1").code().is_none())
        });
    }
    assert!(std::net::TcpStream::connect(("127.0.0.2", ports[1])).is_ok());
    assert!(std::net::TcpStream::connect(("127.0.0.1", ports[1])).is_err());
    let log = std::fs::read_to_string(dir.join("log")).unwrap();
    assert!(
        log.contains(&format!("listening on 127.0.0.1:{}, 127.0.0.2:{}, {}", ports[0], ports[1], stale.display())),
        "{log}"
    );
    signal(child.id(), "TERM");
    let status = wait(&mut child, Duration::from_secs(10)).expect("an end");
    assert!(status.success(), "{status}");
    assert!(!stale.exists() && !fresh.exists(), "the socket files are gone");
}

fn start(config: &str, log: &std::path::Path) -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(["run", "--config", config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(log).unwrap())
        .spawn()
        .unwrap();
    guard::process(child.id(), config);
    child
}

/// Before any server is reached there is nothing to greet with: clients are told so, and served once there is one.
#[test]
fn without_any_server() {
    let forebay = Forebay::configured(
        "servers: [{address: \"127.0.0.1:9\", role: primary}]\nusers: [{name: app, password: secret}]\n",
        &[],
    );
    let mut said = String::new();
    eventually("it listens", || {
        said = Client::connect(&forebay.endpoint, &Login::default()).unwrap_err().to_string();
        said.starts_with("ERROR")
    });
    assert!(said.contains("Can't connect to MySQL server: no server has been reached yet"), "{said}");
    let log = forebay.log();
    assert!(log.contains("can't be reached"), "{log}");
    forebay.assert_sound();
}
