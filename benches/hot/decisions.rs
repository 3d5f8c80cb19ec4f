//! Where a statement goes.

use std::hint::black_box;

use forebay::{
    net::Address,
    routing::{Consistency, Question, Rules, SessionView, decide},
    sql,
    topology::{RoleSetting, ServerId, ServerSettings, View},
};

use crate::{Case, texts::DIALECT};

/// A session that has a replica, one that has none yet, a statement that writes, one in a transaction.
pub fn cases() -> Vec<Case> {
    let free = SessionView::default();
    let reads = SessionView { preferred_replica: Some(ServerId(1)), ..free };
    let pinned = SessionView { pinned_to: Some(ServerId(0)), in_transaction: true, ..free };
    let read = "SELECT c FROM sbtest1 WHERE id=34567";
    vec![
        case("read", read, reads),
        case("first read", read, free),
        case("write", "UPDATE sbtest1 SET k=k+1 WHERE id=34567", reads),
        case("in a transaction", read, pinned),
        case("hint", "/* forebay: primary */ SELECT c FROM sbtest1 WHERE id=34567", reads),
    ]
}

fn case(what: &str, text: &'static str, session: SessionView) -> Case {
    let (facts, rules, view) = (sql::facts(text.as_bytes(), DIALECT), Rules::default(), view());
    let mut turn = 0;
    Case::new("decide", what, text.len(), move || {
        turn += 1;
        black_box(decide(black_box(&Question {
            facts: &facts,
            text: text.as_bytes(),
            user: "app",
            schema: Some(b"app"),
            dialect: DIALECT,
            client: None,
            application: &|| None,
            prepared: false,
            session,
            mentions_primary_only: false,
            rules: &rules,
            verdict: None,
            view: &view,
            consistency: Consistency::Session,
            hints_may_loosen: false,
            turn,
            load: &|_| 0,
        })));
    })
}

/// A primary and two replicas.
fn view() -> View {
    let settings = |(index, name): (usize, &str)| ServerSettings {
        name: name.to_owned(),
        address: Address::Tcp { host: "127.0.0.1".to_owned(), port: 3306 },
        role: if index == 0 { RoleSetting::Primary } else { RoleSetting::Replica },
        weight: 1,
        tags: Vec::new(),
    };
    View::assumed(&["primary", "replica1", "replica2"].into_iter().enumerate().map(settings).collect::<Vec<_>>())
}
