//! The PROXY header of a load balancer in front: by hand, and with HAProxy.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    bed::Bed,
    cluster::Kind,
    endpoint::Endpoint,
    forebay::{Forebay, Settings, free_port},
    guard, paths,
    process::eventually,
    raw::{Client, Login, Stream},
};

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// A Forebay whose second address expects headers from [`PROXY`], and whose user `announced` may only come from
/// 203.0.113.0/24 and 127.0.0.5.
fn forebay(more: &str) -> (Forebay, u16) {
    let bed = Bed::of(Kind::MariaDb);
    bed.cluster.sql(&["CREATE USER IF NOT EXISTS announced@'%' IDENTIFIED BY 'secret'"]);
    bed.cluster.settle();
    let port = free_port();
    let settings = Settings {
        listen: vec![format!("{{address: \"127.0.0.1:{port}\", proxy_protocol_from: [{PROXY}]}}")],
        users: &["{name: announced, password: secret, hosts: [203.0.113.0/24, 127.0.0.5]}"],
        more: format!("log: {{level: debug}}\n{more}"),
        ..Settings::default()
    };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    (forebay, port)
}

/// A connection from one of this machine's own addresses.
fn connect_from(from: Ipv4Addr, port: u16) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into()).unwrap();
    socket.connect(&SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port).into()).unwrap();
    let tcp = TcpStream::from(socket);
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    tcp
}

/// Sends the header and logs in.
fn log_in(port: u16, header: &[u8], user: &str) -> Result<Client, String> {
    let mut tcp = connect_from(PROXY, port);
    tcp.write_all(header).unwrap();
    let login = Login { user: user.into(), ..Login::default() };
    Client::on(Stream::Tcp(tcp), &login).map_err(|error| error.to_string())
}

fn v1(source: &str) -> Vec<u8> {
    format!("PROXY TCP4 {source} 10.0.0.1 54321 3306\r\n").into_bytes()
}

fn v2(source: [u8; 4]) -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &source[..], b"\x0a\0\0\x01\xd4\x31\x0c\xea"].concat()
}

