//! Who has a server's connections, and why they keep them.

use std::{collections::BTreeMap, fmt};

use crate::{session::Pins, topology::ServerId};

/// A session that has connections.
pub trait Holder: fmt::Debug + Send + Sync {
    /// Asks it to let go of what it can spare; false if it is busy, has nothing to spare or has been asked already.
    fn ask_back(&self) -> bool;

    /// Why it keeps its connection to this server, as it was after its last statement.
    fn pins(&self, server: ServerId) -> Pins;

    /// Whether a statement of its runs on this server.
    fn runs_on(&self, server: ServerId) -> bool;
}

/// Forebay itself, which opens a connection before anybody asks for it.
#[derive(Debug)]
pub(super) struct Forebay;

impl Holder for Forebay {
    fn ask_back(&self) -> bool {
        false
    }

    fn pins(&self, _server: ServerId) -> Pins {
        Pins::empty()
    }

    fn runs_on(&self, _server: ServerId) -> bool {
        false
    }
}

/// How many of a server's connections are held for which reason; one that is held for two counts for both.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Held {
    counts: BTreeMap<&'static str, usize>,
}

impl Held {
    pub(super) fn add(&mut self, holder: &dyn Holder, server: ServerId) {
        let pins = holder.pins(server);
        let unpinned = if holder.runs_on(server) { "a statement" } else { "nothing" };
        let names = pins.names().chain(pins.is_empty().then_some(unpinned));
        for name in names {
            *self.counts.entry(name).or_default() += 1;
        }
    }
}

/// `2 for transaction, 1 for temporary_table`.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, count)) in self.counts.iter().enumerate() {
            write!(f, "{}{count} for {name}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Session(Pins, bool);

    impl Holder for Session {
        fn ask_back(&self) -> bool {
            false
        }

        fn pins(&self, _server: ServerId) -> Pins {
            self.0
        }

        fn runs_on(&self, _server: ServerId) -> bool {
            self.1
        }
    }

    #[test]
    fn reasons_are_counted() {
        let mut held = Held::default();
        let two = Pins::TRANSACTION | Pins::TEMPORARY_TABLE;
        for session in [
            Session(two, true),
            Session(Pins::TRANSACTION, false),
            Session(Pins::empty(), true),
            Session(Pins::empty(), false),
        ] {
            held.add(&session, ServerId(0));
        }
        let shown = held.to_string();
        assert_eq!(shown, "1 for a statement, 1 for nothing, 1 for temporary_table, 2 for transaction");
    }
}
