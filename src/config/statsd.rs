//! `statsd`: where the metrics are sent, if anywhere.

use std::time::Duration;

use super::{
    form::{self, Form, Words},
    section::Section,
    serving::set,
};
use crate::net::Address;

/// Where metrics are sent, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statsd {
    /// A name or IP address, without brackets.
    pub host: String,
    /// UDP.
    pub port: u16,
    /// How often.
    pub interval: Duration,
    /// What names begin with.
    pub prefix: String,
    /// How lines look.
    pub format: StatsdFormat,
    /// `key:value`, of all lines.
    pub tags: Vec<String>,
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatsdFormat {
    /// Labels are part of the name.
    #[default]
    Plain,
    /// Labels are tags, as Datadog's agent reads them.
    Dog,
}

const UDP: Form<(String, u16)> = Form {
    what: "a UDP address",
    examples: "it as host:port or [ipv6]:port",
    parse: |text| match text.parse() {
        Ok(Address::Tcp { host, port }) => Some((host, port)),
        _ => None,
    },
};

const INTERVAL: Form<Duration> = Form {
    what: "a duration from 1s on",
    examples: "it as `10s` or `1m`",
    parse: |text| (form::DURATION.parse)(text).filter(|interval| *interval >= Duration::from_secs(1)),
};

const PREFIX: Form<String> = Form {
    what: "a prefix of names",
    examples: "it as `forebay` or `prod.db`",
    parse: |text| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        (!text.is_empty() && text.chars().all(is_plain)).then(|| text.to_owned())
    },
};

const FORMAT: Words<StatsdFormat> =
    Words { what: "a StatsD format", words: &[("statsd", StatsdFormat::Plain), ("dogstatsd", StatsdFormat::Dog)] };

const TAG: Form<String> = Form {
    what: "a tag",
    examples: "it as `env:prod`",
    parse: |text| {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '|' | ',' | '#');
        let (key, value) = text.split_once(':')?;
        (!key.is_empty() && !value.is_empty() && text.chars().all(is_plain)).then(|| text.to_owned())
    },
};

/// Reads `statsd`; `None`: nowhere.
pub fn read(root: &Section<'_>) -> Option<Statsd> {
    let section = root.section("statsd")?;
    let address = section.get("address", &UDP);
    let (mut interval, mut prefix, mut format) =
        (Duration::from_secs(10), "forebay".to_owned(), StatsdFormat::default());
    set(&mut interval, section.get("interval", &INTERVAL));
    set(&mut prefix, section.get("prefix", &PREFIX));
    set(&mut format, section.word("format", &FORMAT).map(|format| format.value));
    let tags: Vec<String> = section.list("tags", &TAG).unwrap_or_default().into_iter().map(|tag| tag.value).collect();
    if !tags.is_empty() && format == StatsdFormat::Plain {
        section.error(section.place("tags"), "`statsd.tags` needs `format: dogstatsd`: plain StatsD has no tags");
    }
    section.finish();
    address.map(|(host, port)| Statsd { host, port, interval, prefix, format, tags })
}
