//! In what two configurations differ, in words; and what can't change at all while Forebay runs.

use std::{collections::BTreeMap, sync::Arc};

use crate::{config::Config, proxy::Settings};

/// Puts what was into `new` where a running Forebay can't follow; the names of that.
pub fn keep_what_must_stay(old: &Config, new: &mut Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    let mut keep = |name, differs: bool| {
        if differs {
            kept.push(name);
        }
    };
    keep("listen", old.proxy.listen != new.proxy.listen);
    keep("threads", old.proxy.threads != new.proxy.threads);
    keep("log", old.log != new.log);
    keep("statsd", old.statsd != new.statsd);
    keep("admin", old.admin != new.admin);
    if old.admin != new.admin {
        // What was loaded now is of other files than those that stay.
        new.admin_tls = old.admin_tls.clone();
    }
    new.admin = old.admin.clone();
    new.proxy.listen.clone_from(&old.proxy.listen);
    new.proxy.threads = old.proxy.threads;
    new.log = old.log.clone();
    new.statsd.clone_from(&old.statsd);
    kept
}

/// Section by section; empty: they say the same.
pub fn between(old: &Config, new: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    let mut named = |what: &str, changed: Vec<String>| {
        if !changed.is_empty() {
            changes.push(format!("{what} {}", changed.join(" ")));
        }
    };
    named("rules", of_list(old.rules.iter(), new.rules.iter(), |rule| rule.name()));
    named("servers", of_list(old.topology.servers.iter(), new.topology.servers.iter(), |server| &server.name));
    named("groups", of_list(old.groups.iter(), new.groups.iter(), |group| &group.name));
    let users = |config: &Config| config.users.iter().map(|user| (user.name.clone(), Arc::clone(user))).collect();
    let (old_users, new_users): (BTreeMap<_, _>, BTreeMap<_, _>) = (users(old), users(new));
    named("users", of_list(old_users.values(), new_users.values(), |user| &user.name));
    let (was, is) = (&old.proxy, &new.proxy);
    let of_users =
        |config: &Config| (config.user_consistency.clone(), config.user_max_lag.clone(), config.explainers.clone());
    let routing = |settings: &Settings| {
        let Settings { primary_only_tables, hints_may_loosen, consistency, causal_timeout, sticky, .. } = settings;
        let Settings { group_by, max_groups, max_lag, consistency_scope, .. } = settings;
        let groups = (group_by.clone(), *max_groups, *max_lag, *consistency_scope);
        (
            primary_only_tables.clone(),
            *hints_may_loosen,
            settings.balance,
            *consistency,
            *causal_timeout,
            *sticky,
            groups,
        )
    };
    let zone = |config: &Config| config.topology.zone.clone();
    let sections = [
        ("the rules' tests", old.rules != new.rules && changes.iter().all(|change| !change.starts_with("rules "))),
        ("what users may and see", of_users(old) != of_users(new)),
        ("timeouts", was.timeouts != is.timeouts),
        ("limits", was.limits != is.limits),
        ("pool", was.pool != is.pool),
        ("compression", was.compression != is.compression),
        ("server_version", was.server_version != is.server_version),
        ("routing", routing(was) != routing(is) || zone(old) != zone(new)),
        ("metrics", was.apdex_t != is.apdex_t),
        ("slow_log", was.slow_log != is.slow_log),
        ("access_log", was.access_log != is.access_log),
        ("health", health(old) != health(new)),
        ("discovery", old.topology.discovery != new.topology.discovery),
        ("cache", old.cache != new.cache),
        ("tls.clients", old.client_tls_settings != new.client_tls_settings),
        ("tls.servers", old.server_tls_settings != new.server_tls_settings),
    ];
    changes.extend(sections.into_iter().filter(|(_, differ)| *differ).map(|(name, _)| name.to_owned()));
    changes
}

/// How servers are asked.
fn health(config: &Config) -> crate::topology::Settings {
    crate::topology::Settings {
        servers: Vec::new(),
        tls: None,
        zone: None,
        discovery: crate::topology::Discovery::default(),
        ..config.topology.clone()
    }
}

/// `+new`, `-gone`, `~changed`; `order`, if that is all.
fn of_list<'a, T: PartialEq + 'a>(
    old: impl Iterator<Item = &'a T>,
    new: impl Iterator<Item = &'a T>,
    name: impl Fn(&'a T) -> &'a str,
) -> Vec<String> {
    let (old, new): (Vec<_>, Vec<_>) = (old.collect(), new.collect());
    let mut changed = Vec::new();
    for one in &new {
        match old.iter().find(|other| name(other) == name(one)) {
            None => changed.push(format!("+{}", name(one))),
            Some(other) if other != one => changed.push(format!("~{}", name(one))),
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|one| !new.iter().any(|other| name(other) == name(one)));
    changed.extend(gone.map(|one| format!("-{}", name(one))));
    if changed.is_empty() && old != new {
        changed.push("in another order".to_owned());
    }
    changed.sort();
    changed
}
