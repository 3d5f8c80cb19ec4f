//! What the rules and the statement's hint ask for. A rule is the DBA's word, a hint the application's: a hint may make
//! routing stricter freely, looser only if the configuration allows it.

use super::{
    Question, Reason,
    rules::{Aspect, Route, Verdict},
};
use crate::{
    sql::facts::HintRoute,
    topology::{ServerId, View},
};

/// A wish and who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) place: Place,
    pub(super) reason: Reason,
    /// It may send a read that is about one server away from the primary.
    pub(super) loosens: bool,
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The primary.
    Primary,
    /// Any fit replica.
    Replicas,
    /// Any fit replica of a group, by its place among the rules' groups.
    Group(usize),
    /// A replica that is fit.
    Replica(ServerId),
    /// A server that does not exist or takes nothing now.
    Nowhere,
}

/// What is wished, if anything, and whether a hint had to give way to a rule.
pub(super) fn wish(question: &Question<'_>, verdict: &Verdict) -> (Option<Wish>, Option<Reason>) {
    let ignored = Some(Reason::HintIgnored);
    match (hint(question), rule(question, verdict)) {
        (None, rule) => (rule, None),
        (Some(hint), None) => (Some(hint), None),
        (Some(hint), _) if hint.place == Place::Primary => (Some(hint), None),
        (Some(hint), Some(rule)) => match (hint.place, rule.place) {
            (Place::Nowhere, _) => (Some(rule), ignored),
            (_, Place::Nowhere) => (Some(hint), None),
            // The rule has opened the replicas for it; the hint only chooses among them.
            (_, Place::Replicas | Place::Group(_)) => (Some(Wish { loosens: true, ..hint }), None),
            _ if question.hints_may_loosen => (Some(hint), None),
            _ => (Some(rule), ignored),
        },
    }
}

fn hint(question: &Question<'_>) -> Option<Wish> {
    let (place, reason) = match question.facts.hint.route.as_ref()? {
        HintRoute::Primary => (Place::Primary, Reason::HintPrimary),
        HintRoute::Replica => (Place::Replicas, Reason::HintReplica),
        HintRoute::Server(name) => (named(question.view, name), Reason::HintServer),
    };
    Some(Wish { place, reason, loosens: question.hints_may_loosen })
}

/// The first of the rule's routes that something can serve now; replicas, even if there is none, where no other follows.
fn rule(question: &Question<'_>, verdict: &Verdict) -> Option<Wish> {
    let index = verdict.get(Aspect::Route)?;
    let routes = &question.rules.get(index)?.route;
    let places = routes.iter().enumerate().map(|(at, route)| place(question, route, at + 1 == routes.len()));
    let place = places.into_iter().find(|place| *place != Place::Nowhere).unwrap_or(Place::Nowhere);
    Some(Wish { place, reason: Reason::Rule(index), loosens: true })
}

fn place(question: &Question<'_>, route: &Route, is_last: bool) -> Place {
    let view = question.view;
    match route {
        Route::Primary if view.primary.is_some() || is_last => Place::Primary,
        Route::Replicas if is_last || view.fit_replicas().next().is_some() => Place::Replicas,
        Route::Primary | Route::Replicas => Place::Nowhere,
        Route::Server(name) => named(view, name),
        Route::Group(group) => match question.rules.groups().get(*group) {
            Some(members) if members.has_fit_replica(view) => Place::Group(*group),
            Some(members) if members.has_primary(view) => Place::Primary,
            _ => Place::Nowhere,
        },
    }
}

fn named(view: &View, name: &str) -> Place {
    match view.by_name(name) {
        Some(server) if Some(server.id) == view.primary => Place::Primary,
        Some(server) if server.is_fit_replica() => Place::Replica(server.id),
        _ => Place::Nowhere,
    }
}
