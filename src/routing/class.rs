//! Where may this statement run at all, by its facts and the session? Rules and hints choose within what this allows.

use super::{Question, Reason};
use crate::sql::{Effects, Facts, Kind, Transaction, facts::Target};

/// From the strictest to the freest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Only the connection that ran the previous statement can answer.
    Last,
    /// Nowhere but on the primary, whatever rules and hints say.
    Primary(Reason),
    /// Harmless anywhere; on the primary, where the session's state is at home, as long as there is one.
    Session,
    /// A harmless read whose answer is about the server that gives it: on the primary, unless somebody who may asks otherwise.
    About(Reason),
    /// May go to a replica.
    Read(Reason),
}

/// Effects that tie a statement to the primary, in the order in which they make the better reason.
const TIES: [(Effects, Reason); 8] = [
    (Effects::LOCKING_READ, Reason::LockingRead),
    (Effects::CREATES_TEMPORARY_TABLE, Reason::TemporaryTable),
    (Effects::USER_LOCK.union(Effects::TAKES_USER_LOCK).union(Effects::RELEASES_USER_LOCK), Reason::UserLock),
    (Effects::SEQUENCE, Reason::Sequence),
    (Effects::UNKNOWN_FUNCTION, Reason::UnknownFunction),
    (Effects::USER_VARIABLE.union(Effects::ASSIGNS_USER_VARIABLE), Reason::UserVariable),
    (Effects::LAST_INSERT_ID, Reason::LastInsertId),
    (
        Effects::WRITE
            .union(Effects::INTO)
            .union(Effects::OPAQUE)
            .union(Effects::ROLE)
            .union(Effects::DROPS_TABLE)
            .union(Effects::IMPLICIT_COMMIT),
        Reason::Write,
    ),
];

/// Effects whose answer differs from server to server.
const ABOUT: [(Effects, Reason); 3] = [
    (
        Effects::SYSTEM_VARIABLE.union(Effects::SESSION_TRACK).union(Effects::STATEMENT_VARIABLES),
        Reason::SystemVariable,
    ),
    (Effects::SERVER_STATE.union(Effects::PROCESSLIST), Reason::ServerState),
    (Effects::HOST_DEPENDENT.union(Effects::CONNECTION_ID), Reason::HostDependent),
];

/// The class of the question's statement.
pub(super) fn classify(question: &Question<'_>) -> Class {
    let session = &question.session;
    match by_facts(question) {
        Class::Session => Class::Session,
        _ if session.autocommit_off => Class::Primary(Reason::AutocommitOff),
        _ if session.in_transaction => Class::Primary(Reason::InTransaction),
        class => class,
    }
}

fn by_facts(question: &Question<'_>) -> Class {
    let facts = question.facts;
    if facts.effects.contains(Effects::SEVERAL_STATEMENTS) && !all_reads(facts) {
        return Class::Primary(Reason::SeveralStatements);
    }
    match facts.kind {
        Kind::Empty | Kind::Use => of_session(facts),
        Kind::Select | Kind::Show | Kind::Explain | Kind::Describe => read(question),
        Kind::Set => set(facts),
        Kind::Transaction => transaction(question),
        _ => Class::Primary(tie(facts).unwrap_or(Reason::Write)),
    }
}

fn read(question: &Question<'_>) -> Class {
    let effects = question.facts.effects;
    match tie(question.facts) {
        Some(reason) => Class::Primary(reason),
        None if effects.contains(Effects::LAST_STATEMENT) => Class::Last,
        None if question.mentions_primary_only => Class::Primary(Reason::PrimaryOnlyTable),
        None => find(&ABOUT, effects).map_or(Class::Read(Reason::PlainRead), Class::About),
    }
}

/// A SET that touches nothing but the session's variables.
fn set(facts: &Facts) -> Class {
    let own = |target: &Target| match target {
        Target::Names | Target::CharacterSet => true,
        Target::Variable { global, .. } | Target::Transaction { global, .. } => !global,
        Target::User(_) | Target::Role | Target::Password | Target::Other => false,
    };
    match !facts.assignments.is_empty() && facts.assignments.iter().all(|assignment| own(&assignment.target)) {
        true => of_session(facts),
        false => Class::Primary(tie(facts).unwrap_or(Reason::Write)),
    }
}

/// About the session alone, as long as its effects don't say more.
fn of_session(facts: &Facts) -> Class {
    match tie(facts) {
        None => Class::Session,
        Some(Reason::Write) => Class::Primary(Reason::SessionStatement),
        Some(reason) => Class::Primary(reason),
    }
}

/// Control statements that reach this room have no transaction open on a server (that would be a pin).
fn transaction(question: &Question<'_>) -> Class {
    match question.facts.transaction {
        Some(Transaction::Begin { read_only: true, read_write: false, .. })
            if question.mentions_primary_only || question.session.has_primary_state =>
        {
            Class::Primary(Reason::PrimaryState)
        }
        Some(Transaction::Begin { read_only: true, read_write: false, .. }) => Class::Read(Reason::ReadOnlyTransaction),
        Some(Transaction::Begin { .. }) => Class::Primary(Reason::InTransaction),
        Some(Transaction::Xa) | None => Class::Primary(Reason::Write),
        Some(_) => of_session(question.facts),
    }
}

/// Several statements that are reads, every one: no session state, no transaction, no temporary table among them.
fn all_reads(facts: &Facts) -> bool {
    let read = matches!(facts.kind, Kind::Select | Kind::Show | Kind::Explain | Kind::Describe);
    read && facts.is_read() && facts.assignments.is_empty() && facts.transaction.is_none() && facts.schema.is_none()
}

fn tie(facts: &Facts) -> Option<Reason> {
    find(&TIES, facts.effects)
}

fn find(table: &[(Effects, Reason)], effects: Effects) -> Option<Reason> {
    table.iter().find(|(tied, _)| effects.intersects(*tied)).map(|&(_, reason)| reason)
}
