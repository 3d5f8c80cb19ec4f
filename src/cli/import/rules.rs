//! The model → `rules/10-proxysql.yaml`.

use std::collections::BTreeSet;

use super::{
    Row,
    model::Model,
    write::{Page, quoted},
};
use crate::routing::rules;

/// A rule that is being made.
#[derive(Default)]
struct Draft {
    matches: Vec<String>,
    does: Vec<String>,
    /// What has no equal, and whether the rule would be about more than it should without it.
    lost: Vec<String>,
    is_wider: bool,
}

pub(super) fn written(model: &Model) -> Page {
    let mut page = Page::default();
    page.line("# Made of ProxySQL's mysql_query_rules, in their order. For each thing the first rule that matches decides; to replicas");
    page.line("# goes only what is proven to be a read, whatever a rule says.\n");
    page.line("rules:");
    for row in &model.rules {
        rule(model, row, &mut page);
    }
    defaults(model, &mut page);
    page
}

fn rule(model: &Model, row: &Row, page: &mut Page) {
    let id = row.text("rule_id").unwrap_or("?");
    let draft = Draft::of(model, row);
    for what in &draft.lost {
        page.no_equal(2, &format!("rule {id}: {what}"));
    }
    if draft.does.is_empty() {
        page.remark(2, &format!("rule {id} is left out: nothing remains of what it does"));
        return;
    }
    page.line(&format!("  - name: {}", quoted(&format!("proxysql-{id}"))));
    if let Some(comment) = row.text("comment") {
        page.line(&format!("    comment: {}", quoted(comment)));
    }
    if !draft.matches.is_empty() {
        page.line(&format!("    match: {{{}}}", draft.matches.join(", ")));
    }
    for does in &draft.does {
        page.line(&format!("    {does}"));
    }
    if draft.is_wider {
        page.remark(4, "Switched off: without what has no equal it would be about other statements too.");
    }
    if draft.is_wider || row.number("active") == Some(0) {
        page.line("    enabled: false");
    }
}

impl Draft {
    fn of(model: &Model, row: &Row) -> Draft {
        let mut draft = Draft::default();
        draft.conditions(row);
        draft.actions(model, row);
        draft
    }

    /// What narrows the rule has no equal.
    fn lose_condition(&mut self, what: String) {
        self.lost.push(what);
        self.is_wider = true;
    }

    fn conditions(&mut self, row: &Row) {
        for (column, key) in [("username", "user"), ("schemaname", "schema")] {
            if let Some(name) = row.text(column) {
                if name.contains('*') {
                    self.lose_condition(format!("{column} {name}: `*` in a name would be read as any characters"));
                } else {
                    self.matches.push(format!("{key}: {}", quoted(name)));
                }
            }
        }
        if let Some(address) = row.text("client_addr") {
            match network(address) {
                Some(network) => {
                    self.matches.extend((!network.is_empty()).then(|| format!("client: {}", quoted(&network))))
                }
                None => {
                    self.lose_condition(format!("client_addr {address}: write the network as `client: 10.0.0.0/8`"))
                }
            }
        }
        for (column, why) in [
            ("proxy_addr", "rules do not ask which address the client came to"),
            ("proxy_port", "rules do not ask which port the client came to"),
            ("digest", "digests are Forebay's own: write the statement as `fingerprint`"),
            ("flagin", "rules have no chains: put its conditions and those of the rules before it into one"),
        ] {
            if let Some(value) = row.text(column).filter(|value| *value != "0") {
                self.lose_condition(format!("{column} {value}: {why}"));
            }
        }
        self.patterns(row);
    }

    fn patterns(&mut self, row: &Row) {
        let mut patterns = Vec::new();
        for (column, key) in [("match_digest", "shape"), ("match_pattern", "sql")] {
            let Some(pattern) = row.text(column) else { continue };
            match expression(row, pattern) {
                Ok(pattern) => patterns.push(format!("{key}: {}", quoted(&pattern))),
                Err(why) => self.lose_condition(format!("{column} {pattern}: {why}")),
            }
        }
        if row.is_on("negate_match_pattern") && !patterns.is_empty() {
            self.matches.push(format!("not: {{{}}}", patterns.join(", ")));
        } else {
            self.matches.append(&mut patterns);
        }
    }

