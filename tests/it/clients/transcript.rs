//! The checks under tests/clients that print what they see, run in each way a client can connect.

use std::process::Command;

use super::{run, same_twice, same_twice_for_sessions};
use crate::support::{bed::Bed, endpoint::Endpoint};

/// How a client connects.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Plain,
    Tls,
    Compressed,
    /// TLS around the compressed protocol.
    Both,
}

/// A check that is run direct and through Forebay.
pub struct Transcript<'a> {
    /// Its own, since tests run at once.
    pub database: &'static str,
    pub ways: &'a [Way],
    /// It opens several sessions, which count on seeing what the others wrote.
    pub sessions: bool,
    /// What it must have printed, so that one that checks nothing is noticed.
    pub says: &'a [&'a str],
}

impl Transcript<'_> {
    pub fn compare(&self, bed: &Bed, command: impl Fn(&Endpoint) -> Command) {
        for way in self.ways {
            let (tls, compress) = match way {
                Way::Plain => ("0", "0"),
                Way::Tls => ("1", "0"),
                Way::Compressed => ("0", "1"),
                Way::Both => ("1", "1"),
            };
            let check = |to: &Endpoint| run(command(to).env("DB_SSL", tls).env("DB_COMPRESS", compress)).good();
            let said = match self.sessions {
                true => same_twice_for_sessions(bed, self.database, check),
                false => same_twice(bed, self.database, check),
            };
            for part in self.says {
                assert!(said.contains(part), "{way:?}: no {part} in\n{said:.4000}");
            }
        }
    }
}
