//! The rooms of the house and the arrows between them: `crate::room` may be written in a room only if it stands below.
//! What is pure holds no socket, no task and no clock.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::support::paths;

/// Each room and what it may know, as the map in `lib.rs` has it.
const ROOMS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("auth", &["wire"]),
    ("sql", &[]),
    ("session", &["wire", "sql"]),
    ("net", &["wire"]),
    ("topology", &["wire", "sql", "net"]),
    ("routing", &["sql", "session", "topology"]),
    ("pool", &["wire", "auth", "sql", "session", "net", "topology"]),
    ("telemetry", &[]),
    ("proxy", &["wire", "auth", "sql", "session", "net", "topology", "routing", "pool", "telemetry"]),
    ("config", &["auth", "sql", "net", "topology", "routing", "proxy", "telemetry"]),
    ("cli", &["wire", "auth", "sql", "net", "topology", "routing", "proxy", "config", "telemetry"]),
];

const PURE: &[&str] = &["wire", "auth", "sql", "session", "routing"];

#[test]
fn arrows_point_one_way() {
    let mut wrong = Vec::new();
    for (room, below) in ROOMS {
        for (file, code) in sources(room) {
            for other in rooms_named(&code) {
                if other != *room && !below.contains(&other.as_str()) {
                    wrong.push(format!("{}: {room} must not know {other}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let src = std::fs::read_dir(paths::repo().join("src")).unwrap().map(|entry| entry.unwrap());
    let rooms = src.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    let map: BTreeSet<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms.collect::<BTreeSet<_>>(), map);
}

#[test]
fn pure_rooms_do_not_wait() {
    for room in PURE {
        for (file, code) in sources(room) {
            for word in ["tokio::", "std::net::Tcp", "std::fs", "Instant::now", "SystemTime::now", "std::thread", "\nstatic "] {
                assert!(!code.contains(word), "{}: {word} in a pure room", file.display());
            }
        }
    }
}

#[test]
fn uses_are_read_in_every_form() {
    let code = "use crate::{\n    auth::{User, net::X}, // crate::no\n    wire,\n};\nuse crate::sql;\nlet x = crate::pool::new();";
    let found: Vec<_> = rooms_named(&without_comments(code)).into_iter().collect();
    assert_eq!(found, ["auth", "pool", "sql", "wire"]);
}

/// A room's files without comments and tests.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    walk(&paths::repo().join("src").join(room), &mut found);
    found
}

fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "tests" || name.ends_with("_tests") || name == "testing" {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let code = without_comments(&std::fs::read_to_string(&path).unwrap());
            // Tests stand last.
            let end = code.find("#[cfg(test)]\nmod ").unwrap_or(code.len());
            found.push((path, code[..end].to_owned()));
        }
    }
}

fn without_comments(code: &str) -> String {
    let line = |line: &str| line.split_once("//").map_or(line, |(code, _)| code).to_owned() + "\n";
    code.lines().map(line).collect()
}

/// The rooms in `crate::room` and `crate::{room, …}`.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(top_level(group)),
            None => rooms.extend([first_word(rest)]),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

/// The first words of a group's members.
fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut words) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                words.push(first_word(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    words
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
