//! Questions to Forebay itself among a client's statements: `EXPLAIN ROUTE FOR …` and `SHOW FOREBAY LAST`. Who may not ask
//! gets the server's own answer to such a text: a syntax error.

use std::time::Duration;

use super::{
    cached::Note,
    causal::Fresh,
    client::{Client, End},
    engine::Request,
    relay::Outcome,
};
use crate::{
    routing::{Decision, explain::explain, rules::ASPECTS},
    sql::{Facts, Kind},
    topology::ServerId,
    wire::{
        column::Column,
        reply::Expect,
        row::{Table, push_text_result},
    },
};

/// A statement is shown up to this length.
const MAX_SHOWN_CHARS: usize = 200;
/// utf8mb3_general_ci, which every client understands.
const CHARSET: u16 = 33;
const VAR_STRING: u8 = 0xfd;
/// The longest cell, as a display width.
const WIDTH: u32 = 4096;

/// How the session's last statement was decided, in words.
pub(super) type Last = Vec<(String, String)>;

/// A statement that has run.
#[derive(Clone, Copy)]
pub(super) struct Done<'a> {
    /// Where.
    pub server: ServerId,
    /// It.
    pub request: &'a Request<'a>,
    /// Why there.
    pub decision: &'a Decision,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// From its arrival to the last byte of its reply.
    pub elapsed: Duration,
}

enum Asked<'a> {
    Route(&'a [u8]),
    Last,
}

impl Client {
    /// Answers such a question. False: it is none, or the user may not ask.
    pub(super) async fn answered_about_itself(&mut self, facts: &Facts, text: &[u8]) -> Result<bool, End> {
        if !matches!(facts.kind, Kind::Explain | Kind::Describe | Kind::Show | Kind::Unknown) || !self.may_explain() {
            return Ok(false);
        }
        let rows = match asked(text) {
            None => return Ok(false),
            Some(Asked::Last) => self.told.as_deref().cloned().unwrap_or_default(),
            Some(Asked::Route(statement)) => self.explained(statement),
        };
        Box::pin(self.send_told(&rows)).await.map(|()| true)
    }

    /// Whether this user may ask how statements are decided.
    pub(super) fn may_explain(&self) -> bool {
        !self.live.explainers.is_empty() && self.live.explainers.contains(&*self.identity.name)
    }

    fn explained(&self, statement: &[u8]) -> Last {
        let (payload, facts) = (bytes::Bytes::new(), self.facts_of(statement));
        let request = Request::plain(&payload, statement, &facts, Expect::Results);
        let explanation = self.with_question(&request, &facts, explain).to_string();
        let line = |line: &str| {
            let (what, says) = line.split_once(": ").unwrap_or((line, ""));
            (what.to_owned(), says.to_owned())
        };
        let mut told: Last = explanation.lines().map(line).collect();
        told.push(("must see".to_owned(), self.needs_in_words()));
        let view = self.shared.topology.view();
        for replica in view.fit_replicas() {
            let lag = replica.lag_ms.map_or_else(|| "lag not known".to_owned(), |lag| format!("{lag} ms behind"));
            let seen = if self.has_seen(replica.id) { "has it" } else { "not known to have it" };
            let wait = match self.shared.freshness.replicas.wait_us(replica.id) {
                0 => String::new(),
                us => format!(", waits take {us} us lately"),
            };
            told.push((replica.name.to_string(), format!("{seen}, {lag}{wait}")));
        }
        told
    }

    /// Keeps how a statement was decided, for whoever may ask.
    pub(super) fn note_told(&mut self, done: &Done<'_>) {
        if self.may_explain() {
            self.told = Some(Box::new(self.words_of(done)));
        }
    }

    /// The same where the answer came from memory.
    pub(super) fn note_told_hit(&mut self, request: &Request<'_>, decision: &Decision, rows: u64, elapsed: Duration) {
        if self.may_explain() {
            let mut told = vec![("statement".to_owned(), shown(request.text))];
            told.push(("reason".to_owned(), decision.reason.name().to_owned()));
            self.say_rules(request, &mut |what, says| told.push((what.to_owned(), says)));
            told.push(("elapsed_us".to_owned(), elapsed.as_micros().to_string()));
            told.push(("rows".to_owned(), rows.to_string()));
            self.told = Some(Box::new(told));
        }
    }

