//! `users`: who may log in through Forebay.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    error::{Findings, Position},
    form::{self, Form},
    secret,
    section::{At, Section},
    serving::CONSISTENCY,
    yaml::{Node, Value},
};
use crate::{
    auth::{Secret, User},
    routing::Consistency,
};

/// MySQL's limit is 32 characters, MariaDB's 80 and 128.
const NAME: Form<String> = Form {
    what: "a user name",
    examples: "1 to 128 characters",
    parse: |text| ((1..=128).contains(&text.chars().count()) && !text.contains('\0')).then(|| text.to_owned()),
};

/// The keys that give one secret.
const SINGLE: [&str; 3] = ["password", "password_file", "password_hash"];

/// A user as written, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// Patterns; empty: any host.
    pub hosts: Vec<String>,
}

/// What `users` says.
#[derive(Default)]
pub struct Users {
    /// In the file's order, each with its place.
    pub users: Vec<At<User>>,
    /// The same users as a person wants to see them.
    pub listed: Vec<Listed>,
    /// Levels that differ from the general one.
    pub consistency: HashMap<String, Consistency>,
    /// How far behind replicas may be for a user at the level `eventual`, where that differs from the general one.
    pub max_lag: HashMap<String, Duration>,
    /// Who may ask how statements are decided.
    pub explainers: HashSet<String>,
}

/// Reads and checks the list of users.
pub fn read(root: &Section<'_>) -> Users {
    const EXAMPLE: &str = "`users: [{name: app, password: \"${APP_DB_PASSWORD}\"}]`";
    let mut users = Users::default();
    let Some(sections) = root.sections("users", EXAMPLE) else {
        if root.node("users").is_none() {
            root.error(root.at, format!("`users` is missing: say who may log in, as in {EXAMPLE}"));
        }
        return users;
    };
    if root.is_empty_list("users") {
        root.error(root.place("users"), format!("`users` is an empty list: nobody could log in. Write {EXAMPLE}"));
    }
    for section in sections {
        read_one(section, &mut users);
    }
    check_unique(root.findings(), &users.users);
    users
}

fn read_one(section: Section<'_>, users: &mut Users) {
    let name = section.get_at("name", &NAME);
    if section.node("name").is_none() {
        section.error(section.at, "a user needs a `name`");
    }
    let secrets = secrets(&section);
    let user = User {
        name: String::new(),
        secrets,
        hosts: section.list("hosts", &form::HOST).unwrap_or_default().into_iter().map(|host| host.value).collect(),
        max_connections: section.get("max_connections", &form::COUNT),
        require_tls: section.get("require_tls", &form::SWITCH).unwrap_or(false),
    };
    let consistency = section.word("consistency", &CONSISTENCY);
    let max_lag = section.get("max_lag", &form::POSITIVE_DURATION);
    let explains = section.get("explain", &form::SWITCH).unwrap_or(false);
    let hosts = section.list("hosts", &form::TEXT).unwrap_or_default().into_iter().map(|host| host.value).collect();
    section.finish();
    let Some(At { value: name, at }) = name else { return };
    if let Some(level) = consistency {
        users.consistency.insert(name.clone(), level.value);
    }
    if let Some(most) = max_lag {
        users.max_lag.insert(name.clone(), most);
    }
    if explains {
        users.explainers.insert(name.clone());
    }
    users.listed.push(Listed { name: name.clone(), hosts });
    users.users.push(At { value: User { name, ..user }, at });
}

/// The one or two valid secrets. What is wrong is reported; then fewer come back.
fn secrets(section: &Section<'_>) -> Vec<Secret> {
    let single = secret::any(section);
    let several = section.node("passwords").map(|node| (node.at, rotation(section, node)));
    if several.is_none() && !secret::given(section, &SINGLE) {
        section.error(
            section.at,
            "a user needs `password`, `password_file`, `password_hash` or `passwords` (`password: \"\"` for none)",
        );
    }
    match (single, several) {
        (Some(_), Some((at, _))) => {
            section.error(at, "`passwords` beside a single password: put both into `passwords`");
            Vec::new()
        }
        (Some(single), None) => vec![single],
        (None, Some((_, several))) => several,
        (None, None) => Vec::new(),
    }
}

/// `passwords`: two at once, each a plain text or a group with one of the three keys.
fn rotation(section: &Section<'_>, node: &Node) -> Vec<Secret> {
    let items = match &node.value {
        Value::List(items) => items,
        Value::Broken => return Vec::new(),
        _ => {
            let example = "`[\"${OLD_PASSWORD}\", \"${NEW_PASSWORD}\"]`";
            section.error(node.at, format!("`users[].passwords` is {}, not a list: write {example}", node.kind()));
            return Vec::new();
        }
    };
    if !(1..=2).contains(&items.len()) {
        section.error(node.at, format!("`users[].passwords` holds {}: write one or two", items.len()));
    }
    items.iter().take(2).filter_map(|item| one_of_rotation(section, item)).collect()
}

fn one_of_rotation(user: &Section<'_>, item: &Node) -> Option<Secret> {
    if let Value::Scalar(_) = &item.value {
        secret::warn_of_plain_text(user.findings(), item);
        let password = user.scalar(item, "passwords", &secret::PASSWORD)?;
        return Some(Secret::Plain(password.value.into_bytes()));
    }
    if item.value == Value::Broken {
        return None;
    }
    let section = Section::open(item, "users[].passwords[]", user.findings())?;
    let secret = secret::any(&section);
    if !secret::given(&section, &SINGLE) {
        section.error(item.at, "one of `passwords` needs `password`, `password_file` or `password_hash`");
    }
    section.finish();
    secret
}

fn check_unique(findings: &Findings, users: &[At<User>]) {
    for (i, user) in users.iter().enumerate() {
        let same = |earlier: &&At<User>| earlier.value.name == user.value.name;
        if let Some(first) = users.iter().take(i).find(same) {
            let message = |Position { line, .. }: Position| {
                format!(
                    "two users are named `{}`: the first is in line {line} (for two valid passwords: `passwords: […]`)",
                    user.value.name
                )
            };
            findings.error(user.at, message(first.at));
        }
    }
}
