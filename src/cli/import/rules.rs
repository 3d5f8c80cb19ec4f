//! The model → `rules/10-proxysql.yaml`.

use std::collections::BTreeSet;

use super::{
    Row,
    chains::{self, Place},
    model::Model,
    patterns::{expression, network, replacement},
    write::{Page, quoted},
};

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
    let places = chains::places(model);
    let mut told = BTreeSet::new();
    for place in &places {
        rule(model, place, told.insert(place.row.line_and_id()), &mut page);
    }
    for row in model.rules.iter().filter(|row| !told.contains(&row.line_and_id())) {
        unreached(model, row, places.len(), &mut page);
    }
    defaults(model, &mut page);
    page
}

/// A rule; `is_first`: what has no equal has not been told yet.
fn rule(model: &Model, place: &Place<'_>, is_first: bool, page: &mut Page) {
    let id = id(place.row);
    let draft = Draft::at(model, place);
    for what in draft.lost.iter().filter(|_| is_first) {
        page.no_equal(2, &format!("rule {id} (line {}): {what}", place.row.line));
    }
    if draft.does.is_empty() {
        page.remark(2, &format!("rule {id} is left out: nothing remains of what it does"));
        return;
    }
    let path: Vec<&str> = place.through.iter().map(|row| self::id(row)).chain([id]).collect();
    page.line(&format!("  - name: {}", quoted(&format!("proxysql-{}", path.join("-")))));
    if let Some(comment) = place.row.text("comment") {
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
    if draft.is_wider || place.row.number("active") == Some(0) {
        page.line("    enabled: false");
    }
}

fn id(row: &Row) -> &str {
    row.text("rule_id").unwrap_or("?")
}

/// One of a chain to which no rule leads.
fn unreached(model: &Model, row: &Row, places: usize, page: &mut Page) {
    let (id, flag) = (id(row), chains::flag_in(row));
    let leads = |other: &Row| other.number("next_query_flagin") == Some(flag);
    if places >= chains::MAX_PLACES {
        page.no_equal(2, &format!("rule {id} (line {}): its chain can be entered in too many ways", row.line));
    } else if model.rules.iter().any(leads) {
        page.no_equal(
            2,
            &format!("rule {id} (line {}): flagin {flag}: rules do not remember the statement before", row.line),
        );
    } else {
        page.remark(
            2,
            &format!("rule {id} (line {}) is left out: no rule in use before it leads to its flagIN {flag}", row.line),
        );
    }
}

impl Draft {
    /// With the conditions of the rules that lead to it; where it ends, with what these do that it does not.
    fn at(model: &Model, place: &Place<'_>) -> Draft {
        let mut draft = Draft::of(model, place.row);
        for outer in place.through.iter().rev() {
            let outer_id = id(outer);
            let outer = Draft::of(model, outer);
            draft.is_wider |= outer.is_wider;
            match chains::both(&outer.matches, &draft.matches) {
                Some(matches) => draft.matches = matches,
                None => draft.lose_condition(format!("its negated pattern together with that of rule {outer_id}")),
            }
            if place.ends {
                let is_said = |does: &String| draft.does.iter().any(|said| key(said) == key(does));
                let more: Vec<String> = outer.does.iter().filter(|does| !is_said(does)).cloned().collect();
                draft.does.extend(more);
            }
        }
        if place.ends {
            draft.does.retain(|does| key(does) != "final");
            draft.route_by_default(model, place.row);
            draft.does.push("final: true".to_owned());
        } else if draft.does.iter().any(|does| key(does) == "route") {
            draft.lost.push(
                "apply 0: in ProxySQL a later rule would have the last word on where to; here this one has it"
                    .to_owned(),
            );
        }
        draft
    }

    fn of(model: &Model, row: &Row) -> Draft {
        let mut draft = Draft::default();
        draft.conditions(row);
        draft.actions(model, row);
        draft
    }

    /// Where no rule says where to, the user's default hostgroup does.
    fn route_by_default(&mut self, model: &Model, row: &Row) {
        if self.does.iter().any(|does| matches!(key(does), "route" | "deny")) {
            return;
        }
        let is_meant = |user: &str| row.text("username").is_none_or(|name| name == user);
        let routes: BTreeSet<String> =
            default_routes(model).into_iter().filter(|(user, _)| is_meant(user)).map(|(_, route)| route).collect();
        match (routes.first(), routes.len()) {
            (Some(route), 1) => self.does.push(format!("route: {route}")),
            (Some(_), _) => self.lost.push(
                "no destination_hostgroup, and no rule behind it counts: the users' default hostgroups differ, so Forebay decides where to".to_owned(),
            ),
            (None, _) => {}
        }
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
            ("next_query_flagin", "rules do not remember the statement before"),
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
        if row.number("flagout").is_some_and(|out| out == chains::flag_in(row)) && !row.is_on("apply") {
            self.lost.push("flagout as flagin: rules before it are not asked again".to_owned());
        }
    }
}

/// What comes before the colon.
fn key(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

/// Active users, each with where its default hostgroup is.
fn default_routes(model: &Model) -> BTreeSet<(String, String)> {
    let active = model.users.iter().filter(|user| user.number("active") != Some(0));
    let of = |user: &Row| {
        let route = model.route(user.number("default_hostgroup").unwrap_or(0));
        Some((user.text("username")?.to_owned(), route.unwrap_or_else(|| "primary".to_owned())))
    };
    active.filter_map(of).collect()
}

/// What no rule is about goes to the user's default hostgroup.
fn defaults(model: &Model, page: &mut Page) {
    let users = default_routes(model);
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
