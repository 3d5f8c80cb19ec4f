//! Reading a whole reply, packet by packet, and looking into it.

use std::fmt;

use mysql_common::constants::CapabilityFlags as Cap;

use super::{bytes::Fields, stream::Stream};

/// What comes after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Results,
    Prepare,
    Rows,
    Columns,
    Text,
    Ok,
    Nothing,
}

/// What a packet of a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Count,
    Column,
    /// The EOF behind column definitions, where it still comes.
    ColumnsEnd,
    Row,
    Eof,
    Ok,
    Err,
    PrepareOk,
    Infile,
    Text,
    /// MariaDB's progress report.
    Progress,
}

/// MariaDB's capabilities that change replies.
const PROGRESS: u32 = 1;
const CACHE_METADATA: u32 = 16;

/// The packets of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub packets: Vec<(Kind, Vec<u8>)>,
    /// Why the connection ended in the midst of it.
    pub lost: Option<String>,
    pub deprecate_eof: bool,
}

const MORE_RESULTS: u16 = 0x0008;
const CURSOR_EXISTS: u16 = 0x0040;

impl Reply {
    /// Reads until nothing more is owed. `caps` are the protocol's and MariaDB's, `infile` is what a LOAD DATA LOCAL gets.
    pub fn read(stream: &mut Stream, seq: u8, expect: Expect, (caps, extended): (Cap, u32), infile: &[u8]) -> Reply {
        let deprecate_eof = caps.contains(Cap::CLIENT_DEPRECATE_EOF);
        let reply = Reply { deprecate_eof, ..Reply::default() };
        let optional_metadata = caps.contains(Cap::CLIENT_OPTIONAL_RESULTSET_METADATA);
        let mut reader = Reader { stream, seq, reply, infile, extended, optional_metadata };
        let result = match expect {
            Expect::Results => reader.results(),
            Expect::Prepare => reader.prepare(),
            Expect::Rows => reader.rows().map(|_| ()),
            Expect::Columns => reader.columns_to_end(),
            Expect::Text => reader.one(Kind::Text),
            Expect::Ok => reader.one(Kind::Ok),
            Expect::Nothing => Ok(()),
        };
        let mut reply = reader.reply;
        reply.lost = result.err().map(|e| match e.kind() {
            // How a lost connection looks depends on what was in flight; that it is lost is what counts.
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe => "connection lost".to_owned(),
            std::io::ErrorKind::WouldBlock => "no answer".to_owned(),
            _ => e.to_string(),
        });
        reply
    }

    /// A reply that never came.
    pub fn lost(why: &str) -> Reply {
        Reply { lost: Some(why.into()), ..Reply::default() }
    }

    /// Code, SQLSTATE and message, if it ended with ERR.
    pub fn error(&self) -> Option<(u16, String, String)> {
        let (Kind::Err, payload) = self.packets.last()? else { return None };
        Some(error(payload))
    }

    /// The error's code, if it ended with ERR.
    pub fn code(&self) -> Option<u16> {
        self.error().map(|(code, _, _)| code)
    }

    /// The rows of all results in the text protocol.
    pub fn text_rows(&self) -> Vec<Vec<Option<Vec<u8>>>> {
        let mut columns = 0;
        let mut rows = Vec::new();
        for (kind, payload) in &self.packets {
            match kind {
                Kind::Count => columns = Fields(payload).lenenc(),
                Kind::Row => {
                    let mut f = Fields(payload);
                    rows.push((0..columns).map(|_| f.cell().map(<[u8]>::to_vec)).collect());
                }
                _ => {}
            }
        }
        rows
    }
}

struct Reader<'a> {
    stream: &'a mut Stream,
    seq: u8,
    reply: Reply,
    infile: &'a [u8],
    extended: u32,
    optional_metadata: bool,
}

