//! Log lines that clients can cause, and so cause as often as they like. Each kind is bounded by itself, so that a flood of one
//! hides no other.

use crate::telemetry::Seldom;

/// One for each kind of line.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// A client was turned away before it could log in.
    pub turned_away: Seldom,
    /// A session was ended.
    pub ended: Seldom,
    /// KILL.
    pub kill: Seldom,
    /// A statement is killed.
    pub cut_short: Seldom,
    /// A statement could not be killed.
    pub not_cut_short: Seldom,
    /// No connection to a server could be opened.
    pub unconnected: Seldom,
    /// None was free.
    pub exhausted: Seldom,
    /// One broke under a statement.
    pub broken: Seldom,
    /// A transaction is lost.
    pub lost: Seldom,
    /// A replica refused a user.
    pub refused_user: Seldom,
    /// A replica refused what was taken for a read.
    pub refused_read: Seldom,
}