    fn actions(&mut self, model: &Model, row: &Row) {
        let mut ms = |column: &str, key: &str| {
            if let Some(ms) = row.number(column).filter(|ms| *ms > 0) {
                self.does.push(format!("{key}: {ms}ms"));
            }
        };
        ms("timeout", "timeout");
        ms("delay", "delay");
        if let Some(hostgroup) = row.number("destination_hostgroup") {
            match model.route(hostgroup) {
                Some(route) => self.does.push(format!("route: {route}")),
                None => self.lost.push(format!("destination_hostgroup {hostgroup}: it has no server that is in use")),
            }
            if !row.is_on("apply") {
                self.lost.push(
                    "apply 0: in ProxySQL a later rule would have the last word on where to; here this one has it"
                        .to_owned(),
                );
            }
        }
        if let Some(message) = row.text("error_msg") {
            self.does.push(format!("deny: {}", quoted(message)));
        }
        if let Some(with) = row.text("replace_pattern") {
            match row.text("match_pattern").map(|pattern| expression(row, pattern)) {
                Some(Ok(pattern)) => {
                    let (pattern, with) = (quoted(&pattern), quoted(&replacement(with)));
                    self.does.push(format!("rewrite: {{pattern: {pattern}, with: {with}}}"));
                    if !row.text("re_modifiers").is_some_and(|flags| flags.to_ascii_uppercase().contains("GLOBAL")) {
                        self.lost.push(
                            "replace_pattern without GLOBAL: every match is replaced, not only the first".to_owned(),
                        );
                    }
                }
                // Said already, of the condition.
                Some(Err(_)) => {}
                None => self.lost.push(format!("replace_pattern {with} without match_pattern")),
            }
        }
        if let Some(ttl) = row.number("cache_ttl").filter(|ttl| *ttl > 0) {
            self.does.push(format!("cache: {{ttl: {ttl}ms}}"));
        }
        if row.is_on("log") {
            self.does.push("log: always".to_owned());
        }
        for (column, why) in [
            ("flagout", "rules have no chains"),
            ("next_query_flagin", "rules have no chains"),
            ("ok_msg", "no statement is answered with a made-up OK"),
            ("mirror_hostgroup", "statements are not mirrored"),
            ("mirror_flagout", "statements are not mirrored"),
            ("cache_timeout", "one miss fetches, the others wait"),
            ("reconnect", "reads are repeated where that is safe"),
            ("retries", "reads are repeated where that is safe"),
            ("sticky_conn", "sessions keep a connection as long as they need it"),
            ("gtid_from_hostgroup", "`consistency` says how fresh reads must be"),
        ] {
            if let Some(value) = row.text(column) {
                self.lost.push(format!("{column} {value}: {why}"));
            }
        }
        if let Some(value) = row.text("multiplex") {
            self.lost.push(format!("multiplex {value}: what a session holds decides that by itself"));
        }
        if let Some(attributes) = row.text("attributes").filter(|attributes| *attributes != "{}") {
            self.lost.push(format!("attributes {attributes}"));
        }
        if row.is_on("apply") {
            self.does.push("final: true".to_owned());
        }
    }
}

/// With its flags (without any said, case does not matter), if Forebay can read it.
fn expression(row: &Row, pattern: &str) -> Result<String, String> {
    let modifiers = row.text("re_modifiers").unwrap_or("CASELESS").to_ascii_uppercase();
    let pattern = if modifiers.contains("CASELESS") { format!("(?i){pattern}") } else { pattern.to_owned() };
    match rules::expression(&pattern) {
        Ok(_) => Ok(pattern),
        Err(error) => {
            let why = error.to_string();
            Err(why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}

/// `\1` → `${1}`.
fn replacement(with: &str) -> String {
    let (mut text, mut chars) = (String::new(), with.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek().and_then(|next| next.to_digit(10))) {
            ('\\', Some(digit)) => {
                chars.next();
                text.push_str(&format!("${{{digit}}}"));
            }
            ('$', _) => text.push_str("$$"),
            _ => text.push(c),
        }
    }
    text
}

/// `10.0.%` → `10.0.0.0/16`; empty: any address.
fn network(pattern: &str) -> Option<String> {
    if pattern.parse::<std::net::IpAddr>().is_ok() {
        return Some(pattern.to_owned());
    }
    if pattern == "%" {
        return Some(String::new());
    }
    let known: Vec<&str> = pattern.strip_suffix('%')?.strip_suffix('.')?.split('.').collect();
    let is_octet = |part: &&str| part.parse::<u8>().is_ok();
    if !(1..=3).contains(&known.len()) || !known.iter().all(is_octet) {
        return None;
    }
    let zeros = std::iter::repeat_n("0", 4 - known.len());
    let address: Vec<&str> = known.iter().copied().chain(zeros).collect();
    Some(format!("{}/{}", address.join("."), 8 * known.len()))
}

/// What no rule is about goes to the user's default hostgroup.
fn defaults(model: &Model, page: &mut Page) {
    let active = model.users.iter().filter(|user| user.number("active") != Some(0));
    let of = |user: &Row| {
        let route = model.route(user.number("default_hostgroup").unwrap_or(0));
        Some((user.text("username")?.to_owned(), route.unwrap_or_else(|| "primary".to_owned())))
    };
    let users: BTreeSet<(String, String)> = active.filter_map(of).collect();
    let routes: BTreeSet<&str> = users.iter().map(|(_, route)| route.as_str()).collect();
    let line = |page: &mut Page, name: &str, user: Option<&str>, route: &str| {
        page.line(&format!("  - name: {}", quoted(name)));
        page.line("    comment: What no rule is about goes to the user's default hostgroup.");
        if let Some(user) = user {
            page.line(&format!("    match: {{user: {}}}", quoted(user)));
        }
        page.line(&format!("    route: {route}"));
    };
    if let ([route], false) = (&routes.iter().collect::<Vec<_>>()[..], users.is_empty()) {
        return line(page, "default-hostgroup", None, route);
    }
    let mut seen = BTreeSet::new();
    for (user, route) in users.iter().filter(|(user, _)| seen.insert(user)) {
        line(page, &format!("default-hostgroup-{user}"), Some(user), route);
    }
    if model.rules.is_empty() && users.is_empty() {
        page.line("  []");
    }
}
