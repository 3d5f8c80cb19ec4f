//! What must hold for any reply of a server on its way through the relay: a function for the target of `fuzz/`. It panics
//! where it does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is the message")]
mod reader;

use std::time::Duration;

use reader::{Awaits, Reader};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

use super::{
    fix::{Fix, Value, What},
    relay::{Options, Outcome, Relay},
};
use crate::{
    net::{Channel, Stream},
    pool::{ServerConnection, connect::Connected},
    session::State,
    sql::lexer::Flavor,
    topology::ServerId,
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        fuzz::{MadeReply, Source},
        handshake::Greeting,
        packet,
    },
};

const SERVER: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK);
const FLAVOR: Flavor = Flavor::MySql { version: 90_704 };

/// A reply, sound or corrupted, to a client with or without DEPRECATE_EOF and SESSION_TRACK: wherever the server's bytes
/// are cut the client reads the same, and a sound reply is one that a client of the plain protocol follows to its end.
pub fn relays(data: &[u8]) {
    let mut source = Source::new(data);
    let case = Case::from(&mut source);
    let made = MadeReply::from(&mut source);
    let mut bytes = made.packets();
    for _ in 0..case.corruptions {
        let at = source.below(bytes.len().clamp(1, 65_536));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = source.byte();
        }
    }
    let whole = case.run(&made, &bytes, bytes.len().max(1));
    let cut = case.run(&made, &bytes, case.piece_bytes);
    // How far a file goes to a server that has closed is a matter of luck.
    if case.corruptions > 0 && (whole.reader.file || cut.reader.file) {
        return;
    }
    if case.corruptions == 0 {
        let outcome = whole.outcome.as_ref().unwrap_or_else(|| panic!("a sound reply breaks: {case:?} {made:?}"));
        let rest = if outcome.held.is_some() { 0 } else { made.rows };
        assert_eq!(outcome.rows, rest, "{case:?} {made:?}");
        let ends = whole.reader.state == Awaits::Nothing || whole.reader.payloads.is_empty();
        assert!(ends, "the client waits: {case:?} {made:?} {whole:?}");
        assert_eq!(outcome.held.is_some(), whole.reader.payloads.is_empty(), "{case:?} {made:?} {whole:?}");
    }
    assert_eq!(whole.outcome, cut.outcome, "{case:?} {made:?}");
    // Only what is corrupted has rows and speaks of a cursor; whether the EOF in front of them says so already, which no
    // client understands, depends on what has come by then.
    let broken = |run: &Relayed| run.reader.state == Awaits::Broken;
    if whole.outcome.is_some() && !broken(&whole) && !broken(&cut) {
        assert_eq!(whole.reader.payloads, cut.reader.payloads, "{case:?} {made:?}");
    }
}

#[derive(Debug, Clone)]
struct Case {
    capabilities: CapabilityFlags,
    corruptions: u8,
    piece_bytes: usize,
    hold: bool,
    binary: bool,
    fix: Option<usize>,
}

