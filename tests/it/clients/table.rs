//! The table in docs/clients.md and the tests it names: neither without the other.

use std::{collections::BTreeSet, fs};

use crate::support::paths;

#[test]
fn every_row_names_a_test_and_every_test_has_a_row() {
    let rows: BTreeSet<String> = rows().into_iter().map(|row| row.test).collect();
    let tests = tests();
    assert!(tests.len() > 30, "the tests are not found any more: {tests:?}");
    let missing: Vec<_> = rows.difference(&tests).collect();
    assert!(missing.is_empty(), "docs/clients.md names tests that do not exist: {missing:?}");
    let untold: Vec<_> = tests.difference(&rows).collect();
    assert!(untold.is_empty(), "docs/clients.md lacks rows for {untold:?}");
}

#[test]
fn versions_are_those_that_are_installed() {
    let pins = fs::read_to_string(paths::tests("clients/python/requirements.txt")).unwrap();
    let node = fs::read_to_string(paths::tests("clients/node/package.json")).unwrap();
    let cargo = fs::read_to_string(paths::tests("clients/rust/Cargo.lock")).unwrap();
    let crates = fs::read_to_string(paths::repo().join("Cargo.lock")).unwrap();
    let known = |name: &str, version: &str| {
        pins.contains(&format!("{name}=={version}\n"))
            || node.contains(&format!("\"{name}\": \"{version}\""))
            || [&cargo, &crates]
                .iter()
                .any(|lock| lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")))
    };
    let mut pinned = 0;
    for row in rows() {
        // What comes from Debian is as new as Debian has it.
        for part in row.version.split(", ").filter(|part| !part.starts_with("Debian")) {
            let (name, version) =
                part.rsplit_once(' ').unwrap_or_else(|| panic!("`name version` in {}: {part}", row.test));
            assert!(known(name, version), "{}: {part} is not what the tests install", row.test);
            pinned += 1;
        }
    }
    assert!(pinned > 15, "only {pinned} versions found");
}

/// One line of the table.
struct Row {
    version: String,
    /// `module::function`.
    test: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(paths::repo().join("docs/clients.md")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("| ") && line.contains("::"));
    lines
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 9, "{line}");
            Row { version: cells[1].to_owned(), test: cells[8].trim_matches('`').to_owned() }
        })
        .collect()
}

/// What stands in `both!(…)` of this folder's files.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(paths::tests("it/clients")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let Some((_, names)) = text.split_once("\nboth!(") else { continue };
        let (names, _) = names.split_once(");").unwrap();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        found.extend(names.map(|name| format!("{module}::{name}")));
    }
    found
}
