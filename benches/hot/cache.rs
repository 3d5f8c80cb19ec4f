//! Answers from memory: one that is there, and what a miss costs beside the way to a server.

use std::{hint::black_box, sync::Arc, time::Duration};

use forebay::{
    cache::{
        Dependencies, Found, Need, Reply, Settings, Store,
        dependencies::Definitions,
        key::KeyWriter,
        store::{New, Policy},
        tables,
    },
    topology::Position,
};

use crate::{Case, replies, texts::DIALECT};

const POLICY: Policy = Policy::lasting(Duration::from_secs(600));

pub fn cases() -> Vec<Case> {
    let (store, reply) = (store(), replies::one_row());
    let hit = {
        let (store, reply) = (Arc::clone(&store), reply.clone());
        take(&store, 0, &reply);
        move || assert!(matches!(store.find(black_box(key(0).as_bytes()), &POLICY, false), Found::Hit(_)))
    };
    let mut turn = 1;
    let miss = move || {
        turn += 1;
        take(&store, black_box(turn), &reply);
    };
    vec![Case::new("cache", "hit", 0, hit), Case::new("cache", "miss", 0, miss)]
}

/// Full after some thousands of answers, as one in use is.
fn store() -> Arc<Store> {
    let store = Store::default();
    store.apply(Settings { max_bytes: 8 << 20, ..Settings::default() }, true);
    store.reach(Dependencies::of(&Definitions::default(), DIALECT));
    store.learn(0);
    store.place(store.wants_place().unwrap(), &Need::default());
    Arc::new(store)
}

fn text(id: u64) -> Vec<u8> {
    format!("SELECT c FROM sbtest1 WHERE id={id}").into_bytes()
}

fn key(id: u64) -> KeyWriter {
    let mut key = KeyWriter::default();
    key.number(7).number(0).bytes(&text(id));
    key
}

/// Looks for an answer in vain, and keeps the one that a server has sent.
fn take(store: &Arc<Store>, id: u64, reply: &[u8]) {
    let Found::Miss(mut fill) = store.find(key(id).as_bytes(), &POLICY, false) else { panic!("there is none") };
    let slots = tables::sorted(tables::read_by(&text(id), Some(b"sbtest"), DIALECT).unwrap());
    fill.depends_on(slots, store.figures("points")).unwrap();
    let new = New {
        reply: Reply::of(reply.to_vec(), replies::CAPABILITIES),
        rule: "points".into(),
        digest: 1,
        cost: Duration::from_micros(200),
        position: Position::default(),
    };
    assert!(fill.keep(new, &POLICY, 1.0).is_some());
}