impl Case {
    fn from(source: &mut Source<'_>) -> Case {
        let flags = source.byte();
        let mut capabilities = CapabilityFlags::CLIENT_PROTOCOL_41;
        capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, flags & 1 != 0);
        capabilities.set(CapabilityFlags::CLIENT_SESSION_TRACK, flags & 2 != 0);
        let corruptions = if flags & 4 != 0 { 1 + flags % 5 } else { 0 };
        let piece_bytes = 1 + source.below(100);
        let fix = (flags & 32 != 0).then(|| source.below(6));
        Case { capabilities, corruptions, piece_bytes, hold: flags & 8 != 0, binary: flags & 16 != 0, fix }
    }

    fn options(&self) -> Options<'static> {
        Options {
            begins: false,
            hold: if self.hold { &[1290] } else { &[] },
            statement_id: Some(77),
            reply: None,
            fix: self.fix.map(|index| Fix::new(What::Cells(vec![(index, Value::Id(1 << 30))]))),
            binary: self.binary,
            temporary_variables: false,
            max_payload_bytes: 1 << 20,
            most: None,
            impatient: None,
            writes: None,
            columns: None,
            known_columns: None,
            capture_bytes: None,
            written: None,
            acknowledged: None,
        }
    }

    fn run(&self, made: &MadeReply, bytes: &[u8], piece_bytes: usize) -> Relayed {
        thread_local! {
            static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
        }
        RUNTIME.with(|runtime| runtime.block_on(self.run_async(made, bytes, piece_bytes)))
    }

    async fn run_async(&self, made: &MadeReply, bytes: &[u8], piece_bytes: usize) -> Relayed {
        let (to_client, mut client) = UnixStream::pair().unwrap();
        let (to_server, mut server) = UnixStream::pair().unwrap();
        let relayed = async {
            let mut channel = Channel::new(Stream::Unix(to_client));
            channel.seq = 1;
            let connected = Connected {
                channel: Channel::new(Stream::Unix(to_server)),
                greeting: greeting(),
                capabilities: SERVER,
                extended: MariaDbCapabilities::empty(),
                ok: Vec::new(),
            };
            let mut connection =
                ServerConnection::new(ServerId(0), "s".into(), connected, false, Duration::from_secs(1));
            let mut state = State::new(FLAVOR, self.capabilities, None);
            let mut relay =
                Relay::new(&mut channel, self.capabilities, &mut connection, &mut state, made.expect, self.options());
            relay.run().await.ok()
        };
        let serving = async {
            for piece in bytes.chunks(piece_bytes) {
                if server.write_all(piece).await.is_err() {
                    break;
                }
                // The relay reads what is there before more comes.
                tokio::task::yield_now().await;
            }
            if self.corruptions > 0 {
                let _ = server.shutdown().await;
            }
            // The client's file is taken, so that nobody waits.
            let _ = server.read_to_end(&mut Vec::new()).await;
        };
        let mut reader = Reader::new(made.expect, self.capabilities, self.corruptions > 0);
        let reading = async {
            let mut received = Vec::new();
            while client.read_buf(&mut received).await.is_ok_and(|count| count > 0) {
                let file = reader.take(&mut received);
                reader.file |= file;
                if file && client.write_all(&file_of(reader.seq, made.file_packets)).await.is_err() {
                    break;
                }
                if file {
                    reader.seq = reader.seq.wrapping_add(made.file_packets + 1);
                }
            }
        };
        let (outcome, (), ()) = tokio::join!(relayed, serving, reading);
        Relayed { outcome, reader }
    }
}

fn greeting() -> Greeting {
    Greeting {
        server_version: b"9.7.0".to_vec(),
        connection_id: 1,
        nonce: [1; 20],
        capabilities: SERVER,
        mariadb_capabilities: MariaDbCapabilities::empty(),
        charset: 45,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        auth_plugin: Vec::new(),
    }
}

fn file_of(seq: u8, packets: u8) -> Vec<u8> {
    let (mut out, mut seq) = (Vec::new(), seq);
    for _ in 0..packets {
        seq = packet::push(&mut out, seq, b"line\n");
    }
    packet::push(&mut out, seq, b"");
    out
}

#[derive(Debug)]
struct Relayed {
    outcome: Option<Outcome>,
    reader: Reader,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::reply::Expect;

    /// What stands behind an empty packet is the next one's header, and must not be taken for its content.
    #[test]
    fn an_empty_packet_breaks_a_reply_wherever_the_bytes_are_cut() {
        let case = Case { capabilities: SERVER, corruptions: 1, piece_bytes: 1, hold: false, binary: false, fix: None };
        let made = MadeReply { expect: Expect::Rows, payloads: Vec::new(), file_packets: 0, rows: 0 };
        let bytes = b"\0\0\0\x01\x07\0\0\x02\xfe\0\0\x02\0\0\0";
        for piece_bytes in [1, 4, bytes.len()] {
            let relayed = case.run(&made, bytes, piece_bytes);
            assert_eq!(relayed.outcome, None, "in pieces of {piece_bytes}");
        }
    }
}
