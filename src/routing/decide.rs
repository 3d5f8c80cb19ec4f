//! Where does this statement go, and why?
use crate::{sql::Facts, topology::{ServerId, View}};
use super::{Consistency, Rules};
/// Everything a decision looks at. Borrowed: a decision copies nothing.
pub struct Question<'a> {
    pub facts: &'a Facts,
    /// The text, for rules that match on it.
    pub text: &'a [u8],
    pub user: &'a str,
    pub schema: Option<&'a [u8]>,
    pub prepared: bool,
    pub session: SessionView,
    /// A temporary table's or primary-only table's name occurs in the text (the caller looks; see `sql::mentions`).
    pub mentions_primary_only: bool,
    pub rules: &'a Rules,
    pub view: &'a View,
    pub consistency: Consistency,
    pub hints_may_loosen: bool,
}
/// What of the session's state routing needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionView {
    /// A pin holds: every statement goes to this server connection.
    pub pinned_to: Option<ServerId>,
    /// In a transaction (explicit, or autocommit off).
    pub in_transaction: bool,
    pub autocommit_off: bool,
    /// Where the previous statement ran.
    pub last_server: Option<ServerId>,
    /// The replica this session already reads from, if it is still fit.
    pub preferred_replica: Option<ServerId>,
    /// user variables, temporary tables, … exist: a READ ONLY transaction must not leave the primary.
    pub has_primary_state: bool,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target { /// the primary's connection
    Primary, Replica(ServerId), /// a named server by hint or rule (already known to be allowed)
    Server(ServerId), /// nothing can serve it now: no primary
    Unavailable }
/// Why, in the order they were found; names are stable, for logs and `explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason { PlainRead, ReadOnlyTransaction, Write, LockingRead, Pinned, InTransaction, AutocommitOff, UserVariable, TemporaryTable, PrimaryOnlyTable, SystemVariable, ServerState, LastStatement, LastInsertId, UserLock, Sequence, UnknownFunction, HostDependent, SeveralStatements, HintPrimary, HintReplica, HintServer, HintIgnored, Rule(u32), Strong, NoHealthyReplica, NoPrimary, SessionStatement }
pub struct Decision { pub target: Target, pub reason: Reason, /// it is a plain read and may be repeated on another server while nothing has reached the client
    pub repeatable: bool, /// the target may be a replica only after the session's writes are seen there
    pub causal: bool }
pub fn decide(question: &Question<'_>) -> Decision { todo!() }
