//! What is wrong with a configuration: always with the file and, where there is one, the place in it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A place in a file; line and column count characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One thing that is wrong (or, as a warning, doubtful), said so that the reader knows what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The file, as it was named to us.
    pub file: Arc<Path>,
    /// Where in the file; `None` when the file as a whole is meant (it can't be read).
    pub position: Option<Position>,
    /// What is wrong and what would be right. Never contains a secret.
    pub message: String,
}

impl fmt::Display for ConfigError {
    /// `config.yaml:3:5: message`, the form that editors and terminals make clickable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// Everything that is wrong with a configuration, in the order of the files. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// Something about a file as a whole.
    pub fn of_file(file: &Path, message: String) -> ConfigErrors {
        ConfigErrors(vec![ConfigError { file: file.into(), position: None, message }])
    }
}

impl fmt::Display for ConfigErrors {
    /// One error a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// What a key takes, as its reader says. All at once is possible: an address, or a group with one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Takes {
    /// One value: what would be right, in words, and the words that are right if it is one of a few.
    pub scalar: Option<(String, Vec<&'static str>)>,
    /// A list.
    pub list: bool,
    /// What a list has as items, without a list around it.
    pub single: bool,
    /// A group of keys.
    pub group: bool,
}

/// Collects what is found wrong in one file, so that a reader learns of everything at once.
#[derive(Debug)]
pub struct Findings {
    file: Arc<Path>,
    errors: RefCell<Vec<ConfigError>>,
    warnings: RefCell<Vec<ConfigError>>,
    /// Files that belong to it.
    files: RefCell<Vec<PathBuf>>,
    /// Every key that a reader asked for, and what it takes there: the schema, and what documentation is held against.
    keys: RefCell<BTreeMap<String, Takes>>,
}

impl Findings {
    /// Nothing found yet in `file`.
    pub fn new(file: &Path) -> Self {
        Findings {
            file: file.into(),
            errors: RefCell::default(),
            warnings: RefCell::default(),
            files: RefCell::default(),
            keys: RefCell::default(),
        }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// An error at a place.
    pub fn error(&self, at: Position, message: impl Into<String>) {
        self.errors.borrow_mut().push(self.finding(Some(at), message.into()));
    }

    /// An error of the file as a whole.
    pub fn file_error(&self, message: impl Into<String>) {
        self.errors.borrow_mut().push(self.finding(None, message.into()));
    }

    /// Something that works but is probably not meant.
    pub fn warning(&self, at: Option<Position>, message: impl Into<String>) {
        self.warnings.borrow_mut().push(self.finding(at, message.into()));
    }

    /// A file that the file names: when it changes, so does what is said.
    pub fn note_file(&self, path: &Path) {
        self.files.borrow_mut().push(path.to_owned());
    }

    /// The files noted so far.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.borrow().clone()
    }

    /// Whether an error was found so far.
    pub fn has_errors(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// How many errors were found so far: whether a step reported something is seen from the difference.
    pub fn error_count(&self) -> usize {
        self.errors.borrow().len()
    }

    /// Errors and warnings, each in the file's order.
    pub fn into_parts(self) -> (Vec<ConfigError>, Vec<ConfigError>) {
        let (mut errors, mut warnings) = (self.errors.into_inner(), self.warnings.into_inner());
        errors.sort();
        errors.dedup();
        warnings.sort();
        (errors, warnings)
    }

    /// A key that was asked for, by its path (`servers[].address`; a list's items end with `[]`), and what it takes.
    pub fn note_key(&self, path: String, note: impl FnOnce(&mut Takes)) {
        note(self.keys.borrow_mut().entry(path).or_default());
    }

    /// All keys that were asked for.
    pub fn keys(&self) -> BTreeMap<String, Takes> {
        self.keys.borrow().clone()
    }

    fn finding(&self, position: Option<Position>, message: String) -> ConfigError {
        ConfigError { file: self.file.clone(), position, message }
    }
}