impl Reader<'_> {
    /// The next packet that belongs to the reply.
    fn packet(&mut self) -> std::io::Result<Vec<u8>> {
        loop {
            let payload = self.stream.read_payload(&mut self.seq)?;
            let reports = self.extended & PROGRESS != 0 && payload.starts_with(&[0xff, 0xff, 0xff]);
            if !reports || payload.get(3) == Some(&b'#') {
                return Ok(payload);
            }
            self.push(Kind::Progress, payload);
        }
    }

    fn push(&mut self, kind: Kind, payload: Vec<u8>) {
        self.reply.packets.push((kind, payload));
    }

    fn results(&mut self) -> std::io::Result<()> {
        loop {
            let payload = self.packet()?;
            let more = match payload.first() {
                Some(0xff) => {
                    self.push(Kind::Err, payload);
                    false
                }
                Some(0x00) => {
                    let more = status(&payload, self.reply.deprecate_eof) & MORE_RESULTS != 0;
                    self.push(Kind::Ok, payload);
                    more
                }
                Some(0xfb) => {
                    self.push(Kind::Infile, payload);
                    self.send_infile()?;
                    true
                }
                _ => {
                    let mut f = Fields(&payload);
                    let columns = f.lenenc();
                    let told = self.optional_metadata || self.extended & CACHE_METADATA != 0;
                    let follow = !told || f.int(1) != 0;
                    self.push(Kind::Count, payload);
                    let after = self.definitions(columns, follow)?;
                    if after & CURSOR_EXISTS != 0 || self.failed() { false } else { self.rows()? }
                }
            };
            if !more {
                return Ok(());
            }
        }
    }

    fn failed(&self) -> bool {
        matches!(self.reply.packets.last(), Some((Kind::Err, _)))
    }

    fn send_infile(&mut self) -> std::io::Result<()> {
        for chunk in self.infile.chunks(1 << 16) {
            self.stream.write_payload(&mut self.seq, chunk)?;
        }
        self.stream.write_payload(&mut self.seq, &[])
    }

    /// Column definitions, if they follow, and, where it still comes, their EOF; returns its status.
    fn definitions(&mut self, columns: u64, follow: bool) -> std::io::Result<u16> {
        for _ in 0..if follow { columns } else { 0 } {
            let payload = self.packet()?;
            if payload.first() == Some(&0xff) {
                self.push(Kind::Err, payload);
                return Ok(0);
            }
            self.push(Kind::Column, payload);
        }
        if self.reply.deprecate_eof || columns == 0 {
            return Ok(0);
        }
        let payload = self.packet()?;
        if payload.first() == Some(&0xff) {
            self.push(Kind::Err, payload);
            return Ok(0);
        }
        let flags = status(&payload, false);
        self.push(Kind::ColumnsEnd, payload);
        Ok(flags)
    }

    /// Rows up to their end; returns whether another result follows.
    fn rows(&mut self) -> std::io::Result<bool> {
        loop {
            let payload = self.packet()?;
            match payload.first() {
                Some(0xff) => {
                    self.push(Kind::Err, payload);
                    return Ok(false);
                }
                Some(0xfe) if payload.len() < if self.reply.deprecate_eof { 0xff_ffff } else { 9 } => {
                    let more = status(&payload, self.reply.deprecate_eof) & MORE_RESULTS != 0;
                    self.push(Kind::Eof, payload);
                    return Ok(more);
                }
                _ => self.push(Kind::Row, payload),
            }
        }
    }

    fn prepare(&mut self) -> std::io::Result<()> {
        let payload = self.packet()?;
        if payload.first() == Some(&0xff) {
            self.push(Kind::Err, payload);
            return Ok(());
        }
        if payload.len() < 12 {
            // MySQL 9.7 answers the preparation of a SET that the user may not do with a mere OK.
            self.push(Kind::Ok, payload);
            return Ok(());
        }
        let mut f = Fields(&payload[5..]);
        let (columns, parameters) = (f.int(2), f.int(2));
        let follow = !self.optional_metadata || payload.get(12) != Some(&0);
        self.push(Kind::PrepareOk, payload);
        self.definitions(parameters, follow)?;
        if !self.failed() {
            self.definitions(columns, follow)?;
        }
        Ok(())
    }

    fn columns_to_end(&mut self) -> std::io::Result<()> {
        loop {
            let payload = self.packet()?;
            let kind = match payload.first() {
                Some(0xff) => Kind::Err,
                Some(0xfe) => Kind::Eof,
                _ => Kind::Column,
            };
            self.push(kind, payload);
            if kind != Kind::Column {
                return Ok(());
            }
        }
    }

    fn one(&mut self, kind: Kind) -> std::io::Result<()> {
        let payload = self.packet()?;
        let kind = match payload.first() {
            Some(0xff) => Kind::Err,
            Some(0xfe) if kind == Kind::Ok => Kind::Eof,
            _ => kind,
        };
        self.push(kind, payload);
        Ok(())
    }
}

/// The status flags of an OK, or of an EOF (in the shape of an OK with DEPRECATE_EOF).
fn status(payload: &[u8], deprecate_eof: bool) -> u16 {
    let mut f = Fields(&payload[1..]);
    if payload[0] == 0xfe && !deprecate_eof || payload.len() == 5 {
        f.int(2);
        return u16::try_from(f.int(2)).unwrap();
    }
    f.lenenc();
    f.lenenc();
    u16::try_from(f.int(2)).unwrap()
}

fn error(payload: &[u8]) -> (u16, String, String) {
    let mut f = Fields(&payload[1..]);
    let code = u16::try_from(f.int(2)).unwrap();
    let state =
        if f.0.first() == Some(&b'#') { String::from_utf8_lossy(&f.take(6)[1..]).into_owned() } else { String::new() };
    (code, state, String::from_utf8_lossy(f.0).into_owned())
}

/// An ERR packet as the command lines print it.
pub fn error_text(payload: &[u8]) -> String {
    let (code, state, message) = error(payload);
    format!("ERROR {code} ({state}): {message}")
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, payload) in &self.packets {
            if *kind == Kind::Err {
                writeln!(f, "  {}", error_text(payload))?;
            } else {
                let shown = &payload[..payload.len().min(300)];
                writeln!(f, "  {kind:?} {}", shown.escape_ascii())?;
            }
        }
        if let Some(why) = &self.lost {
            writeln!(f, "  {why}")?;
        }
        Ok(())
    }
}
