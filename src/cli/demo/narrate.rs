//! One readable line for each statement: when, who, what, where, why, how long.

use super::clock::Clock;
use crate::{routing::Reason, sql::facts::Kind, topology::view::Role};
use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

/// How much of a statement is shown.
const TEXT_CHARACTERS: usize = 100;

/// What there is to tell of one statement.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// When it ended.
    pub at: SystemTime,
    /// The client's connection id.
    pub client: u32,
    /// What it is.
    pub kind: Kind,
    /// The server's name and role; `None`: Forebay answered it itself.
    pub server: Option<(&'a str, Role)>,
    /// Why there.
    pub reason: Option<Reason>,
    /// From the client's packet to the answer's last one.
    pub elapsed: Duration,
    /// The text as the client sent it; need not be UTF-8.
    pub text: &'a [u8],
    /// It ended with an error: its code.
    pub error: Option<u16>,
}

/// Writes the lines: in colour or not, in local time.
#[derive(Debug, Clone)]
pub struct Narrator {
    clock: Clock,
    colour: bool,
}

impl Narrator {
    /// `colour`: stdout is a terminal that shows colours.
    pub fn new(clock: Clock, colour: bool) -> Narrator {
        Narrator { clock, colour }
    }

    /// The line, without a line feed: a statement's text can't bring one in, nor a terminal's control characters.
    pub fn line(&self, told: &Told<'_>) -> String {
        let (arrow, server, colour) = match told.server {
            Some((name, Role::Primary)) => ("→", name, Colour::Primary),
            Some((name, Role::Replica)) => ("→", name, Colour::Replica),
            Some((name, Role::Unknown)) => ("→", name, Colour::Plain),
            None => ("·", "forebay", Colour::Faint),
        };
        let mut line = self.paint(Colour::Faint, &format!("{}  #{:<4}", self.clock.time(told.at), told.client));
        let _ = write!(line, " {:<11} {} ", kind(told.kind), arrow);
        line += &self.paint(colour, &format!("{server:<9}"));
        let why = told.reason.map_or("answered here", why);
        line += &self.paint(Colour::Faint, &format!(" {why:<22} {:>9}  ", duration(told.elapsed)));
        line += &shortened(told.text);
        if let Some(code) = told.error {
            line += &self.paint(Colour::Error, &format!("  error {code}"));
        }
        line
    }

    /// The names of the servers in their colours, for the legend.
    pub fn legend(&self) -> String {
        format!(
            "{} takes writes, {} answer reads",
            self.paint(Colour::Primary, "primary"),
            self.paint(Colour::Replica, "replicas")
        )
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Plain => return text.to_owned(),
            _ if !self.colour => return text.to_owned(),
            Colour::Primary => "1;33",
            Colour::Replica => "32",
            Colour::Faint => "2",
            Colour::Error => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[derive(Debug, Clone, Copy)]
enum Colour {
    Plain,
    Primary,
    Replica,
    Faint,
    Error,
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::LockTables => "lock".to_owned(),
        Kind::UnlockTables => "unlock".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// A reason in words, as one would say it.
fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::PlainRead => "plain read",
        Reason::ReadOnlyTransaction => "read-only transaction",
        Reason::Write => "write, or not surely a read",
        Reason::LockingRead => "locking read",
        Reason::Pinned => "session is pinned",
        Reason::InTransaction => "in a transaction",
        Reason::AutocommitOff => "autocommit is off",
        Reason::UserVariable => "user variable",
        Reason::TemporaryTable => "temporary table",
        Reason::PrimaryState => "session state is on the primary",
        Reason::PrimaryOnlyTable => "table is not replicated",
        Reason::SystemVariable => "system variable",
        Reason::ServerState => "about one server",
        Reason::LastStatement => "about the last statement",
        Reason::LastInsertId => "LAST_INSERT_ID()",
        Reason::UserLock => "user lock",
        Reason::Sequence => "sequence",
        Reason::UnknownFunction => "unknown function",
        Reason::HostDependent => "depends on the server",
        Reason::SeveralStatements => "several statements",
        Reason::HintPrimary => "hint: primary",
        Reason::HintReplica => "hint: replica",
        Reason::HintServer => "hint: server",
        Reason::HintIgnored => "hint not allowed",
        Reason::Rule(_) => "rule",
        Reason::Strong => "consistency: strong",
        Reason::NoHealthyReplica => "no healthy replica",
        Reason::NoPrimary => "no primary",
        Reason::SessionStatement => "session",
    }
}

fn duration(elapsed: Duration) -> String {
    let ms = elapsed.as_secs_f64() * 1_000.0;
    match ms {
        ..100.0 => format!("{ms:.2} ms"),
        ..10_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1_000.0),
    }
}

/// White space folded, control characters gone, the end cut off.
fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(8 * TEXT_CHARACTERS)]);
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    match line.char_indices().nth(TEXT_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &[u8]) -> Told<'_> {
        Told {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(3_723_045),
            client: 7,
            kind: Kind::Select,
            server: Some(("replica1", Role::Replica)),
            reason: Some(Reason::PlainRead),
            elapsed: Duration::from_micros(1_234),
            text,
            error: None,
        }
    }

    #[test]
    fn a_line_says_where_and_why() {
        let narrator = Narrator::new(Clock::utc(), false);
        assert_eq!(
            narrator.line(&told(b"SELECT *\n  FROM users")),
            "01:02:03.045  #7    select      → replica1  plain read               1.23 ms  SELECT * FROM users"
        );
        let local = Told { server: None, reason: None, error: Some(1047), ..told(b"x") };
        let line = narrator.line(&local);
        assert!(line.contains("· forebay   answered here") && line.ends_with("x  error 1047"), "{line}");
    }

    #[test]
    fn colours_show_the_role() {
        let narrator = Narrator::new(Clock::utc(), true);
        assert!(narrator.line(&told(b"SELECT 1")).contains("\x1b[32mreplica1"));
    }

    #[test]
    fn a_statement_cannot_play_with_the_terminal() {
        assert_eq!(shortened(b"SELECT '\x1b[2J\x07' \xff\r\n-- x"), "SELECT ' [2J ' \u{fffd} -- x");
        assert!(shortened(&b"x".repeat(10_000)).chars().count() == TEXT_CHARACTERS + 1);
        assert!(shortened("é".repeat(10_000).as_bytes()).ends_with('…'));
    }
}
