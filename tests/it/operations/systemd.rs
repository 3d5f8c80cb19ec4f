//! The service manager's protocols, without one: this test is what listens to `NOTIFY_SOCKET`, and what passes sockets.

use std::{
    fs::File,
    net::TcpListener,
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram, UnixListener},
    },
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::{Forebay, named, servers_yaml},
    guard, paths, process,
    raw::{Client, Login},
};

both!(it_says_how_it_is, sockets_may_be_given);

const PATIENCE: Duration = Duration::from_secs(60);

fn yaml(bed: &Bed) -> String {
    let servers: Vec<_> = bed.cluster.servers().map(named).collect();
    servers_yaml(&servers)
        + "users: [{name: app, password: secret}]\nmonitor: {user: monitor, password: secret}\nhealth: {interval: 200ms}\n"
}

/// A path on one kind of server, an abstract name on the other.
fn notify_socket(bed: &Bed) -> (UnixDatagram, String) {
    let path = paths::scratch("notify").join("n");
    let name = path.to_str().unwrap().to_owned();
    let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = bed.kind.pick(UnixDatagram::bind(&path), UnixDatagram::bind_addr(&abstract_address)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, bed.kind.pick(name.clone(), format!("@{name}")))
}

/// Reads on until it is said; all that was said until then.
fn until(socket: &UnixDatagram, what: &str) -> Vec<String> {
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{what}: {error}: {said:?}"));
        said.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        if said.last().unwrap().lines().any(|line| line == what) {
            return said;
        }
    }
}

fn it_says_how_it_is(bed: &Bed) {
    let (socket, name) = notify_socket(bed);
    let mut forebay = Forebay::configured(&yaml(bed), &[("NOTIFY_SOCKET", &name), ("WATCHDOG_USEC", "600000")]);
    let ready = until(&socket, "READY=1").pop().unwrap();
    assert!(ready.contains("STATUS=listening on 127.0.0.1:"), "{ready}");
    until(&socket, "WATCHDOG=1");
    until(&socket, "WATCHDOG=1");
    process::signal(forebay.pid(), "HUP");
    let reloading = until(&socket, "RELOADING=1").pop().unwrap();
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    until(&socket, "READY=1");
    process::signal(forebay.pid(), "TERM");
    let stopping = until(&socket, "STOPPING=1").pop().unwrap();
    // The usual 15 s, and what it takes beyond.
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC=20000000"), "{stopping}");
    assert!(forebay.terminate(), "it ended well");
}

/// The sockets as descriptors 3 and 4, as a service manager passes them.
fn start(config: &Path, log: &Path, tcp: &TcpListener, unix: &UnixListener) -> Child {
    let fd = |socket: OwnedFd| Stdio::from(socket);
    let launch = "exec 3<&0 4<&1 0</dev/null 1>/dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" run --config \"$1\"";
    let child = Command::new("sh")
        .args(["-c", launch, env!("CARGO_BIN_EXE_forebay"), config.to_str().unwrap()])
        .stdin(fd(tcp.try_clone().unwrap().into()))
        .stdout(fd(unix.try_clone().unwrap().into()))
        .stderr(File::create(log).unwrap())
        .spawn()
        .unwrap();
    guard::process(child.id(), config.to_str().unwrap());
    child
}

fn end(child: &mut Child, log: &Path) {
    process::signal(child.id(), "TERM");
    let status = process::wait(child, PATIENCE);
    assert!(status.is_some_and(|status| status.success()), "{}", std::fs::read_to_string(log).unwrap());
}

fn sockets_may_be_given(bed: &Bed) {
    let dir = paths::scratch("given");
    let (config, log, path) = (dir.join("config.yaml"), dir.join("log"), dir.join("s"));
    let (tcp, unix) = (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(&path).unwrap());
    let port = tcp.local_addr().unwrap().port();
    let listen = format!("listen: [\"127.0.0.1:{port}\", \"{}\"]\n", path.display());
    std::fs::write(&config, listen + &yaml(bed)).unwrap();
    // A client that comes while nobody is there yet is served when somebody is: in the beginning, and between two.
    for _ in 0..2 {
        let early = thread::spawn(move || {
            Client::connect_within(PATIENCE, &Endpoint::new(port), &Login::default())
                .map(|mut client| client.value("SELECT 7"))
        });
        let mut forebay = start(&config, &log, &tcp, &unix);
        let said = || std::fs::read_to_string(&log).unwrap();
        assert_eq!(early.join().unwrap().unwrap_or_else(|error| panic!("{error}\n{}", said())), "7");
        let begun = Instant::now();
        let mut by_path = loop {
            match Client::connect(&Endpoint::socket(path.clone()), &Login::default()) {
                Ok(client) => break client,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}\n{}", said()),
            }
        };
        assert_eq!(by_path.value("SELECT 8"), "8");
        end(&mut forebay, &log);
        assert!(path.exists(), "it is not Forebay's to remove");
        assert!(!said().contains("a socket was passed"), "{}", said());
    }
}
