//! The parts of a statement's way that are Forebay's own, one by one and without a server.
//!
//! `cargo bench` times them. With `FOREBAY_BENCH_CASE=facts/point` the binary only runs that case, `FOREBAY_BENCH_TIMES`
//! times and silently, for a tool that counts instructions: `benches/instructions.py`; `FOREBAY_BENCH_CASE=list` names all.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "benches: a panic is the message"
)]

mod cache;
mod decisions;
mod digests;
mod meters;
mod relays;
mod replies;
mod texts;

use divan::{Bencher, counter::BytesCount};

fn main() {
    match std::env::var("FOREBAY_BENCH_CASE") {
        Err(_) => divan::main(),
        Ok(list) if list == "list" => names("").iter().for_each(|name| println!("{name}")),
        Ok(name) => {
            let times = std::env::var("FOREBAY_BENCH_TIMES").map_or(1, |times| times.parse().expect("a number"));
            let mut case = find(&name);
            (0..times).for_each(|_| (case.run)());
        }
    }
}

/// Something to be done again and again.
struct Case {
    /// `group/what`.
    name: String,
    /// How much text or reply it goes through.
    bytes: usize,
    run: Box<dyn FnMut()>,
}

impl Case {
    fn new(group: &str, what: &str, bytes: usize, run: impl FnMut() + 'static) -> Case {
        Case { name: format!("{group}/{what}"), bytes, run: Box::new(run) }
    }
}

fn cases() -> Vec<Case> {
    [
        texts::cases(),
        cache::cases(),
        decisions::cases(),
        digests::cases(),
        meters::cases(),
        replies::cases(),
        relays::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names(group: &str) -> Vec<String> {
    cases().into_iter().map(|case| case.name).filter(|name| name.starts_with(group)).collect()
}

fn find(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case is called {name}"))
}

/// One that is timed together with how much it gets through in a second.
fn per_byte(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = find(name);
    bencher.counter(BytesCount::new(case.bytes)).bench_local(move || (case.run)());
}

#[divan::bench(args = names("lexer"))]
fn lexer(bencher: Bencher<'_, '_>, name: &str) {
    per_byte(bencher, name);
}

#[divan::bench(args = names("facts"))]
fn facts(bencher: Bencher<'_, '_>, name: &str) {
    per_byte(bencher, name);
}

#[divan::bench(args = names("decide"))]
fn decide(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = find(name);
    bencher.bench_local(move || (case.run)());
}

#[divan::bench(args = names("cache"))]
fn cache(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = find(name);
    bencher.bench_local(move || (case.run)());
}

#[divan::bench(args = names("digests"))]
fn digests(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = find(name);
    bencher.bench_local(move || (case.run)());
}

#[divan::bench(args = names("meters"))]
fn meters(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = find(name);
    bencher.bench_local(move || (case.run)());
}

#[divan::bench(args = names("track"))]
fn track(bencher: Bencher<'_, '_>, name: &str) {
    per_byte(bencher, name);
}

#[divan::bench(args = names("relay"))]
fn relay(bencher: Bencher<'_, '_>, name: &str) {
    per_byte(bencher, name);
}
