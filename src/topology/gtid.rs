//! Positions: which transactions a session wrote, and whether a server has executed them. Pure.
//!
//! MySQL names a transaction `uuid:n` or `uuid:tag:n` and a server's executed transactions are a *set*
//! (<https://dev.mysql.com/doc/refman/9.0/en/replication-gtids-concepts.html>), which may have gaps; so intervals are
//! kept and compared exactly. MariaDB names it `domain-server-sequence` and sequences in a domain only grow, so the
//! last one of each domain says it all (<https://mariadb.com/kb/en/gtid/>).

use std::collections::BTreeMap;

mod intervals;
mod parse;
#[cfg(test)]
mod tests;

use intervals::{Full, Intervals};

/// A set of transactions: what a session must see, or what a server has executed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    mysql: BTreeMap<Source, Intervals>,
    mariadb: BTreeMap<u32, MariaDbGtid>,
}

/// Who numbers transactions on MySQL: a server's UUID and, if the transaction bears one, a tag (lower case, else empty).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    uuid: u128,
    tag: Box<str>,
}

/// The last transaction of a MariaDB replication domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MariaDbGtid {
    server: u32,
    sequence: u64,
}

impl Position {
    /// Reads a position as a server reports it; `None` if the text is neither dialect's. Empty text is the empty position.
    pub fn parse(gtids: &[u8]) -> Option<Position> {
        let mut position = Position::default();
        position.add(gtids).then_some(position)
    }

    /// Whether nothing is in it: every server covers it.
    pub fn is_empty(&self) -> bool {
        self.mysql.is_empty() && self.mariadb.is_empty()
    }

    /// What it takes in memory besides itself, about. Maps lie in nodes for eleven.
    pub fn memory_bytes(&self) -> usize {
        const PER_NODE: usize = 11;
        let nodes = |entries: usize, entry: usize| entries.div_ceil(PER_NODE) * PER_NODE * entry;
        let intervals: usize = self.mysql.values().map(Intervals::memory_bytes).sum();
        nodes(self.mysql.len(), size_of::<(Source, Intervals)>())
            + intervals
            + nodes(self.mariadb.len(), size_of::<(u32, MariaDbGtid)>())
    }

    /// Adds a GTID (set) as a server reports it: MySQL `uuid:5`, `uuid:1-5:7`, `uuid:tag:5`, several with commas;
    /// MariaDB `0-1-123[,1-2-5]`, where the highest sequence of a domain wins. Unreadable text adds nothing and returns false.
    pub fn add(&mut self, gtids: &[u8]) -> bool {
        self.add_by(gtids, Full::Forget)
    }

    /// The same where the position is what must be seen: it may come to ask for more than was added, never for less.
    pub fn want(&mut self, gtids: &[u8]) -> bool {
        self.add_by(gtids, Full::Join)
    }

    fn add_by(&mut self, gtids: &[u8], full: Full) -> bool {
        let Some(entries) = parse::entries(gtids) else { return false };
        for entry in entries {
            match entry {
                parse::Entry::MySql { source, first, last } => {
                    self.mysql.entry(source).or_default().add(first, last, full);
                }
                parse::Entry::MariaDb { domain, gtid } => self.add_mariadb(domain, gtid),
            }
        }
        true
    }

    /// Adds everything that is in `other`.
    pub fn merge(&mut self, other: &Position) {
        self.merge_by(other, Full::Forget);
    }

    /// The same where the position is what must be seen: see [`Position::want`].
    pub fn want_all(&mut self, other: &Position) {
        self.merge_by(other, Full::Join);
    }

    fn merge_by(&mut self, other: &Position, full: Full) {
        for (source, theirs) in &other.mysql {
            match self.mysql.get_mut(source) {
                Some(mine) => theirs.iter().for_each(|(first, last)| mine.add(first, last, full)),
                None => drop(self.mysql.insert(source.clone(), theirs.clone())),
            }
        }
        for (&domain, &gtid) in &other.mariadb {
            self.add_mariadb(domain, gtid);
        }
    }

    /// True if every transaction of `other` is in this position (MariaDB: its domains are at least as far).
    pub fn covers(&self, other: &Position) -> bool {
        let mysql =
            other.mysql.iter().all(|(source, theirs)| self.mysql.get(source).is_some_and(|mine| mine.covers(theirs)));
        mysql
            && other
                .mariadb
                .iter()
                .all(|(domain, theirs)| self.mariadb.get(domain).is_some_and(|mine| mine.sequence >= theirs.sequence))
    }

    /// What of this is not in `other` (MariaDB: its domains that are further here).
    pub fn without(&self, other: &Position) -> Position {
        let left = |source: &Source, mine: &Intervals| match other.mysql.get(source) {
            Some(theirs) => mine.without(theirs),
            None => mine.clone(),
        };
        let mysql = self.mysql.iter().map(|(source, mine)| (source.clone(), left(source, mine)));
        let is_further = |domain: &u32, mine: &MariaDbGtid| {
            other.mariadb.get(domain).is_none_or(|theirs| theirs.sequence < mine.sequence)
        };
        Position {
            mysql: mysql.filter(|(_, left)| !left.is_empty()).collect(),
            mariadb: self
                .mariadb
                .iter()
                .filter(|(domain, mine)| is_further(domain, mine))
                .map(|(d, g)| (*d, *g))
                .collect(),
        }
    }

    /// The text for `WAIT_FOR_EXECUTED_GTID_SET` (`uuid:1-5:7,uuid:tag:3`) or `MASTER_GTID_WAIT` (`d-s-n`, one per
    /// domain). Only hex digits, digits, tags (`[a-z0-9_]`) and `-:,`: safe between quotes.
    pub fn to_sql(&self) -> String {
        let mysql = self.mysql.iter().map(|(source, intervals)| format!("{}{intervals}", source.to_sql()));
        let mariadb = self.mariadb.iter().map(|(domain, gtid)| format!("{domain}-{}-{}", gtid.server, gtid.sequence));
        mysql.chain(mariadb).collect::<Vec<_>>().join(",")
    }

    fn add_mariadb(&mut self, domain: u32, gtid: MariaDbGtid) {
        let mine = self.mariadb.entry(domain).or_insert(gtid);
        if mine.sequence < gtid.sequence {
            *mine = gtid;
        }
    }
}

impl Source {
    /// `uuid` or `uuid:tag`, as MySQL writes it.
    fn to_sql(&self) -> String {
        let hex = format!("{:032x}", self.uuid);
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        if self.tag.is_empty() { uuid } else { format!("{uuid}:{}", self.tag) }
    }
}
