//! The same against real servers: `FOREBAY_WIRE_SOCKETS=/path/to/socket:… cargo test --lib wire::reply -- --ignored`.
//! The servers are MariaDB 10.11 and MySQL 9.7 with a root without password and `local_infile` on.
use super::*;
use crate::wire::{
    capability::CapabilityFlags,
    command::{self, byte},
    handshake::{AuthReply, FirstPacket, Greeting, Login, parse_auth_reply},
    packet, statement,
};
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

struct Server {
    socket: UnixStream,
    buffer: Vec<u8>,
    seq: u8,
    mysql: bool,
}

impl Server {
    fn log_in(path: &str) -> Server {
        let mut server =
            Server { socket: UnixStream::connect(path).unwrap(), buffer: Vec::new(), seq: 0, mysql: false };
        let greeting = Greeting::parse(&server.payload()).unwrap();
        server.mysql = !greeting.server_version.windows(7).any(|word| word == b"MariaDB");
        let login = Login {
            capabilities: CapabilityFlags::CLIENT_PROTOCOL_41
                | CapabilityFlags::CLIENT_SESSION_TRACK
                | CapabilityFlags::CLIENT_DEPRECATE_EOF
                | CapabilityFlags::CLIENT_LONG_PASSWORD
                | CapabilityFlags::CLIENT_SECURE_CONNECTION
                | CapabilityFlags::CLIENT_PLUGIN_AUTH
                | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
                | CapabilityFlags::CLIENT_CONNECT_ATTRS
                | CapabilityFlags::CLIENT_TRANSACTIONS
                | CapabilityFlags::CLIENT_MULTI_STATEMENTS
                | CapabilityFlags::CLIENT_MULTI_RESULTS
                | CapabilityFlags::CLIENT_PS_MULTI_RESULTS
                | CapabilityFlags::CLIENT_LOCAL_FILES,
            mariadb_capabilities: MariaDbCapabilities::empty(),
            max_packet_bytes: 1 << 30,
            charset: 45,
            user: b"root".to_vec(),
            auth: Vec::new(),
            schema: None,
            auth_plugin: Some(b"mysql_native_password".to_vec()),
            attributes: b"\x04_pid\x0242".to_vec(),
            zstd_level: None,
        };
        let mut payload = Vec::new();
        login.push(&mut payload);
        assert_eq!(FirstPacket::parse(&payload), Ok(FirstPacket::Login(login)));
        server.send(&payload);
        loop {
            match parse_auth_reply(&server.payload()).unwrap() {
                AuthReply::Ok => return server,
                AuthReply::Switch { .. } => server.send(b""),
                AuthReply::More(_) => {}
                AuthReply::Err => panic!("login refused"),
            }
        }
    }

    fn send(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        self.seq = packet::push(&mut out, self.seq, payload);
        self.socket.write_all(&out).unwrap();
    }

    /// One packet: its header and payload, without joining.
    fn packet(&mut self) -> (Header, Vec<u8>) {
        loop {
            if let Some(header) = Header::read(&self.buffer) {
                let end = packet::HEADER_BYTES + header.payload_bytes;
                if self.buffer.len() >= end {
                    assert_eq!(header.seq, self.seq);
                    self.seq = header.seq.wrapping_add(1);
                    let payload = self.buffer[packet::HEADER_BYTES..end].to_vec();
                    self.buffer.drain(..end);
                    return (header, payload);
                }
            }
            let mut part = vec![0; 1 << 20];
            let read = self.socket.read(&mut part).unwrap();
            assert!(read > 0, "the server hung up");
            self.buffer.extend_from_slice(&part[..read]);
        }
    }

    fn payload(&mut self) -> Vec<u8> {
        self.packet().1
    }

    /// Sends a command, follows the reply to its end and makes sure that nothing comes behind it.
    fn ask(&mut self, expect: Expect, command: &[u8]) -> (String, Vec<u8>) {
        self.seq = 0;
        self.send(command);
        let mut tracker = ReplyTracker::new(expect, MariaDbCapabilities::empty());
        let (mut letters, mut first) = (String::new(), None);
        while !tracker.done() {
            let (header, payload) = self.packet();
            if tracker.begin(header, payload.first().copied()).unwrap() == Packet::Row {
                letters.push('r');
                continue;
            }
            let kind = tracker.whole(&payload).unwrap();
            letters.push(letter_of(kind));
            first.get_or_insert(payload);
            if kind == Kind::LocalInfile {
                self.send(b"l1\nl2\n");
                self.send(b"");
                tracker.infile_sent();
            }
        }
        self.assert_silence();
        (letters, first.unwrap_or_default())
    }

