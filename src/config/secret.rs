//! Passwords: plain (mostly from the environment), from a file, or as a hash. No message ever quotes one.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use super::{
    error::{Findings, Position},
    form::{self, Form},
    section::{At, Section},
    yaml::Node,
};
use crate::auth::Secret;

/// A password file larger than this is none.
const MAX_FILE_BYTES: u64 = 4096;

/// Any text, the empty one too: a user may have no password.
pub const PASSWORD: Form<String> =
    Form { what: "a password", examples: "it in quotes, or `\"${NAME}\"`", parse: |text| Some(text.to_owned()) };

/// A secret where exactly one of `password`, `password_file`, `password_hash` is to be given. `None`: none is, or it is wrong (reported).
pub fn any(section: &Section<'_>) -> Option<Secret> {
    let plain = plain(section);
    let hash = section.node("password_hash").and_then(|_| hash(section));
    match (plain, hash) {
        (Some(_), Some(_)) => {
            section.error(section.place("password_hash"), both(section, "password_hash"));
            None
        }
        (Some(plain), None) => Some(Secret::Plain(plain.into_bytes())),
        (None, hash) => hash,
    }
}

/// A password where one of `password` and `password_file` is to be given.
pub fn plain(section: &Section<'_>) -> Option<String> {
    let password = section.get_at("password", &PASSWORD);
    let file = section.get_at("password_file", &form::TEXT);
    match (password, file) {
        (Some(_), Some(file)) => {
            section.error(file.at, both(section, "password_file"));
            None
        }
        (Some(password), None) => {
            section.node("password").inspect(|node| warn_of_plain_text(section.findings(), node));
            Some(password.value)
        }
        (None, Some(file)) => from_file(section, &file),
        (None, None) => None,
    }
}

/// Whether one of `keys` is given, right or wrong.
pub fn given(section: &Section<'_>, keys: &[&'static str]) -> bool {
    keys.iter().any(|key| section.node(key).is_some())
}

fn both(section: &Section<'_>, second: &str) -> String {
    let first = if section.node("password").is_some() { "password" } else { "password_file" };
    format!(
        "`{}` and `{second}` say the same thing twice: keep one of them (for two valid passwords: `passwords: […]`)",
        section.path_of(first)
    )
}

fn hash(section: &Section<'_>) -> Option<Secret> {
    let text = section.get_at("password_hash", &form::TEXT)?;
    let wrong = |message: String| section.error(text.at, format!("`{}`: {message}", section.path_of("password_hash")));
    Secret::from_hash(&text.value).map_err(wrong).ok()
}

fn from_file(section: &Section<'_>, file: &At<String>) -> Option<String> {
    let path = beside(section.findings().file(), &file.value);
    section.findings().note_file(&path);
    match read_file(&path) {
        Ok(password) => {
            warn_if_world_readable(section, file.at, &path);
            Some(password)
        }
        Err(why) => {
            section.error(file.at, format!("`{}`: {}: {why}", section.path_of("password_file"), path.display()));
            None
        }
    }
}

/// The first line; what an editor appends is no part of it.
fn read_file(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| why(&error))?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| why(&error))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    match () {
        () if text.len() as u64 > MAX_FILE_BYTES => Err("too long for a password (4096 bytes)".into()),
        () if password.contains('\n') => Err("more than one line: a password file holds the password alone".into()),
        () if password.is_empty() => Err("empty: write the password into it".into()),
        () => Ok(password.to_owned()),
    }
}

/// Why a file can't be read, without the system's numbers.
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "not readable for this user".into(),
        io::ErrorKind::IsADirectory => "a folder, not a file".into(),
        io::ErrorKind::InvalidData => "not UTF-8 text".into(),
        _ => error.to_string(),
    }
}

/// A path from the configuration is relative to the file that names it.
pub fn beside(file: &Path, path: impl AsRef<Path>) -> std::path::PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

/// A password that stands in a file which everybody can read is worth a word.
pub fn warn_of_plain_text(findings: &Findings, password: &Node) {
    if !password.from_environment && is_world_readable(findings.file()) {
        findings.warning(
            Some(password.at),
            "a password in plain text, and everybody on this machine can read the file: use `\"${NAME}\"`, `password_file`, \
             or `chmod o-r`",
        );
    }
}

/// Containers mount their secrets readable for all below /run/secrets: nobody else is in there.
fn warn_if_world_readable(section: &Section<'_>, at: Position, path: &Path) {
    if !path.starts_with("/run/secrets") && is_world_readable(path) {
        section
            .findings()
            .warning(Some(at), format!("everybody on this machine can read {}: `chmod o-r` it", path.display()));
    }
}

fn is_world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
