//! The arrows of the house: which room may import which. Read from every `crate::` in `src/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Room → rooms it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("auth", &["wire"]),
    ("sql", &[]),
    ("session", &["wire", "sql"]),
    ("net", &["wire"]),
    // The servers' greeting and flavor are part of the view.
    ("topology", &["wire", "sql", "net"]),
    ("routing", &["sql", "session", "topology"]),
    ("pool", &["wire", "auth", "sql", "session", "net", "topology"]),
    ("cache", &["wire", "sql", "topology"]),
    ("telemetry", &[]),
    ("proxy", &["wire", "auth", "sql", "session", "net", "topology", "routing", "pool", "cache", "telemetry"]),
    ("config", &["auth", "net", "sql", "topology", "routing", "pool", "cache", "proxy", "telemetry"]),
    ("admin", &["wire", "auth", "sql", "net", "topology", "routing", "pool", "cache", "telemetry", "proxy", "config"]),
    ("cli", &["admin", "cache", "config", "proxy", "topology", "routing", "telemetry", "net", "auth", "sql"]),
    // The list of fuzz targets: none of the program.
    ("fuzz", &["wire", "auth", "sql", "session", "net", "topology", "proxy", "config"]),
];

/// Rooms without sockets, tasks, clocks or globals.
const PURE: &[&str] = &["wire", "auth", "sql", "session", "routing"];

#[test]
fn imports_follow_the_arrows() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, file, text) in sources() {
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{}: the room `{room}` is not on the plan", file.display()));
            continue;
        };
        for import in imports(&text) {
            if import != room && !may.contains(&import.as_str()) {
                wrong.push(format!("{}: `{room}` must not import `{import}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_stay_pure() {
    const IMPURE: &[&str] = &["tokio::", "std::net::Tcp", "SystemTime::now", "Instant::now", "std::fs", "std::env"];
    let mut wrong = Vec::new();
    for (room, file, text) in sources().into_iter().filter(|(room, file, _)| {
        PURE.contains(&room.as_str())
            && !file.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
    }) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for needle in IMPURE.iter().filter(|needle| code.contains(**needle)) {
            wrong.push(format!("{}: `{needle}` in the pure room `{room}`", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_parser_sees_every_form() {
    let text =
        "use crate::wire::ok;\nuse crate::{\n    auth::{User, x::{y}},\n    sql,\n};\nlet a = crate::net::Stream;";
    let seen: Vec<_> = imports(text).into_iter().collect();
    assert_eq!(seen, ["auth", "net", "sql", "wire"]);
}

/// Every file of the house: its room, its path, its text.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let room = inside.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
                // Test helpers may reach further.
                if room != "lib" && room != "main" && !inside.ends_with("testing.rs") {
                    found.push((room, inside.to_path_buf(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    found
}

/// The rooms that a text names behind `crate::`, alone or in braces, outside comments.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => rooms.extend(top_level(list)),
            None => drop(rooms.insert(word(after))),
        }
    }
    rooms
}

/// The first words of a braced list, not of the lists inside it.
fn top_level(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if depth == 0 && fresh && character.is_alphabetic() => {
                names.push(word(&list[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}
