//! What happened lately that an operator should know of: verdicts on servers, reloads, operators' own doings. Bounded: the
//! oldest go first.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// So many are kept.
pub const MAX_EVENTS: usize = 1000;
/// A text is cut to this many characters.
const MAX_TEXT_CHARS: usize = 1000;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A server's role or health.
    Servers,
    /// A reload or rollback, applied or refused.
    Config,
    /// Something that an operator did.
    Operator,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Counted from 1 at the start.
    pub number: u64,
    /// When.
    pub at: SystemTime,
    /// What it is about.
    pub topic: Topic,
    /// It is bad news.
    pub bad: bool,
    /// What happened, in words; without secrets and literals.
    pub text: String,
}

/// The latest of them.
#[derive(Debug, Default)]
pub struct Events {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    kept: VecDeque<Happened>,
}

impl Topic {
    /// A stable word.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Servers => "servers",
            Topic::Config => "config",
            Topic::Operator => "operator",
        }
    }
}

impl Events {
    /// Takes one in.
    pub fn add(&self, topic: Topic, bad: bool, text: &str) {
        let text = text.chars().take(MAX_TEXT_CHARS).collect();
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.last += 1;
        let happened = Happened { number: ring.last, at: SystemTime::now(), topic, bad, text };
        if ring.kept.len() >= MAX_EVENTS {
            ring.kept.pop_front();
        }
        ring.kept.push_back(happened);
    }

    /// Those that are kept, the newest first.
    pub fn latest(&self) -> Vec<Happened> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).kept.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let events = Events::default();
        (0..MAX_EVENTS + 5).for_each(|n| events.add(Topic::Servers, n % 2 == 0, &format!("{n}")));
        let latest = events.latest();
        assert_eq!(latest.len(), MAX_EVENTS);
        let (newest, oldest) = (&latest[0], &latest[MAX_EVENTS - 1]);
        assert_eq!((newest.number, &newest.text[..], newest.bad), (1005, "1004", true));
        assert_eq!((oldest.number, &oldest.text[..], oldest.bad), (6, "5", false));
        events.add(Topic::Config, false, &"x".repeat(5000));
        assert_eq!(events.latest()[0].text.len(), MAX_TEXT_CHARS);
    }
}