    /// Which rules decided something, and what the cache made of it.
    fn say_rules(&self, request: &Request<'_>, say: &mut dyn FnMut(&str, String)) {
        for (aspect, name) in ASPECTS {
            let rule = request.verdict.and_then(|verdict| self.live.rules.get(verdict.get(aspect)?));
            if let Some(rule) = rule {
                say("rule", format!("{}: {name}: {}", rule.name(), rule.says(aspect)));
            }
        }
        match self.cached.note.filter(|_| self.is_marked(request)) {
            Some(Note::Hit(age)) => say("cache", format!("hit, {} ms old", age.as_millis())),
            Some(Note::Miss(None)) => say("cache", "miss, kept".to_owned()),
            Some(Note::Miss(Some(why))) => say("cache", format!("miss, not kept: {why}")),
            Some(Note::Passed(why)) => say("cache", format!("not used: {why}")),
            None => {}
        }
    }

    fn words_of(&self, done: &Done<'_>) -> Last {
        let Done { server, request, decision, outcome, elapsed } = done;
        let mut told = Last::new();
        let mut say = |what: &str, says: String| told.push((what.to_owned(), says));
        say("statement", shown(request.text));
        let view = self.shared.topology.view();
        let ran_on = view.server(*server);
        say("server", ran_on.map_or_else(|| "?".to_owned(), |server| server.name.to_string()));
        say("reason", decision.reason.name().to_owned());
        if let Some(note) = decision.note {
            say("note", note.name().to_owned());
        }
        self.say_rules(request, &mut say);
        say("consistency", decision.consistency.name().to_owned());
        let is_primary = view.primary == Some(*server);
        let fresh = match ran_on.and_then(|server| server.lag_ms) {
            _ if is_primary && self.causal.note == Some(Fresh::Primary) => {
                "the primary: the replica did not have all that it must".to_owned()
            }
            _ if is_primary => "the primary".to_owned(),
            _ if decision.causal => match self.causal.note {
                Some(Fresh::Waited(time)) => format!("has all that it must: waited {} us for it", time.as_micros()),
                _ => "has all that it must: seen there".to_owned(),
            },
            Some(lag) => format!("{lag} ms behind when last asked"),
            None => "not known".to_owned(),
        };
        say("fresh", fresh);
        say("elapsed_us", elapsed.as_micros().to_string());
        say("rows", outcome.rows.to_string());
        if let Some(error) = outcome.error {
            say("error", error.to_string());
        }
        told
    }

    async fn send_told(&mut self, rows: &Last) -> Result<(), End> {
        let column = |name: &'static [u8]| Column {
            schema: b"",
            table: b"",
            name,
            charset: CHARSET,
            length: WIDTH,
            kind: VAR_STRING,
            flags: 0,
            decimals: 31,
        };
        let cell = |text: &str| Some(text.as_bytes().to_vec());
        let rows: Vec<_> = rows.iter().map(|(what, says)| vec![cell(what), cell(says)]).collect();
        let table = Table { columns: &[column(b"what"), column(b"says")], rows: &rows };
        let (capabilities, extended, status) = (self.capabilities, self.extended, self.state.lasting_status());
        self.channel.push_framed(|out, seq| push_text_result(out, seq, (capabilities, extended), status, &table));
        self.channel.flush().await.map_err(End::Gone)
    }
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(MAX_SHOWN_CHARS).collect()
}

/// Which question it is; spaces and a semicolon as people write them, words in any case.
fn asked(text: &[u8]) -> Option<Asked<'_>> {
    let text = text.trim_ascii();
    let text = text.strip_suffix(b";").unwrap_or(text);
    if let Some(rest) = after(text, &[b"EXPLAIN", b"ROUTE", b"FOR"]) {
        return (!rest.is_empty()).then_some(Asked::Route(rest));
    }
    after(text, &[b"SHOW", b"FOREBAY", b"LAST"]).filter(|rest| rest.is_empty()).map(|_| Asked::Last)
}

/// What follows these words.
fn after<'a>(text: &'a [u8], words: &[&[u8]]) -> Option<&'a [u8]> {
    words.iter().try_fold(text, |rest, word| {
        let rest = rest.trim_ascii_start();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (first, rest) = rest.split_at(end);
        first.eq_ignore_ascii_case(word).then(|| rest.trim_ascii_start())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_statements() {
        let route = |text: &'static str| match asked(text.as_bytes()) {
            Some(Asked::Route(statement)) => Some(statement),
            _ => None,
        };
        assert_eq!(route(" explain\nRoute for SELECT 1 ;"), Some(&b"SELECT 1 "[..]));
        assert_eq!(route("EXPLAIN ROUTE FOR"), None);
        assert_eq!(route("EXPLAIN route"), None);
        assert_eq!(route("EXPLAIN SELECT 1"), None);
        assert!(matches!(asked(b"show Forebay LAST;"), Some(Asked::Last)));
        assert!(asked(b"SHOW FOREBAY LAST LIKE 'x'").is_none() && asked(b"SHOW TABLES").is_none());
    }
}
