//! The same session on a direct connection and through Forebay: every packet that a client sees must be the same.
//!
//! Generated cases are known by their seed. `FOREBAY_SEEDS=100..200` runs those instead of the usual few. One that fails
//! is made smaller and written to `target/differential`; kept under `tests/cases`, it is run every time.

mod case;
mod compare;
mod generate;
mod pools;
mod random;
mod side;

use std::ops::Range;

use case::Case;
use compare::{Arena, Difference};

use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    paths,
};

both!(generated_sessions, kept_cases);

/// Seeds of every run.
const SEEDS: Range<u64> = 0..12;

fn generated_sessions(bed: &Bed) {
    let arena = arena(bed, "gen");
    for seed in seeds() {
        let case = generate::case(bed.kind, seed);
        let Some(found) = arena.run(&case) else { continue };
        let (smaller, again) = arena.shrink(&case, &found);
        let name = format!("{}-{seed}.txt", bed.kind.name());
        let dir = paths::repo().join("target/differential");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(&name), smaller.to_string()).unwrap();
        report(&format!("seed {seed} (target/differential/{name})"), &smaller, &again.unwrap_or(found));
    }
}

fn kept_cases(bed: &Bed) {
    let arena = arena(bed, "kept");
    for (name, case) in cases() {
        if case.kind.is_none_or(|kind| kind == bed.kind) {
            if let Some(found) = arena.run(&case) {
                report(&name, &case, &found);
            }
        }
    }
}

/// The text form of a case says all of it.
#[test]
fn cases_read_and_print_the_same() {
    for kind in Kind::BOTH {
        let case = generate::case(kind, 1);
        assert_eq!(Case::parse(&case.to_string()), case);
    }
}

fn arena<'a>(bed: &'a Bed, name: &str) -> Arena<'a> {
    Arena { cluster: bed.cluster, direct: bed.direct(), other: bed.forebay(), name: name.to_owned() }
}

fn cases() -> Vec<(String, Case)> {
    let files = std::fs::read_dir(paths::tests("cases")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| Case::parse(&std::fs::read_to_string(path).unwrap());
    files.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("FOREBAY_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").expect("FOREBAY_SEEDS=from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

fn report(name: &str, case: &Case, found: &Difference) -> ! {
    let Difference { at, step, direct, other } = found;
    panic!("{name} differs at step {at}: {} {}\ndirect:\n{direct}forebay:\n{other}\n{case}", step.client, step.op)
}
