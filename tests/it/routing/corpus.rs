//! The corpus file: see its head for the form.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::{cluster::Kind, escape, paths};

pub struct Corpus {
    pub sections: Vec<Section>,
    pub entries: Vec<Entry>,
}

#[derive(Default)]
pub struct Section {
    pub title: String,
    pub only: Option<String>,
    /// Statements, and whether each succeeds.
    pub setup: Vec<(String, bool)>,
}

pub struct Entry {
    pub section: usize,
    pub target: String,
    pub text: String,
}

impl Corpus {
    /// The entries for a kind.
    pub fn read(kind: Kind) -> Corpus {
        let text = std::fs::read_to_string(paths::tests("routing.txt")).unwrap();
        let mut corpus = Corpus { sections: Vec::new(), entries: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ") && *line != "#") {
            let (word, rest) = line.split_once(' ').expect(line);
            if word == "##" {
                corpus.sections.push(Section { title: rest.to_owned(), ..Section::default() });
                continue;
            }
            let section = corpus.sections.len() - 1;
            match word {
                "only" => corpus.sections[section].only = Some(rest.to_owned()),
                "setup" => corpus.sections[section].setup.push((rest.to_owned(), true)),
                "setup-fails" => corpus.sections[section].setup.push((rest.to_owned(), false)),
                target => corpus.entries.push(Entry { section, target: target.to_owned(), text: rest.to_owned() }),
            }
        }
        let sections = &corpus.sections;
        corpus.entries.retain(|entry| sections[entry.section].only.as_ref().is_none_or(|only| only == kind.name()));
        corpus
    }

    /// The section's title of an entry.
    pub fn title(&self, entry: &Entry) -> &str {
        &self.sections[entry.section].title
    }
}

/// Where a statement wants the tag.
const PLACE: &str = "{TAG}";

impl Entry {
    /// The statement's bytes, with the tag where it wants it, else in a comment in front.
    pub fn tagged(&self, tag: &str) -> Vec<u8> {
        let text = self.text.trim_start();
        let tagged = if text.contains(PLACE) { text.replace(PLACE, tag) } else { format!("/* {tag} */{text}") };
        escape::bytes(&tagged)
    }

    pub fn is_write(&self) -> bool {
        self.target == "primary"
    }
}

/// The tests of a kind take turns: they share a database and the logs.
pub fn turn(kind: Kind) -> MutexGuard<'static, ()> {
    static TURNS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
    TURNS[kind.pick(0, 1)].lock().unwrap_or_else(PoisonError::into_inner)
}