    fn assert_silence(&mut self) {
        assert!(self.buffer.is_empty(), "bytes behind the end");
        self.socket.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let more = self.socket.read(&mut [0; 1]);
        self.socket.set_read_timeout(None).unwrap();
        assert!(more.is_err(), "bytes behind the end");
    }

    #[track_caller]
    fn query(&mut self, text: &str, expected: &str) {
        let mut command = Vec::new();
        command::push_query(&mut command, text.as_bytes(), false);
        assert_eq!(self.ask(Expect::Results, &command).0, expected, "{text}");
    }

    #[track_caller]
    fn prepare(&mut self, text: &str, expected: &str) -> u32 {
        let mut command = Vec::new();
        statement::push_prepare(&mut command, text.as_bytes());
        let (letters, first) = self.ask(Expect::Prepare, &command);
        assert_eq!(letters, expected, "{text}");
        PrepareOk::parse(&first).map_or(0, |prepared| prepared.statement_id)
    }

    #[track_caller]
    fn execute(&mut self, statement_id: u32, flags: u8, tail: &[u8], expected: &str) {
        let execute = statement::Execute { statement_id, flags, iterations: 1, tail };
        let mut command = Vec::new();
        statement::push_execute(&mut command, &execute, 0, false, statement_id, None).unwrap();
        assert_eq!(self.ask(Expect::Results, &command).0, expected);
    }

    #[track_caller]
    fn fetch(&mut self, statement_id: u32, rows: u32, expected: &str) {
        let mut command = Vec::new();
        statement::push_fetch(&mut command, statement_id, rows);
        assert_eq!(self.ask(Expect::Rows, &command).0, expected);
    }
}

#[test]
#[ignore = "needs servers"]
fn replies_of_real_servers_end_where_they_end() {
    let sockets = std::env::var("FOREBAY_WIRE_SOCKETS").expect("FOREBAY_WIRE_SOCKETS");
    for path in sockets.split(':') {
        let mut server = Server::log_in(path);
        texts(&mut server);
        small_commands(&mut server);
        statements(&mut server);
        long_rows(&mut server);
        everything_tracked(&mut server);
        server.query("DROP DATABASE forebay_wire", "O");
    }
}

fn texts(server: &mut Server) {
    server.query("DROP DATABASE IF EXISTS forebay_wire; CREATE DATABASE forebay_wire; USE forebay_wire", "OOO");
    server.query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20) DEFAULT 'dflt')", "O");
    server.query("INSERT INTO t (v) VALUES ('a'), ('b'), (NULL)", "O");
    server.query("SELECT id, v FROM t", "CdDrrrE");
    server.query("SELECT v, id FROM t WHERE v IS NULL", "CdDrE");
    server.query("SELECT id FROM t WHERE 0", "CDE");
    server.query("SELECT 1; DO 1; SELECT 2; SELECT bad; SELECT 3", "CDrEOCDrEX");
    server.query("SELECT (SELECT id FROM t UNION SELECT 9) FROM t", "CDX");
    server.query("SELECT id, IF(id = 3, (SELECT 1 UNION SELECT id), 0) FROM t", "CdDrrX");
    server.query("", "X");
    server.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t (v); SELECT 1", "FOCDrE");
    server.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t (nope)", "X");
    server.query("CREATE PROCEDURE p (OUT o INT) BEGIN SELECT 5; SET o = 7; END", "O");
    server.query("CALL p(@x); CALL p(@y)", "CDrEOCDrEO");
    server.query("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 65535", "X");
    server.query("EXPLAIN SELECT 1", if server.mysql { "CDrE" } else { "CdddddddddDrE" });
}

