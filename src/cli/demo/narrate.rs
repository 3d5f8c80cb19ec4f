//! One readable line for each statement: when, who, what, where, why, how long.

use super::{clock::Clock, cluster::Place};
use crate::telemetry::QueryEvent;
use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

/// How much of a statement is shown.
const TEXT_CHARACTERS: usize = 100;

/// Writes the lines: in colour or not, in local time.
#[derive(Debug, Clone)]
pub struct Narrator {
    clock: Clock,
    colour: bool,
    /// The longest name of a server, so that the columns stand below each other.
    name_width: usize,
    primary: String,
}

impl Narrator {
    /// `colour`: stdout is a terminal that shows colours.
    pub fn new(clock: Clock, colour: bool, places: &[Place]) -> Narrator {
        let name_width = places.iter().map(|place| place.name.len()).max().unwrap_or(0).max(HERE.len());
        let primary = places.iter().find(|place| place.is_primary()).map(|place| place.name.clone());
        Narrator { clock, colour, name_width, primary: primary.unwrap_or_default() }
    }

    /// The line, without a line feed: a statement's text can't bring one in, nor a terminal's control characters.
    pub fn line(&self, at: SystemTime, event: &QueryEvent) -> String {
        let (arrow, server, colour) = match event.server.as_deref() {
            Some(name) if name == self.primary => ("→", name, Colour::Primary),
            Some(name) => ("→", name, Colour::Replica),
            None => ("·", HERE, Colour::Faint),
        };
        let mut line = self.paint(Colour::Faint, &format!("{}  #{:<10}", self.clock.time(at), event.connection_id));
        let _ = write!(line, " {:<12} {arrow} ", in_words(event.kind));
        line += &self.paint(colour, &format!("{server:<width$}", width = self.name_width));
        let why = format!("  {:<21} {:>8}  ", in_words(event.reason), duration(event.elapsed));
        line += &self.paint(Colour::Faint, &why);
        line += &shortened(&event.text);
        if let Some(code) = event.error {
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
            _ if !self.colour => return text.to_owned(),
            Colour::Primary => "1;33",
            Colour::Replica => "32",
            Colour::Faint => "2",
            Colour::Error => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Who answered if no server did.
const HERE: &str = "forebay";

#[derive(Debug, Clone, Copy)]
enum Colour {
    Primary,
    Replica,
    Faint,
    Error,
}

/// A stable word of the log as one would say it: `plain_read`.
fn in_words(word: &str) -> String {
    word.replace('_', " ")
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

    fn narrator(colour: bool) -> Narrator {
        let place = |name: &str| Place { name: name.into(), port: 1 };
        Narrator::new(Clock::utc(), colour, &[place("primary"), place("replica1")])
    }

    fn event(text: &[u8]) -> QueryEvent {
        QueryEvent {
            connection_id: 7,
            user: "app".into(),
            server: Some("replica1".into()),
            reason: "plain_read",
            kind: "select",
            text: text.to_vec(),
            elapsed: Duration::from_micros(1_234),
            rows: 3,
            error: None,
        }
    }

    #[test]
    fn a_line_says_where_and_why() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(3_723_045);
        assert_eq!(
            narrator(false).line(at, &event(b"SELECT *\n  FROM users")),
            "01:02:03.045  #7          select       → replica1  plain read             1.23 ms  SELECT * FROM users"
        );
        let here = QueryEvent { server: None, reason: "local", error: Some(1047), ..event(b"x") };
        let line = narrator(false).line(at, &here);
        assert!(line.contains("· forebay   local ") && line.ends_with("x  error 1047"), "{line}");
    }

    #[test]
    fn colours_show_the_role() {
        let line = |server: &str| {
            let event = QueryEvent { server: Some(server.into()), ..event(b"SELECT 1") };
            narrator(true).line(SystemTime::UNIX_EPOCH, &event)
        };
        assert!(line("replica1").contains("\x1b[32mreplica1"));
        assert!(line("primary").contains("\x1b[1;33mprimary"));
    }

    #[test]
    fn a_statement_cannot_play_with_the_terminal() {
        assert_eq!(shortened(b"SELECT '\x1b[2J\x07' \xff\r\n-- x"), "SELECT ' [2J ' \u{fffd} -- x");
        assert!(shortened(&b"x".repeat(10_000)).chars().count() == TEXT_CHARACTERS + 1);
        assert!(shortened("é".repeat(10_000).as_bytes()).ends_with('…'));
    }
}
