//! The same session on a direct connection and through Forebay: every packet that a client sees must be the same.
//!
//! Generated cases are known by their seed. `FOREBAY_SEEDS=100..200` runs those instead of the usual few. One that fails
//! is made smaller and written to `target/differential`; kept under `tests/cases`, it is run every time.

mod case;
mod compare;
mod disturbance;
mod generate;
mod pools;
pub mod random;
mod side;

use std::{ops::Range, path::Path};

use case::Case;
use compare::{Arena, Difference};
use disturbance::Disturbance;

use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    paths,
};

both!(
    generated_sessions,
    kept_cases,
    generated_sessions_that_share,
    kept_cases_that_share,
    generated_sessions_over_one_connection,
    generated_sessions_over_two_connections,
    generated_sessions_over_four_connections,
    generated_sessions_from_memory,
    kept_cases_from_memory,
);

/// Seeds of every run.
const SEEDS: Range<u64> = 0..20;

/// The same for pools of a few connections: others' seeds, since the cases are nearly the same.
const FEW_SEEDS: Range<u64> = 100..104;

/// The same for answers from memory.
const CACHED_SEEDS: Range<u64> = 0..12;

/// Cases that hold only on a connection that the session keeps: metadata of a statement that is prepared anew under
/// settings that have changed since, or of which a server tells that it has prepared it anew itself, or what it has derived
/// from types bound before.
const NOT_SHARED: [&str; 3] = ["prepared-metadata.txt", "prepared-rebound.txt", "prepared-long-data.txt"];

/// So many failing seeds are told of at once; `FOREBAY_FAILURES` says otherwise.
const ENOUGH: usize = 4;

fn generated_sessions(bed: &Bed) {
    generated(&arena(bed, "gen"), "", SEEDS, |seed| generate::case(bed.kind, seed));
}

fn kept_cases(bed: &Bed) {
    kept(bed, &arena(bed, "kept"), |_| true);
}

/// Over connections that go from hand to hand after every statement, among others' who change them as they like.
fn generated_sessions_that_share(bed: &Bed) {
    Disturbance::during(&bed.sharing_forebay(), || {
        generated(&sharing(bed, "genshare"), "sharing-", SEEDS, |seed| generate::case(bed.kind, seed));
    });
}

/// What the kept cases ask about others have pushed off the only connection.
fn generated_sessions_over_one_connection(bed: &Bed) {
    let arena = Arena { other: bed.few_forebay(1), ..arena(bed, "kept1") };
    kept(bed, &arena, |name| name.contains("diagnostics") && name != "prepared-diagnostics.txt");
    over(bed, 1);
}

fn generated_sessions_over_two_connections(bed: &Bed) {
    over(bed, 2);
}

fn generated_sessions_over_four_connections(bed: &Bed) {
    over(bed, 4);
}

/// Three sessions by turns over so few connections to each server. Nobody else is there: when others wait, a session
/// may lose its warnings (docs/differences.md).
fn over(bed: &Bed, connections: usize) {
    let arena = Arena { other: bed.few_forebay(connections), ..arena(bed, &format!("over{connections}")) };
    let prefix = format!("over-{connections}-");
    // One is left for whose turn it is.
    generated(&arena, &prefix, FEW_SEEDS, |seed| generate::case_with_keepers(bed.kind, seed, connections - 1));
}

/// Where reads are answered from memory whenever they may be.
fn generated_sessions_from_memory(bed: &Bed) {
    let arena = Arena { other: bed.caching_forebay(), ..arena(bed, "gencached") };
    generated(&arena, "cached-", CACHED_SEEDS, |seed| generate::case(bed.kind, seed));
}

fn kept_cases_from_memory(bed: &Bed) {
    kept(bed, &Arena { other: bed.caching_forebay(), ..arena(bed, "keptcached") }, |name| !NOT_SHARED.contains(&name));
}

fn kept_cases_that_share(bed: &Bed) {
    Disturbance::during(&bed.sharing_forebay(), || {
        kept(bed, &sharing(bed, "keptshare"), |name| !NOT_SHARED.contains(&name))
    });
}

fn generated(arena: &Arena<'_>, prefix: &str, usual: Range<u64>, case: impl Fn(u64) -> Case) {
    let enough =
        std::env::var("FOREBAY_FAILURES").map_or(ENOUGH, |text| text.parse().expect("FOREBAY_FAILURES=number"));
    let mut failed = Vec::new();
    for seed in seeds(usual) {
        let case = case(seed);
        let Some(found) = arena.run(&case) else { continue };
        let (smaller, again) = arena.shrink(&case, &found);
        let name = format!("{prefix}{}-{seed}.txt", arena.cluster.kind.name());
        let dir = paths::repo().join("target/differential");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(&name), smaller.to_string()).unwrap();
        let found = describe(&format!("seed {seed}, target/differential/{name}"), &again.unwrap_or(found));
        failed.push(format!("{found}\n{smaller}"));
        if failed.len() == enough {
            break;
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn kept(bed: &Bed, arena: &Arena<'_>, wanted: impl Fn(&str) -> bool) {
    let mut failed = Vec::new();
    for (name, case) in cases() {
        if case.kind.is_none_or(|kind| kind == bed.kind) && wanted(&name) {
            failed.extend(arena.run(&case).map(|found| describe(&name, &found)));
        }
    }
    assert!(failed.is_empty(), "{} cases differ:\n{}", failed.len(), failed.join("\n"));
}

/// The text form of a case says all of it.
#[test]
fn cases_read_and_print_the_same() {
    for kind in Kind::BOTH {
        for case in [generate::case(kind, 1), generate::case_with_keepers(kind, 1, 0)] {
            assert_eq!(Case::parse(&case.to_string()), case);
        }
    }
}

fn arena<'a>(bed: &'a Bed, name: &str) -> Arena<'a> {
    Arena { cluster: bed.cluster, direct: bed.direct(), other: bed.forebay(), name: name.to_owned() }
}

fn sharing<'a>(bed: &'a Bed, name: &str) -> Arena<'a> {
    Arena { other: bed.sharing_forebay(), ..arena(bed, name) }
}

fn cases() -> Vec<(String, Case)> {
    let files = std::fs::read_dir(paths::tests("cases")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = |path: &Path| Case::parse(&std::fs::read_to_string(path).unwrap());
    files.iter().map(|path| (name(path), read(path))).collect()
}

fn seeds(usual: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("FOREBAY_SEEDS") else { return usual };
    let (from, to) = text.split_once("..").expect("FOREBAY_SEEDS=from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

fn describe(name: &str, found: &Difference) -> String {
    let Difference { at, step, direct, other } = found;
    format!("{name} differs at step {at}: {} {}\ndirect:\n{direct}forebay:\n{other}", step.client, step.op)
}
