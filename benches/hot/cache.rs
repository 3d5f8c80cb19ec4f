//! Answers from memory: one that is there, and what a miss costs beside the way to a server.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use forebay::{
    cache::{
        Dependencies, Found, Need, Reply, Settings, Store, Terms,
        dependencies::Definitions,
        key::KeyWriter,
        store::{New, Policy},
        tables,
    },
    sql::known::Known,
    topology::Position,
};

use crate::{Case, replies, texts::DIALECT};

const POLICY: Policy = Policy::lasting(Duration::from_secs(600));

pub fn cases() -> Vec<Case> {
    let (there, reply) = (Cached::new(), replies::one_row());
    there.take(0, &reply);
    let hit = move || assert!(matches!(there.find(black_box(0)), Found::Hit(_)));
    let (cached, mut turn) = (Cached::new(), 0);
    let miss = move || {
        turn += 1;
        cached.take(black_box(turn), &reply);
    };
    vec![Case::new("cache", "hit", 0, hit), Case::new("cache", "miss", 0, miss)]
}

/// A store, and what is known of the texts that are asked.
struct Cached {
    store: Arc<Store>,
    texts: Known,
    terms: Arc<Terms>,
}

impl Cached {
    fn new() -> Cached {
        let store = store();
        let terms = Arc::new(Terms::of(&store, &"points".into(), &[], POLICY));
        Cached { store, texts: Known::default(), terms }
    }

    fn find(&self, id: u64) -> Found {
        self.store.find(self.store.asked(&key(&text(id))), &POLICY, false, None)
    }

    /// Looks for an answer in vain, and keeps the one that a server has sent.
    fn take(&self, id: u64, reply: &[u8]) {
        let text = text(id);
        let facts = self.texts.facts(&text, DIALECT);
        let Found::Miss(fill) = self.find(id) else { panic!("there is none") };
        let reading = tables::Reading { schema: Some(b"sbtest"), dialect: DIALECT };
        let about = fill.depends_on(tables::read(&facts, &text, reading).unwrap(), &self.terms).unwrap();
        let reply = Reply::of(reply.to_vec(), replies::CAPABILITIES);
        let new = New { reply, digest: facts.digest, since: Instant::now(), had: None, must: &Position::default() };
        assert!(fill.keep(about, new).is_some());
    }
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

fn key(text: &[u8]) -> KeyWriter {
    let mut key = KeyWriter::default();
    key.number(7).number(0).bytes(text);
    key
}
