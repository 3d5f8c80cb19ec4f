//! Small worlds for the tests of this room.

use super::{Consistency, Question, Rules, SessionView};
use crate::{
    net::Address,
    routing::rules::Balance,
    sql::{Effects, Facts, Kind, fuzz::MYSQL},
    topology::{RoleSetting, ServerSettings, View},
};

/// Servers with their weights, all up; the first is the primary.
pub(super) fn view(servers: &[(&str, u32)]) -> View {
    let settings = |(index, &(name, weight)): (usize, &(&str, u32))| ServerSettings {
        name: name.to_owned(),
        address: Address::Tcp { host: "127.0.0.1".to_owned(), port: 3306 },
        role: if index == 0 { RoleSetting::Primary } else { RoleSetting::Replica },
        weight,
        ..ServerSettings::new("", Address::Unix("/".into()), RoleSetting::Auto)
    };
    View::assumed(&servers.iter().enumerate().map(settings).collect::<Vec<_>>())
}

/// A statement of this kind that does this and nothing else.
pub(super) fn facts(kind: Kind, effects: Effects) -> Facts {
    Facts::new(kind, effects)
}

/// A question with nothing special about it.
pub(super) fn question<'a>(facts: &'a Facts, rules: &'a Rules, view: &'a View) -> Question<'a> {
    Question {
        facts,
        text: b"",
        user: "app",
        schema: Some(b"app"),
        dialect: MYSQL,
        client: None,
        application: &|| None,
        prepared: false,
        session: SessionView::default(),
        mentions_primary_only: false,
        rules,
        verdict: None,
        view,
        consistency: Consistency::Session,
        max_lag: None,
        has_seen: &|_| true,
        hints_may_loosen: false,
        balance: Balance::RoundRobin,
        turn: 0,
        cost: &|_| None,
        latency_us: &|_| 0,
        load: &|_| 0,
    }
}
