//! Where does this statement go, and why?

use std::{net::IpAddr, time::Duration};

use super::{
    Consistency, Cost, Level, Reason, Rules, Verdict, balance,
    class::{Class, classify},
    rules::{ANALYTICS, Balance, Group},
    wish::{Place, wish},
};
use crate::{
    sql::{self, Dialect, Facts, outline::HEAVY},
    topology::{Server, ServerId, View},
};

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

/// Everything a decision looks at. Borrowed: a decision copies nothing.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the statement is and does.
    pub facts: &'a Facts,
    /// The text, for rules that match on it.
    pub text: &'a [u8],
    /// How the session's server reads it.
    pub dialect: Dialect,
    /// The client's user.
    pub user: &'a str,
    /// The session's current schema.
    pub schema: Option<&'a [u8]>,
    /// The client's address; `None`: a Unix socket.
    pub client: Option<IpAddr>,
    /// What the client calls itself in its connection attributes. Asked only if a rule wants to know.
    pub application: &'a dyn Fn() -> Option<Vec<u8>>,
    /// Through the binary protocol.
    pub prepared: bool,
    /// The session's state.
    pub session: SessionView,
    /// A temporary table's or primary-only table's name occurs in the text (the caller looks; see `sql::mentions`).
    pub mentions_primary_only: bool,
    /// The compiled rules.
    pub rules: &'a Rules,
    /// What they say, where that has been found out already.
    pub verdict: Option<Verdict>,
    /// The servers.
    pub view: &'a View,
    /// The level in force, but for what a rule or the hint says.
    pub consistency: Consistency,
    /// How far behind a replica may be for the level `eventual`, likewise.
    pub max_lag: Option<Duration>,
    /// Whether a server is known to have what the session must see. Asked only if there is something.
    pub has_seen: &'a dyn Fn(ServerId) -> bool,
    /// A hint may send a read that is about one server to a replica.
    pub hints_may_loosen: bool,
    /// Which of the replicas takes a read that no group of the user's own takes.
    pub balance: Balance,
    /// A counter (of sessions, or of decisions) that spreads reads over the replicas.
    pub turn: u64,
    /// What statements of a shape cost, if enough were seen. Asked only if a rule wants to know.
    pub cost: &'a dyn Fn(u64) -> Option<Cost>,
    /// How long a server's answers take lately, in microseconds, for groups that balance by that; 0: not known.
    pub latency_us: &'a dyn Fn(ServerId) -> u64,
    /// How many of its connections a server has in use, for groups that balance by that.
    pub load: &'a dyn Fn(ServerId) -> usize,
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
    /// There is something that a replica must have before it may answer.
    pub must_see: bool,
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
    /// The level in force: the question's, or a rule's.
    pub consistency: Consistency,
    /// The place of the group of the user's own whose server was chosen.
    pub group: Option<usize>,
}

impl Question<'_> {
    /// What the rules say of the statement.
    pub fn verdict(&self) -> Verdict {
        self.verdict.unwrap_or_else(|| self.rules.verdict(self))
    }
}

/// Decides. Pins first, then what the statement and its transaction demand, then the wishes of rules and hints.
pub fn decide(question: &Question<'_>) -> Decision {
    let no_rules = question.rules.is_empty() && question.rules.analytics().is_none();
    if no_rules && question.facts.hint.options.is_empty() {
        return decide_by(question, &Verdict::default());
    }
    let verdict = if no_rules { Verdict::default() } else { question.verdict() };
    let Level { consistency, max_lag } = question.level(&verdict);
    decide_by(&Question { consistency, max_lag, ..*question }, &verdict)
}

fn decide_by(question: &Question<'_>, verdict: &Verdict) -> Decision {
    let decision = placed(question, verdict);
    Decision { consistency: question.consistency, ..decision }
}

fn placed(question: &Question<'_>, verdict: &Verdict) -> Decision {
    if let Some(server) = question.session.pinned_to {
        return Decision::new(Target::Server(server), Reason::Pinned);
    }
    let class = classify(question);
    let (wish, ignored) = wish(question, verdict);
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
        (Class::About(_), Some(Place::Group(group))) if loosens && !strong => {
            of_group(question, group, reason).with_note(ignored)
        }
        (Class::About(_), Some(Place::Replicas)) if loosens && !strong => {
            any_replica(question, reason).with_note(ignored)
        }
        (Class::About(about), None) => primary(question, about).repeatable().or_any_replica(question),
        (Class::About(about), Some(_)) => {
            primary(question, about).repeatable().or_any_replica(question).with_note(unheard)
        }

        (Class::Read(_), Some(Place::Group(group))) => of_group(question, group, reason).with_note(ignored),
        (Class::Read(_), Some(Place::Replica(id))) => named_replica(question, id, reason).with_note(ignored),
        (Class::Read(_), Some(Place::Replicas)) => any_replica(question, reason).with_note(ignored),
        (Class::Read(read), Some(Place::Nowhere)) => any_replica(question, read).with_note(unheard),
        (Class::Read(read), None) => match heavy(question) {
            Some(group) => of_group(question, group, Reason::Heavy),
            None => any_replica(question, read),
        },
    }
}

