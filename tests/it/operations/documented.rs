//! `docs/operations.md` has every field of the log's lines and of the slow log's, and none that there is not.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::house;
use crate::support::{
    bed::{Bed, both},
    paths,
    process::eventually,
};

both!(the_slow_logs_fields);

/// The words in the first column of the table that has this word there.
fn documented(word: &str) -> BTreeSet<String> {
    let page = fs::read_to_string(paths::repo().join("docs/operations.md")).unwrap();
    let words = |table: &str| -> BTreeSet<String> {
        let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
        cells.flat_map(|cell| cell.split(", ")).map(|word| word.trim_matches('`').to_owned()).collect()
    };
    let found = page.split("\n\n").map(words).find(|words| words.contains(word));
    found.unwrap_or_else(|| panic!("no table has `{word}`"))
}

fn the_slow_logs_fields(bed: &Bed) {
    let house = house(bed, "slow_log: {file: slow.log, threshold: 0s}\n", "");
    house.client().ok("SELECT 1");
    let file = || fs::read_to_string(house.forebay.dir.join("slow.log")).unwrap_or_default();
    eventually("it is written", || file().ends_with('\n'));
    let entry: serde_json::Value = serde_json::from_str(file().lines().next().unwrap()).unwrap();
    let keys: BTreeSet<String> = entry.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, documented("on_server_us"));
}

#[test]
fn the_logs_fields() {
    let mut fields = BTreeSet::new();
    for file in sources(&paths::repo().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for level in ["info", "warn", "error"] {
            for rest in code.split(&format!("tracing::{level}!(")).skip(1) {
                fields.extend(fields_of(rest));
            }
        }
    }
    assert_eq!(fields, documented("unsaid"), "left: in src; right: in docs/operations.md");
}

/// What stands before an event's message, by name.
fn fields_of(arguments: &str) -> Vec<String> {
    let (mut fields, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, sign) in arguments.char_indices() {
        let part = arguments[begin..at].trim();
        match sign {
            '"' if part.is_empty() => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                // `target:` is no field.
                let name = part.split(" = ").next().unwrap().trim_start_matches(['%', '?']);
                fields.extend((!name.contains(':')).then(|| name.to_owned()));
                begin = at + 1;
            }
            _ => {}
        }
    }
    fields
}

#[test]
fn fields_are_found_in_every_form() {
    let found = fields_of(r#"target: "audit", %peer, ?age, user = %name(a, "b"), on = [1, 2][0], "said {}", x"#);
    assert_eq!(found, ["peer", "age", "user", "on"]);
    assert_eq!(fields_of("\n    \"nothing, but\")"), Vec::<String>::new());
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    };
    let is_code = |path: &PathBuf| path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs");
    entries.flat_map(of).filter(is_code).collect()
}