#[test]
fn the_announced_address_counts() {
    let (forebay, port) = forebay("");
    for header in [v1("203.0.113.7"), v2([203, 0, 113, 7])] {
        let mut client = log_in(port, &header, "announced").unwrap();
        assert_eq!(client.value("SELECT 1"), "1");
        drop(client);
        assert!(log_in(port, &header, "app").is_ok());
    }
    let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 54321 3306\r\n".to_vec();
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec();
    for (header, host) in [
        (v1("198.51.100.1"), "198.51.100.1"),
        (v2([198, 51, 100, 1]), "198.51.100.1"),
        (v6, "2001:db8::7"),
        // Whoever is not announced comes from the proxy.
        (local, "127.0.0.4"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.4"),
    ] {
        let denied = format!("ERROR 1045 (28000): Access denied for user 'announced'@'{host}' (using password: YES)");
        assert_eq!(log_in(port, &header, "announced").err(), Some(denied), "{}", header.escape_ascii());
        assert!(log_in(port, &header, "app").is_ok(), "{}", header.escape_ascii());
    }
    let log = forebay.log();
    assert!(log.contains("peer=203.0.113.7:54321") && log.contains("proxy=127.0.0.4:"), "{log}");
    forebay.assert_sound();
}

#[test]
fn without_a_header_a_proxy_gets_nothing() {
    let (forebay, port) = forebay("timeouts: {handshake: 600ms}\n");
    // Silent: waits for a greeting that does not come.
    let mut silent = connect_from(PROXY, port);
    let start = Instant::now();
    let mut heard = Vec::new();
    silent.read_to_end(&mut heard).unwrap();
    let took = start.elapsed();
    assert!(heard.is_empty() && took > Duration::from_millis(400), "{heard:02x?} after {took:?}");
    assert!(forebay.log().contains("sent no PROXY header in time"), "{}", forebay.log());
    // Something else.
    let mut other = connect_from(PROXY, port);
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = other.read_to_end(&mut bytes);
    assert_eq!(bytes, b"");
    eventually("it is said why", || forebay.log().contains("it sent no PROXY header, but GET / HTTP/1.1"));
    // The address that expects none goes on as ever.
    assert!(Client::connect(&forebay.endpoint, &Login::default()).is_ok());
    forebay.assert_sound();
}

#[test]
fn nobody_else_may_send_one() {
    let (forebay, port) = forebay("");
    for to in [port, forebay.endpoint.port] {
        let tcp = connect_from(STRANGER, to);
        assert!(Client::on(Stream::Tcp(tcp), &Login::default()).is_ok(), "without a header");
        for header in [v1("203.0.113.7"), v2([203, 0, 113, 7])] {
            let mut tcp = connect_from(STRANGER, to);
            tcp.write_all(&header).unwrap();
            let mut answer = Vec::new();
            let _ = tcp.read_to_end(&mut answer);
            let greeting_bytes = 4 + usize::from(answer[0]);
            let refusal = &answer[greeting_bytes..];
            assert!(
                refusal.get(5..7) == Some(&1156_u16.to_le_bytes()),
                "{}: {}",
                header.escape_ascii(),
                answer.escape_ascii()
            );
        }
    }
    let said = "a PROXY header from an address that `proxy_protocol_from` does not list";
    assert_eq!(forebay.log().lines().filter(|line| line.contains("WARN") && line.contains(said)).count(), 4);
    forebay.assert_sound();
}

#[test]
fn limits_go_by_the_announced_address() {
    let (forebay, port) = forebay("limits: {per_address: 1}\n");
    let _one = log_in(port, &v1("203.0.113.7"), "app").unwrap();
    let _other = log_in(port, &v2([203, 0, 113, 8]), "app").unwrap();
    let refused = log_in(port, &v2([203, 0, 113, 7]), "app").err().unwrap();
    assert!(refused.starts_with("ERROR 1040"), "{refused}");
    forebay.assert_sound();
}

#[test]
fn by_a_unix_socket_too() {
    let bed = Bed::of(Kind::MariaDb);
    let socket = paths::scratch("balanced").join("s");
    let settings = Settings {
        listen: vec![format!("{{address: \"{}\", proxy_protocol_from: localhost}}", socket.display())],
        ..Settings::default()
    };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    let mut unix = UnixStream::connect(&socket).unwrap();
    unix.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    unix.write_all(&v1("203.0.113.7")).unwrap();
    let wrong = Login { password: "wrong".into(), ..Login::default() };
    let refused = Client::on(Stream::Unix(unix), &wrong).err().unwrap().to_string();
    assert!(refused.contains("'app'@'203.0.113.7'"), "{refused}");
    forebay.assert_sound();
}

/// HAProxy with one server, ended when dropped.
struct HaProxy {
    child: Child,
    port: u16,
}

impl HaProxy {
    /// `None`, with a loud word, where there is no HAProxy and none could be installed.
    fn start(forebay_port: u16, send: &str) -> Option<HaProxy> {
        let program =
            ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].into_iter().find(|path| Path::new(path).exists());
        let Some(program) = program else {
            eprintln!(
                "\n*** SKIPPED: no haproxy here; `tests/provision/all.sh` installs it on Debian and Ubuntu ***\n"
            );
            return None;
        };
        let port = free_port();
        let file = paths::scratch("haproxy").join("haproxy.cfg");
        let config = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             listen balanced\n bind 127.0.0.1:{port}\n option mysql-check\n\
             server one 127.0.0.1:{forebay_port} source {PROXY} check inter 200ms {send}\n"
        );
        std::fs::write(&file, config).unwrap();
        let child = Command::new(program)
            .args(["-db", "-f", file.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy");
        guard::process(child.id(), file.to_str().unwrap());
        Some(HaProxy { child, port })
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn behind_haproxy() {
    let (forebay, port) = forebay("");
    for send in ["send-proxy", "send-proxy-v2"] {
        let Some(haproxy) = HaProxy::start(port, send) else { return };
        let near = |user: &str, from: Ipv4Addr| {
            let login = Login { user: user.into(), ..Login::default() };
            Client::on(Stream::Tcp(connect_from(from, haproxy.port)), &login).map_err(|error| error.to_string())
        };
        eventually("HAProxy listens", || TcpStream::connect((Endpoint::HOST, haproxy.port)).is_ok());
        // Its checks go on all the while and must not make it give the server up.
        for _ in 0..8 {
            let mut client = near("announced", Ipv4Addr::new(127, 0, 0, 5)).unwrap_or_else(|e| panic!("{send}: {e}"));
            assert_eq!(client.value("SELECT 1"), "1", "{send}");
            let denied = near("announced", Ipv4Addr::new(127, 0, 0, 6)).err().unwrap();
            assert!(denied.contains("'announced'@'127.0.0.6'"), "{send}: {denied}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let log = forebay.log();
    assert!(!log.contains("sent no PROXY header") && !log.contains("malformed PROXY header"), "{log}");
    forebay.assert_sound();
}