/// The group for heavy reads, if it can take one and this is one.
fn heavy(question: &Question<'_>) -> Option<usize> {
    let place = question.rules.analytics()?;
    let group = question.rules.groups().get(place).filter(|group| group.has_fit_replica(question.view))?;
    debug_assert_eq!(group.name, ANALYTICS);
    let is_heavy = || sql::outline(question.text, question.dialect).complexity() >= HEAVY;
    (question.facts.kind == sql::Kind::Select && is_heavy()).then_some(place)
}

/// One of a group's fit replicas, by its balancing; the session's own, if that is among them and the group cares for turns.
fn of_group(question: &Question<'_>, place: usize, reason: Reason) -> Decision {
    let Some(group) = question.rules.groups().get(place) else { return any_replica(question, reason) };
    match choose_in(question, group) {
        Some(id) => Decision { group: Some(place), ..replica(question, id, reason) },
        None => primary(question, no_replica(question)).repeatable().with_note(Some(reason)),
    }
}

fn choose_in(question: &Question<'_>, group: &Group) -> Option<ServerId> {
    choose_among(question, group.balance, &|server| group.has(server))
}

/// One of the nearest of the fit replicas that are `eligible`, by this balancing.
fn choose_among(question: &Question<'_>, balance: Balance, eligible: &dyn Fn(&Server) -> bool) -> Option<ServerId> {
    let view = question.view;
    let fit = |server: &Server| may_answer(question, server) && eligible(server);
    let nearest = balance::nearest(view, &fit)?;
    let fit = |server: &Server| server.distance == nearest && fit(server);
    match balance {
        Balance::RoundRobin => own_or(question, &fit, &|fit| balance::pick_among(view, question.turn, fit)),
        Balance::LeastConnections => {
            ready_first(question, &fit, &|fit| balance::least_used(view, question.turn, fit, question.load))
        }
        Balance::Latency => ready_first(question, &fit, &|fit| {
            balance::quicker_of_two(view, question.turn, fit, &|id| {
                // What waits there already has to be answered too.
                (question.latency_us)(id).saturating_mul((question.load)(id) as u64 + 1)
            })
        }),
    }
}

/// A fit replica, and where replicas may be behind, one that is not too far.
fn may_answer(question: &Question<'_>, server: &Server) -> bool {
    server.is_fit_replica() && is_in_time(question, server)
}

fn is_in_time(question: &Question<'_>, server: &Server) -> bool {
    match question.max_lag {
        Some(most) if question.consistency == Consistency::Eventual => {
            server.lag_ms.is_some_and(|lag_ms| Duration::from_millis(lag_ms) <= most)
        }
        _ => true,
    }
}

type Fit<'a> = &'a dyn Fn(&Server) -> bool;

/// Replicas that are known to have what must be seen come before those that would have to be waited for.
fn ready_first(question: &Question<'_>, fit: Fit<'_>, pick: &dyn Fn(Fit<'_>) -> Option<ServerId>) -> Option<ServerId> {
    if !question.session.must_see || question.consistency == Consistency::Eventual {
        return pick(fit);
    }
    pick(&|server| fit(server) && (question.has_seen)(server.id)).or_else(|| pick(fit))
}

/// The same, and of those that are alike the one that the session already reads from.
fn own_or(question: &Question<'_>, fit: Fit<'_>, pick: &dyn Fn(Fit<'_>) -> Option<ServerId>) -> Option<ServerId> {
    ready_first(question, fit, &|fit| {
        let own = question.session.preferred_replica;
        own.filter(|id| question.view.server(*id).is_some_and(fit)).or_else(|| pick(fit))
    })
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

/// One that a hint or rule names, if it is not too far behind.
fn named_replica(question: &Question<'_>, id: ServerId, reason: Reason) -> Decision {
    match question.view.server(id) {
        Some(server) if !is_in_time(question, server) => {
            primary(question, Reason::TooLate).repeatable().with_note(Some(reason))
        }
        _ => replica(question, id, reason),
    }
}

/// The session's replica or the next in turn; without one the primary.
fn any_replica(question: &Question<'_>, reason: Reason) -> Decision {
    match choose(question) {
        Some(id) => replica(question, id, reason),
        None => primary(question, no_replica(question)).repeatable().with_note(Some(reason)),
    }
}

/// Why no replica may answer.
fn no_replica(question: &Question<'_>) -> Reason {
    match question.view.fit_replicas().next() {
        Some(_) => Reason::TooLate,
        None => Reason::NoHealthyReplica,
    }
}

fn choose(question: &Question<'_>) -> Option<ServerId> {
    choose_among(question, question.balance, &|_| true)
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
        let consistency = Consistency::default();
        Decision { target, reason, note: None, repeatable: false, causal: false, consistency, group: None }
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
