//! `health` and `monitor`: who asks the servers how they are, and how often.

use std::time::Duration;

use super::{
    form::{self, Form},
    secret,
    section::{At, Section},
    serving::set,
};
use crate::{
    auth::{Secret, User},
    topology::{Outliers, Settings},
};

/// How often servers are asked how they are.
const INTERVAL: Form<Duration> = Form {
    what: "a duration from 100ms to 30s",
    examples: "it as `250ms`, `1s` or `5s`",
    parse: |text| {
        let bounds = Duration::from_millis(100)..=Duration::from_secs(30);
        (form::DURATION.parse)(text).filter(|interval| bounds.contains(interval))
    },
};

/// `schema.table`, quoted for SQL.
const TABLE: Form<String> = Form {
    what: "a table",
    examples: "it as `schema.table`",
    parse: |text| {
        let (schema, table) = text.split_once('.')?;
        let good = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == '-')
        };
        (good(schema) && good(table)).then(|| format!("`{schema}`.`{table}`"))
    },
};

/// More than once.
const TIMES: Form<Option<u32>> = Form {
    what: "a factor",
    examples: "a whole number from 2 to 1000, or `off`",
    parse: |text| form::or_off(text, |text| text.parse().ok().filter(|times| (2..=1000).contains(times))),
};

/// `health`.
pub struct Health {
    /// Between two probes of a server.
    pub interval: Duration,
    /// A replica further behind takes no reads.
    pub max_lag: Option<Duration>,
    /// The way of a replica that comes back to its full share.
    pub slow_start: Option<Duration>,
    /// The longest time that one which comes and goes is held off.
    pub hold_off: Option<Duration>,
    /// The table with the heartbeat, quoted.
    pub heartbeat: Option<String>,
    /// What of the traffic takes one out.
    pub outliers: Outliers,
}

impl Default for Health {
    fn default() -> Self {
        let usual = Settings::new(Vec::new(), "", "");
        Health {
            interval: usual.health_interval,
            max_lag: usual.max_lag,
            slow_start: usual.slow_start,
            hold_off: usual.hold_off,
            heartbeat: usual.heartbeat,
            outliers: usual.outliers,
        }
    }
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
    let mut health = Health::default();
    if let Some(section) = root.section("health") {
        set(&mut health.interval, section.get("interval", &INTERVAL));
        set(&mut health.max_lag, section.get("max_lag", &form::DURATION_OR_OFF));
        set(&mut health.slow_start, section.get("slow_start", &form::DURATION_OR_OFF));
        set(&mut health.hold_off, section.get("hold_off", &form::DURATION_OR_OFF));
        health.heartbeat = section.get("heartbeat_table", &TABLE);
        if let Some(outliers) = section.section("outliers") {
            set(&mut health.outliers.failures, outliers.get("failures", &form::COUNT_OR_OFF));
            set(&mut health.outliers.times_slower, outliers.get("times_slower", &TIMES));
            set(&mut health.outliers.time, outliers.get("time", &form::POSITIVE_DURATION));
            outliers.finish();
        }
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
