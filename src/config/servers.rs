//! `servers`: the MySQL servers behind Forebay.

use super::{
    form::{self, Form, Words},
    section::{At, Section},
};
use crate::{
    net::Address,
    topology::{RoleSetting, ServerSettings, State},
};

const ROLE: Words<RoleSetting> = Words {
    what: "a role",
    words: &[("primary", RoleSetting::Primary), ("replica", RoleSetting::Replica), ("auto", RoleSetting::Auto)],
};

const STATE: Words<State> = Words {
    what: "a state",
    words: &[("online", State::Online), ("drain", State::Drain), ("offline", State::Offline)],
};

/// An address, and whether each address behind its name is a server of its own.
const PLACE: Form<(Address, bool)> = Form {
    what: "an address",
    examples: "host:port, [ipv6]:port, dns+name:port or the path of a Unix socket",
    parse: |text| match text.strip_prefix("dns+") {
        None => (form::ADDRESS.parse)(text).map(|address| (address, false)),
        Some(name) => (form::ADDRESS.parse)(name)
            .filter(|address| matches!(address, Address::Tcp { host, .. } if host.parse::<std::net::IpAddr>().is_err()))
            .map(|address| (address, true)),
    },
};

/// Places within places.
pub const ZONE: Form<String> = Form {
    what: "a zone",
    examples: "a place, or places within places with `/` between, as `eu-west/a`",
    parse: |text| text.split('/').all(|place| (NAME.parse)(place).is_some()).then(|| text.to_owned()),
};

/// Names stand in hints (`server=name`), rules and logs.
pub const NAME: Form<String> = Form {
    what: "a name",
    examples: "letters, digits, `-`, `_`, `.`, `:` or `/`, at most 64",
    parse: |text| {
        let good = |c: char| c.is_alphanumeric() || "-_.:/[]@".contains(c);
        ((1..=64).contains(&text.chars().count()) && text.chars().all(good)).then(|| text.to_owned())
    },
};

/// Reads and checks the list of servers; each with the place of its address.
pub fn read(root: &Section<'_>) -> Vec<At<ServerSettings>> {
    const EXAMPLE: &str = "`servers: [{address: \"127.0.0.1:3306\", role: primary}]`";
    let Some(sections) = root.sections("servers", EXAMPLE) else {
        if root.node("servers").is_none() {
            root.error(root.at, format!("`servers` is missing: name the MySQL servers, as in {EXAMPLE}"));
        }
        return Vec::new();
    };
    if root.is_empty_list("servers") {
        root.error(root.place("servers"), format!("`servers` is an empty list: write {EXAMPLE}"));
    }
    let before = sections.len();
    let servers: Vec<_> = sections.into_iter().filter_map(server).collect();
    check_unique(root, &servers);
    if servers.len() == before {
        check_roles(root, &servers);
    }
    servers.into_iter().map(|server| At { value: server.settings, at: server.address_at }).collect()
}

struct Server {
    settings: ServerSettings,
    name_at: super::error::Position,
    address_at: super::error::Position,
    role_at: super::error::Position,
}

fn server(section: Section<'_>) -> Option<Server> {
    let place = section.get_at("address", &PLACE);
    let each_address = place.as_ref().is_some_and(|place| place.value.1);
    let address = place.map(|place| At { value: place.value.0, at: place.at });
    if section.node("address").is_none() {
        section.error(section.at, "a server needs an `address`, as in `{address: \"127.0.0.1:3306\"}`");
    }
    let name = section.get_at("name", &NAME);
    let role = section.word("role", &ROLE);
    let weight = section.get("weight", &form::WEIGHT).unwrap_or(1);
    let tags = section.list("tags", &NAME).unwrap_or_default();
    let state = section.word("state", &STATE).map(|state| state.value).unwrap_or_default();
    let zone = section.get("zone", &ZONE);
    let at = section.at;
    section.finish();
    let address: At<Address> = address?;
    Some(Server {
        name_at: name.as_ref().map_or(at, |name| name.at),
        role_at: role.map_or(at, |role| role.at),
        address_at: address.at,
        settings: ServerSettings {
            name: name.map_or_else(|| address.value.to_string(), |name| name.value),
            address: address.value,
            role: role.map_or(RoleSetting::Auto, |role| role.value),
            weight,
            tags: tags.into_iter().map(|tag| tag.value).collect(),
            state,
            each_address,
            discovered: false,
            zone,
        },
    })
}

fn check_unique(root: &Section<'_>, servers: &[Server]) {
    for (i, server) in servers.iter().enumerate() {
        let earlier = servers.get(..i).unwrap_or_default();
        let Server { settings: ServerSettings { name, address, .. }, name_at, address_at, .. } = server;
        if let Some(first) = earlier.iter().find(|first| first.settings.address == *address) {
            let line = first.address_at.line;
            root.error(*address_at, format!("two servers have the address {address}: the first is in line {line}"));
        } else if let Some(first) = earlier.iter().find(|first| first.settings.name == *name) {
            let line = first.name_at.line;
            root.error(*name_at, format!("two servers are named `{name}`: the first is in line {line}"));
        }
    }
}

fn check_roles(root: &Section<'_>, servers: &[Server]) {
    let with = |role| servers.iter().filter(move |server| server.settings.role == role);
    let mut primaries = with(RoleSetting::Primary);
    if let (Some(first), Some(second)) = (primaries.next(), primaries.next()) {
        let line = first.role_at.line;
        root.error(second.role_at, format!(
            "two servers are `role: primary`: the first is in line {line}. Only one takes writes: make the others `replica`, \
             or all `auto` to tell them by their `read_only`"
        ));
    }
    for each in servers.iter().filter(|server| server.settings.each_address) {
        if each.settings.role == RoleSetting::Primary {
            root.error(each.role_at, "`dns+` stands for as many servers as its name has addresses, and only one takes writes: make them `role: auto` or `replica`");
        }
    }
    if !servers.is_empty() && servers.iter().all(|server| server.settings.role == RoleSetting::Replica) {
        root.error(
            root.place("servers"),
            "no server can take writes: give one `role: primary`, or `role: auto` to all",
        );
    }
    if with(RoleSetting::Primary).next().is_some() && with(RoleSetting::Auto).next().is_some() {
        for auto in with(RoleSetting::Auto) {
            root.findings().warning(Some(auto.role_at), format!(
                "server `{}` has `role: auto` beside a fixed primary: it serves reads while it is `read_only`, and nothing otherwise",
                auto.settings.name
            ));
        }
    }
    let mut readers = servers.iter().filter(|server| server.settings.role != RoleSetting::Primary).peekable();
    if let Some(first) = readers.peek() {
        let at = first.address_at;
        if readers.all(|server| server.settings.weight == 0) {
            root.error(at, "every replica has `weight: 0`: none would take reads. Give one a weight of 1 or more");
        }
    }
}