fn small_commands(server: &mut Server) {
    let mysql = server.mysql;
    for (expect, command, expected) in [
        (Expect::Columns, &b"\x04t\0"[..], "ddE"),
        (Expect::Columns, b"\x04t\0none%", "E"),
        (Expect::Columns, b"\x04nope\0", "X"),
        (Expect::Ok, b"\x02forebay_wire", "O"),
        (Expect::Ok, b"\x02nope", "X"),
        (Expect::Text, &[byte::STATISTICS], "T"),
        (Expect::Results, &[byte::PROCESS_INFO], if mysql { "X" } else { "CddddddddDrE" }),
        (Expect::Ok, &[byte::DEBUG], "O"),
        (Expect::Ok, &[byte::PING], "O"),
        (Expect::Ok, &[byte::SET_OPTION, 1, 0], "O"),
        (Expect::Ok, &[byte::SET_OPTION, 0, 0], "O"),
        (Expect::Ok, &[byte::PROCESS_KILL, 0xff, 0xff, 0xff, 0x0f], "X"),
        (Expect::Ok, &[byte::STMT_RESET, 99, 0, 0, 0], "X"),
        (Expect::Ok, b"\x77", "X"),
    ] {
        assert_eq!(server.ask(expect, command).0, expected, "{command:?}");
    }
}

fn statements(server: &mut Server) {
    server.prepare("SELECT ?, v FROM t WHERE id > ?", "PdDdD");
    server.prepare("DO 1", "P");
    server.prepare("INSERT INTO t (v) VALUES (?)", "PD");
    server.prepare("SELEC", "X");
    let id = server.prepare("SELECT id, v FROM t WHERE id < 4", "PdD");
    server.execute(id, 0, b"", "CdDrrrE");
    server.execute(id, 1, b"", "CdDE");
    server.fetch(id, 2, "rrE");
    server.fetch(id, 2, "rE");
    server.fetch(id, 2, "X");
    let id = server.prepare("CALL p(?)", "PD");
    server.execute(id, 0, b"\x01\x01\x06\x00", "CDrECDrEO");
    server.execute(id, 1, b"\x01\x01\x06\x00", "CDrECDrEO");
    let id = server.prepare("SELECT id, IF(id = 3, (SELECT 1 UNION SELECT id), 0) FROM t", "PdD");
    server.execute(id, 0, b"", "CdDrrX");
}

/// Rows of 16 MiB − 1, one less, and more: the length of the length is in the payload.
fn long_rows(server: &mut Server) {
    let mib16 = MAX_PAYLOAD_BYTES;
    for (cell_bytes, packets) in
        [(mib16 - 5, "r"), (mib16 - 4, "rr"), (mib16 - 3, "rr"), (mib16 + 1, "rr"), (2 * mib16 - 9, "rrr")]
    {
        server.query(
            &format!(
                "SELECT REPEAT('\u{fe}', 1), REPEAT('x', 3), 1 FROM t LIMIT 1; SELECT REPEAT(x'fe', {cell_bytes})"
            ),
            &format!("CddDrECD{packets}E"),
        );
        let id = server.prepare(&format!("SELECT REPEAT(x'fe', {cell_bytes})"), "PD");
        let mut command = Vec::new();
        let execute = statement::Execute { statement_id: id, flags: 0, iterations: 1, tail: b"" };
        statement::push_execute(&mut command, &execute, 0, false, id, None).unwrap();
        let letters = server.ask(Expect::Results, &command).0;
        assert!(letters.starts_with("CDr") && letters.ends_with('E'), "{letters}");
    }
    server.query(&format!("SELECT REPEAT(x'ff', {mib16}) UNION ALL SELECT NULL UNION ALL SELECT 'x'"), "CDrrrrE");
}

fn everything_tracked(server: &mut Server) {
    server.query("SET session_track_system_variables = '*', session_track_schema = 1, session_track_state_change = 1, session_track_transaction_info = 'CHARACTERISTICS'", "O");
    server.query(
        "SET NAMES latin1; USE forebay_wire; BEGIN; SELECT 1 FROM t LIMIT 1; INSERT INTO t (v) VALUES ('q'); COMMIT",
        "OOOCDrEOO",
    );
    server.query("CALL p(@x)", "CDrEO");
    assert_eq!(server.ask(Expect::Ok, &[byte::RESET_CONNECTION]).0, "O");
}
