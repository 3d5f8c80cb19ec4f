//! The statements of `tests/corpus`: what each of them is.
use super::*;
use crate::sql::fuzz::check_template;

/// A line of the corpus.
pub(super) struct Case {
    pub(super) place: String,
    pub(super) text: Vec<u8>,
    pub(super) dialects: Vec<Dialect>,
    class: String,
    kind: String,
    effects: Effects,
}

pub(super) fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The routing corpus is for the servers to judge, and has a form of its own.
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt") && !path.ends_with("routing.txt"));
    files.sort();
    files.iter().flat_map(|path| file(path)).collect()
}

fn file(path: &std::path::Path) -> Vec<Case> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let content = std::fs::read_to_string(path).unwrap();
    let mut dialects = vec![MYSQL, MARIADB];
    let mut cases = Vec::new();
    for (number, line) in content.lines().enumerate() {
        if let Some(words) = line.strip_prefix("# dialect:") {
            dialects = dialects_of(words);
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            cases.push(case(format!("{name}:{}: {line}", number + 1), line, &dialects));
        }
    }
    cases
}

fn case(place: String, line: &str, dialects: &[Dialect]) -> Case {
    let (head, text) = line.split_once(" |").unwrap_or_else(|| panic!("no statement: {place}"));
    let [class, kind, effects] = head.split(' ').collect::<Vec<_>>()[..] else { panic!("three words: {place}") };
    let effects = effects
        .split(',')
        .filter(|name| *name != "-")
        .map(|name| Effects::from_name(name).unwrap_or_else(|| panic!("no such effect {name}: {place}")));
    let text = text.strip_prefix(' ').unwrap_or(text).replace("{LF}", "\n").replace("{NUL}", "\0");
    let text = text.split("{NBSP}").map(str::as_bytes).collect::<Vec<_>>().join(&0xa0);
    Case {
        text,
        dialects: dialects.to_vec(),
        class: class.into(),
        kind: kind.into(),
        effects: effects.collect(),
        place,
    }
}

fn dialects_of(words: &str) -> Vec<Dialect> {
    let mut dialects = Vec::new();
    for word in words.split_whitespace() {
        match word {
            "both" => dialects = vec![MYSQL, MARIADB],
            "mysql" => dialects = vec![MYSQL],
            "mariadb" => dialects = vec![MARIADB],
            "ansi_quotes" => dialects.iter_mut().for_each(|dialect| dialect.ansi_quotes = true),
            "no_backslash_escapes" => dialects.iter_mut().for_each(|dialect| dialect.no_backslash_escapes = true),
            "ignore_space" => dialects.iter_mut().for_each(|dialect| dialect.ignore_space = true),
            "ascii_in_multibyte" => dialects.iter_mut().for_each(|dialect| dialect.ascii_in_multibyte = true),
            "multi_statements" => dialects.iter_mut().for_each(|dialect| dialect.multi_statements = true),
            other => panic!("no such dialect: {other}"),
        }
    }
    dialects
}

fn class(facts: &Facts) -> &'static str {
    let bound = Effects::USER_VARIABLE
        | Effects::LAST_INSERT_ID
        | Effects::LAST_STATEMENT
        | Effects::CALC_FOUND_ROWS
        | Effects::USER_LOCK
        | Effects::SERVER_STATE
        | Effects::HOST_DEPENDENT
        | Effects::SESSION_TRACK
        | Effects::RAND;
    match facts.effects {
        effects if effects.contains(Effects::WRITE) => "write",
        effects if effects.intersects(bound) => "bound",
        _ => "read",
    }
}

#[test]
fn every_statement_is_what_the_corpus_says() {
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        for dialect in &case.dialects {
            let facts = facts(&case.text, *dialect);
            let found = (class(&facts), format!("{:?}", facts.kind));
            let missing = case.effects - facts.effects;
            if found != (&case.class, case.kind.clone()) || !missing.is_empty() {
                wrong.push(format!("{}\n    {:?}: {found:?} {:?}", case.place, dialect.flavor, facts.effects));
            }
        }
    }
    assert!(cases.len() > 400, "{} statements", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn plain_reads_have_no_other_effect_than_their_line_says() {
    let quiet = Effects::NOT_DETERMINISTIC | Effects::CURRENT_TIME | Effects::SYSTEM_VARIABLE;
    for case in cases().iter().filter(|case| case.class == "read") {
        for dialect in &case.dialects {
            let more = facts(&case.text, *dialect).effects - case.effects - quiet;
            assert!(more.is_empty(), "{more:?}: {}", case.place);
        }
    }
}

#[test]
fn digest_is_the_hash_of_the_fingerprint() {
    for case in cases() {
        for dialect in case.dialects {
            let text = fingerprint::fingerprint(&case.text, dialect, usize::MAX);
            let digest = twox_hash::XxHash3_64::oneshot(&text);
            assert_eq!(facts(&case.text, dialect).digest, digest, "{}", case.place);
        }
    }
}

#[test]
fn other_literals_make_no_other_facts() {
    for case in cases() {
        for dialect in &case.dialects {
            check_template(&case.text, *dialect);
        }
    }
}
