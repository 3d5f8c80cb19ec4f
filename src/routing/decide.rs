//! Where does this statement go, and why?

use super::{
    Consistency, Reason, Rules, balance,
    class::{Class, classify},
    wish::{Place, wish},
};
use crate::{
    sql::Facts,
    topology::{ServerId, View},
};

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

/// Everything a decision looks at. Borrowed: a decision copies nothing.
pub struct Question<'a> {
    /// What the statement is and does.
    pub facts: &'a Facts,
    /// The text, for rules that match on it.
    pub text: &'a [u8],
    /// The client's user.
    pub user: &'a str,
    /// The session's current schema.
    pub schema: Option<&'a [u8]>,
    /// Through the binary protocol.
    pub prepared: bool,
    /// The session's state.
    pub session: SessionView,
    /// A temporary table's or primary-only table's name occurs in the text (the caller looks; see `sql::mentions`).
    pub mentions_primary_only: bool,
    /// Whether an identifier (lower case, unquoted) occurs in the text, for rules on tables. Asked only if a rule wants to know.
    pub mentions: &'a dyn Fn(&[u8]) -> bool,
    /// The compiled rules.
    pub rules: &'a Rules,
    /// The servers.
    pub view: &'a View,
    /// The level in force.
    pub consistency: Consistency,
    /// A hint may send a read that is about one server to a replica.
    pub hints_may_loosen: bool,
    /// A counter (of sessions, or of decisions) that spreads reads over the replicas.
    pub turn: u64,
}

/// What of the session's state routing needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionView {
    /// A pin holds: every statement goes to this server connection.
    pub pinned_to: Option<ServerId>,
    /// In a transaction (explicit, or autocommit off). One that has begun on a server is a pin too.
    pub in_transaction: bool,
    /// autocommit is off.
    pub autocommit_off: bool,
    /// Where the previous statement ran.
    pub last_server: Option<ServerId>,
    /// The replica this session already reads from; passed over if it is not fit.
    pub preferred_replica: Option<ServerId>,
    /// user variables, temporary tables, … exist: a READ ONLY transaction must not leave the primary.
    pub has_primary_state: bool,
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The primary's connection; there is a primary.
    Primary,
    /// A fit replica, chosen or named by a hint or rule.
    Replica(ServerId),
    /// This very server, whatever its role and health: a pin's, or the last statement's.
    Server(ServerId),
    /// Nothing can serve it now.
    Unavailable,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Where to.
    pub target: Target,
    /// What decided.
    pub reason: Reason,
    /// What else is worth telling: what the statement is where there was no server for it, or a hint that was set aside.
    pub note: Option<Reason>,
    /// It is a plain read and may be repeated on another server while nothing has reached the client.
    pub repeatable: bool,
    /// The target may be a replica only after the session's writes are seen there.
    pub causal: bool,
}

/// Decides. Pins first, then what the statement and its transaction demand, then the wishes of rules and hints.
pub fn decide(question: &Question<'_>) -> Decision {
    if let Some(server) = question.session.pinned_to {
        return Decision::new(Target::Server(server), Reason::Pinned);
    }
    let class = classify(question);
    let (wish, ignored) = wish(question);
    let place = wish.map(|wish| wish.place);
    let reason = wish.map_or(Reason::PlainRead, |wish| wish.reason);
    let loosens = wish.is_some_and(|wish| wish.loosens);
    let strong = question.consistency == Consistency::Strong;
    let unheard = ignored.or(if is_hint(reason) { Some(Reason::HintIgnored) } else { None });
    match (class, place) {
        (Class::Last, _) => last(question),
        (Class::Session, _) => primary(question, Reason::SessionStatement).or_any_replica(question),

        (Class::Primary(tie), None | Some(Place::Primary)) => primary(question, tie).with_note(ignored),
        (Class::Primary(tie), Some(_)) => primary(question, tie).with_note(unheard),

        (Class::About(_) | Class::Read(_), Some(Place::Primary)) => primary(question, reason).repeatable(),
        (Class::Read(_), _) if strong => primary(question, Reason::Strong).repeatable().with_note(ignored),

        (Class::About(_), Some(Place::Replica(id))) if loosens && !strong => replica(question, id, reason),
        (Class::About(_), Some(Place::Replicas)) if loosens && !strong => {
            any_replica(question, reason).with_note(ignored)
        }
        (Class::About(about), None) => primary(question, about).repeatable().or_any_replica(question),
        (Class::About(about), Some(_)) => {
            primary(question, about).repeatable().or_any_replica(question).with_note(unheard)
        }

        (Class::Read(_), Some(Place::Replica(id))) => replica(question, id, reason).with_note(ignored),
        (Class::Read(_), Some(Place::Replicas)) => any_replica(question, reason).with_note(ignored),
        (Class::Read(read), Some(Place::Nowhere)) => any_replica(question, read).with_note(unheard),
        (Class::Read(read), None) => any_replica(question, read),
    }
}

fn is_hint(reason: Reason) -> bool {
    matches!(reason, Reason::HintPrimary | Reason::HintReplica | Reason::HintServer)
}

fn primary(question: &Question<'_>, reason: Reason) -> Decision {
    match question.view.primary {
        Some(_) => Decision::new(Target::Primary, reason),
        None => Decision::new(Target::Unavailable, Reason::NoPrimary).with_note(Some(reason)),
    }
}

fn replica(question: &Question<'_>, id: ServerId, reason: Reason) -> Decision {
    let causal = question.consistency != Consistency::Eventual;
    Decision { causal, ..Decision::new(Target::Replica(id), reason).repeatable() }
}

/// The session's replica or the next in turn; without one the primary.
fn any_replica(question: &Question<'_>, reason: Reason) -> Decision {
    match choose(question) {
        Some(id) => replica(question, id, reason),
        None => primary(question, Reason::NoHealthyReplica).repeatable().with_note(Some(reason)),
    }
}

fn choose(question: &Question<'_>) -> Option<ServerId> {
    let fit = |id: &ServerId| question.view.server(*id).is_some_and(|server| server.is_fit_replica());
    question.session.preferred_replica.filter(fit).or_else(|| balance::pick(question.view, question.turn))
}

/// Where the previous statement ran; a session that has run nothing yet has nothing to ask for there.
fn last(question: &Question<'_>) -> Decision {
    let strong = question.consistency == Consistency::Strong;
    match question.session.last_server {
        Some(server) if strong && Some(server) != question.view.primary => primary(question, Reason::Strong),
        Some(server) => Decision::new(Target::Server(server), Reason::LastStatement),
        None => primary(question, Reason::LastStatement).or_any_replica(question),
    }
}

impl Decision {
    fn new(target: Target, reason: Reason) -> Decision {
        Decision { target, reason, note: None, repeatable: false, causal: false }
    }

    fn repeatable(self) -> Decision {
        Decision { repeatable: self.target != Target::Unavailable, ..self }
    }

    /// Keeps a note that is there already: it was closer to the cause.
    fn with_note(self, note: Option<Reason>) -> Decision {
        Decision { note: self.note.or(note), ..self }
    }

    /// Reads and harmless statements go on without a primary.
    fn or_any_replica(self, question: &Question<'_>) -> Decision {
        let allowed = self.target == Target::Unavailable && question.consistency != Consistency::Strong;
        match (choose(question).filter(|_| allowed), self.note) {
            (Some(id), Some(Reason::SessionStatement)) => Decision { target: Target::Replica(id), ..self },
            (Some(id), _) => replica(question, id, self.reason).with_note(self.note),
            (None, _) => self,
        }
    }
}
