//! A server that misbehaves when asked to: a relay in front of a real one. It passes everything on, health checks too, until
//! a statement holds `fault:NAME`; then that connection sees the fault.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use crate::support::{endpoint::Endpoint, raw::frame};

/// What can go wrong, by name. The connection is closed afterwards, but for those that end in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Closes without a word.
    Close,
    /// Never answers.
    Silence,
    /// A packet that ends in the middle.
    HalfPacket,
    /// A packet that stops in the middle, and no end.
    HalfSilence,
    /// Another protocol.
    Garbage,
    /// An OK with a sequence id that is not due.
    WrongSequence,
    /// A result with rows but without its end.
    CutResult,
    /// A result whose columns never come.
    CutColumns,
    /// A header that promises 16 MiB, and a little of it.
    Oversized,
}

impl Fault {
    pub const ALL: [Fault; 9] = [
        Fault::Close,
        Fault::Silence,
        Fault::HalfPacket,
        Fault::HalfSilence,
        Fault::Garbage,
        Fault::WrongSequence,
        Fault::CutResult,
        Fault::CutColumns,
        Fault::Oversized,
    ];

    /// What a statement must hold.
    pub fn marker(self) -> String {
        format!("fault:{self:?};")
    }

    fn bytes(self) -> Vec<u8> {
        let mut seq = 1;
        match self {
            Fault::Close | Fault::Silence => Vec::new(),
            Fault::HalfPacket | Fault::HalfSilence => [&[100, 0, 0, 1][..], b"\x03def"].concat(),
            Fault::Garbage => b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".repeat(9),
            Fault::WrongSequence => frame(&mut 7, &[0, 0, 0, 2, 0, 0, 0]),
            Fault::CutResult => {
                let column = b"\x03def\x00\x00\x00\x01x\x00\x0c\x2d\x00\x04\x00\x00\x00\xfd\x00\x00\x00\x00\x00";
                [&[1][..], column, b"\x01a", b"\x01b"].iter().flat_map(|payload| frame(&mut seq, payload)).collect()
            }
            Fault::CutColumns => frame(&mut seq, &[3]),
            Fault::Oversized => [&[0xff, 0xff, 0xff, 1][..], &[7; 5000]].concat(),
        }
    }

    fn ends_in_silence(self) -> bool {
        matches!(self, Fault::Silence | Fault::HalfSilence)
    }
}

/// Relays a port to a server's. Its threads end with the test process.
pub struct Troublemaker {
    pub port: u16,
}

impl Troublemaker {
    pub fn in_front_of(server_port: u16) -> Troublemaker {
        let listener = TcpListener::bind((Endpoint::HOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect((Endpoint::HOST, server_port)) {
                    relay(client, server);
                }
            }
        });
        Troublemaker { port }
    }
}

fn relay(client: TcpStream, server: TcpStream) {
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (to_client, from_server) = (client.clone(), server.clone());
    std::thread::spawn(move || answers(&from_server, &to_client));
    std::thread::spawn(move || commands(&client, &server));
}

fn answers(mut server: &TcpStream, mut client: &TcpStream) {
    let mut buffer = [0; 1 << 16];
    let mut first = true;
    while let Ok(n @ 1..) = server.read(&mut buffer) {
        if std::mem::take(&mut first) {
            without_tls(&mut buffer[..n]);
        }
        if client.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// Takes CLIENT_SSL from the capabilities in a greeting: what is encrypted can't be looked into.
fn without_tls(greeting: &mut [u8]) {
    const HEADER_AND_PROTOCOL: usize = 5;
    let Some(version) = greeting.get(HEADER_AND_PROTOCOL..).and_then(|rest| rest.iter().position(|b| *b == 0)) else {
        return;
    };
    let capabilities = HEADER_AND_PROTOCOL + version + 1 + 4 + 8 + 1;
    if let Some(byte) = greeting.get_mut(capabilities + 1) {
        *byte &= !0x08;
    }
}

fn commands(mut client: &TcpStream, mut server: &TcpStream) {
    let mut buffer = [0; 1 << 16];
    while let Ok(n @ 1..) = client.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..n]);
        if let Some(fault) = Fault::ALL.into_iter().find(|fault| text.contains(&fault.marker())) {
            let _ = client.write_all(&fault.bytes());
            if fault.ends_in_silence() {
                let _ = client.set_read_timeout(Some(Duration::from_secs(60)));
                let _ = client.read(&mut buffer); // until the other side gives up
            } else {
                // What was sent shall arrive before the end does.
                std::thread::sleep(Duration::from_millis(100));
            }
            break;
        }
        if server.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
