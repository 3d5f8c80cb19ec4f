//! `health` and `monitor`: who asks the servers how they are, and how often.

use std::time::Duration;

use super::{
    form, secret,
    section::{At, Section},
    serving::set,
};
use crate::auth::{Secret, User};

/// How often servers are asked how they are, unless said.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// `health`.
pub struct Health {
    /// Between two probes of a server.
    pub interval: Duration,
    /// A replica further behind takes no reads.
    pub max_lag: Option<Duration>,
}

/// `monitor`: who asks.
pub struct Monitor {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

/// Reads `health`.
pub fn health(root: &Section<'_>) -> Health {
    let mut health = Health { interval: HEALTH_INTERVAL, max_lag: None };
    if let Some(section) = root.section("health") {
        set(&mut health.interval, section.get("interval", &form::POSITIVE_DURATION));
        set(&mut health.max_lag, section.get("max_lag", &form::DURATION_OR_OFF));
        section.finish();
    }
    health
}

fn given_monitor(root: &Section<'_>) -> Option<Monitor> {
    let section = root.section("monitor")?;
    let user = section.get("user", &form::TEXT);
    let password = secret::plain(&section);
    if section.node("user").is_none() {
        section.error(section.at, "`monitor.user` is missing: name the user whose password this is");
    }
    if !secret::given(&section, &["password", "password_file"]) {
        section.error(section.at, "`monitor` needs `password` or `password_file`");
    }
    section.finish();
    Some(Monitor { user: user?, password: password? })
}

/// Unless said, the first user asks the servers how they are; that needs the password itself.
pub fn monitor(root: &Section<'_>, users: &[At<User>]) -> Option<Monitor> {
    if root.node("monitor").is_some() {
        return given_monitor(root);
    }
    let first = users.first()?;
    let password = first.value.secrets.iter().find_map(|secret| match secret {
        Secret::Plain(password) => String::from_utf8(password.clone()).ok(),
        _ => None,
    });
    if password.is_none() && !first.value.secrets.is_empty() {
        root.error(first.at, format!(
            "of the first user, `{}`, only a hash is known, so Forebay can't ask the servers as that user how they are: \
             add `monitor: {{user: …, password: …}}`",
            first.value.name
        ));
    }
    Some(Monitor { user: first.value.name.clone(), password: password? })
}
