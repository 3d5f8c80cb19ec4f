//! What every run does: statements of all kinds, one after the other, each with what it means for the next.

use crate::support::raw::{Client, Expect, Reply, Value, execute};

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub does: Does,
}

/// What a step is to the session and the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Changes the session: without it, what follows would mean something else.
    Session(&'static str),
    /// Reads what is the same in every run.
    Read(&'static str),
    /// Reads how many rows of this write there are.
    Count(u8),
    /// Writes these rows, on its own.
    Write(u8),
    Begin,
    /// Writes these rows within the transaction.
    Within(u8),
    Commit(u8),
    Rollback(u8),
    /// Several results, with a write between them.
    Several(u8),
    /// A file of many rows.
    Load(u8),
    Prepare,
    Execute,
    Close,
}

const fn step(name: &'static str, does: Does) -> Step {
    Step { name, does }
}

const ROWS: &str = "SELECT id, pad, FROM_UNIXTIME(id * 86400) FROM cuts_rows WHERE id <= 20 ORDER BY id";

const LONG: &str = "SELECT id, REPEAT(pad, 300) FROM cuts_rows ORDER BY id";

/// Step 0 is the login.
pub const STEPS: &[Step] = &[
    step("login", Does::Session("")),
    step("set", Does::Session("SET time_zone = '+02:00'")),
    step("variable", Does::Session("SET @held = 5")),
    step("first read", Does::Read(ROWS)),
    step("set again", Does::Session("SET time_zone = '-03:00', sql_mode = 'ANSI'")),
    step("carried read", Does::Read(ROWS)),
    step("insert", Does::Write(1)),
    step("count", Does::Count(1)),
    step("begin", Does::Begin),
    step("insert within", Does::Within(2)),
    step("count within", Does::Count(2)),
    step("commit", Does::Commit(2)),
    step("begin again", Does::Begin),
    step("insert in vain", Does::Within(3)),
    step("rollback", Does::Rollback(3)),
    step("several", Does::Several(4)),
    step("load", Does::Load(5)),
    step("held", Does::Read("SELECT @held, @@session.time_zone, @@session.sql_mode LIKE '%ANSI_QUOTES%'")),
    step("prepare", Does::Prepare),
    step("execute", Does::Execute),
    step("close", Does::Close),
    step("long read", Does::Read(LONG)),
    step("last read", Does::Read(ROWS)),
];

pub const LOADED_ROWS: usize = 400;

impl Does {
    /// Takes too long byte by byte.
    pub fn is_long(self) -> bool {
        matches!(self, Does::Load(_) | Does::Read(LONG))
    }

    /// Which rows it writes, and how many.
    pub fn writes(self) -> Option<(u8, usize)> {
        match self {
            Does::Write(tag) | Does::Within(tag) => Some((tag, 2)),
            Does::Several(tag) => Some((tag, 1)),
            Does::Load(tag) => Some((tag, LOADED_ROWS)),
            _ => None,
        }
    }
}

/// Sends the step's command and reads its whole reply.
pub fn perform(client: &mut Client, run: u64, does: Does) -> Reply {
    // Forebay counts each session's statements from 1.
    perform_by_id(client, run, does, 1)
}

/// The same where the prepared statement has this id: MariaDB goes on counting where another session on its thread stopped.
pub fn perform_by_id(client: &mut Client, run: u64, does: Does, id: u32) -> Reply {
    let rows = |tag: u8| format!("INSERT INTO cuts (run, tag, n) VALUES ({run}, {tag}, 1), ({run}, {tag}, 2)");
    match does {
        Does::Session(text) | Does::Read(text) => client.query(text),
        Does::Count(tag) => client.query(format!("SELECT COUNT(*) FROM cuts WHERE run = {run} AND tag = {tag}")),
        Does::Write(tag) | Does::Within(tag) => client.query(rows(tag)),
        Does::Begin => client.query("BEGIN"),
        Does::Commit(_) => client.query("COMMIT"),
        Does::Rollback(_) => client.query("ROLLBACK"),
        Does::Several(tag) => client.query(format!(
            "SELECT 1 AS a; SELECT id, pad FROM cuts_rows WHERE id <= 3; INSERT INTO cuts (run, tag, n) VALUES ({run}, {tag}, 1); SELECT 4 AS d"
        )),
        Does::Load(tag) => {
            client.infile = (1..=LOADED_ROWS).fold(String::new(), |file, n| {
                file + &format!("{run}\t{tag}\t{n}\t{}\n", "file ".repeat(40))
            }).into();
            client.query("LOAD DATA LOCAL INFILE 'cuts' INTO TABLE cuts (run, tag, n, pad)")
        }
        Does::Prepare => {
            client.command(b"\x16SELECT id, pad FROM cuts_rows WHERE id > ? ORDER BY id", Expect::Prepare)
        }
        Does::Execute => client.command(&execute(id, 0, &[Value::Int(10)], true), Expect::Results),
        Does::Close => client.command(&[&b"\x19"[..], &id.to_le_bytes()].concat(), Expect::Nothing),
    }
}
