//! `groups`: servers that serve one kind of traffic, for rules to name.

use super::{
    form::{self, Words},
    section::Section,
    servers::NAME,
    suggest,
};
use crate::{
    routing::rules::{Balance, Group, Limit},
    topology::ServerSettings,
};

/// How a group chooses.
pub const BALANCE: Words<Balance> = Words {
    what: "a way to balance",
    words: &[
        ("round_robin", Balance::RoundRobin),
        ("least_connections", Balance::LeastConnections),
        ("latency", Balance::Latency),
    ],
};

/// Names that mean something already.
const TAKEN: [&str; 3] = ["primary", "replicas", "replica"];

/// Reads the groups and holds them against the servers.
pub fn read(root: &Section<'_>, servers: &[&ServerSettings]) -> Vec<Group> {
    let sections = root.sections("groups", "`groups: [{name: analytics, servers: [replica3]}]`").unwrap_or_default();
    let mut groups: Vec<Group> = Vec::new();
    for section in sections {
        let at = section.place("name");
        let Some(group) = group(section, servers) else { continue };
        let name = &group.name;
        let clash = match () {
            () if TAKEN.contains(&name.as_str()) => Some("is always there"),
            () if groups.iter().any(|other| other.name == *name) => Some("is another group too"),
            () if servers.iter().any(|server| server.name == *name) => Some("is a server's name"),
            () => None,
        };
        if let Some(clash) = clash {
            root.error(at, format!("`groups[].name`: `{name}` {clash}: choose another name"));
        }
        groups.push(group);
    }
    groups
}

fn group(section: Section<'_>, servers: &[&ServerSettings]) -> Option<Group> {
    let name = section.get("name", &NAME);
    if section.node("name").is_none() {
        section.error(section.at, "`groups[].name` is missing: what rules call the group");
    }
    let listed = section.list("servers", &form::TEXT).unwrap_or_default();
    let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    for server in listed.iter().filter(|server| !names.contains(&server.value.as_str())) {
        let near = suggest::nearest(&server.value, names.iter().copied());
        let near = near.map_or(String::new(), |near| format!(": did you mean `{near}`?"));
        section.error(server.at, format!("`groups[].servers`: there is no server `{}`{near}", server.value));
    }
    let tags = section.list("tags", &NAME).unwrap_or_default();
    let group = Group {
        name: name.unwrap_or_default(),
        servers: listed.into_iter().map(|server| server.value).collect(),
        tags: tags.into_iter().map(|tag| tag.value).collect(),
        balance: section.word("balance", &BALANCE).map(|balance| balance.value).unwrap_or_default(),
        limit: section.section("limit").and_then(limit),
    };
    if !group.name.is_empty() && !servers.iter().any(|server| belongs(&group, server)) {
        section.error(
            section.at,
            format!("group `{}` has no server: name some in `servers`, or tags they have in `tags`", group.name),
        );
    }
    section.finish();
    (!group.name.is_empty()).then_some(group)
}

fn limit(section: Section<'_>) -> Option<Limit> {
    let limit = Limit {
        per_second: section.get("per_second", &form::COUNT),
        concurrent: section.get("concurrent", &form::COUNT),
        wait: section.get("wait", &form::POSITIVE_DURATION),
        ..Limit::default()
    };
    if section.node("per_second").is_none() && section.node("concurrent").is_none() {
        section.error(section.at, "`groups[].limit` limits nothing: give it `per_second` or `concurrent`");
    }
    section.finish();
    limit.is_of_turns().then_some(limit)
}

fn belongs(group: &Group, server: &ServerSettings) -> bool {
    group.servers.contains(&server.name) || group.tags.iter().any(|tag| server.tags.contains(tag))
}
