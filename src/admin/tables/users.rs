//! `SHOW USERS`.

use std::{collections::HashMap, sync::Arc};

use super::{Look, Row, Table, number, text, truth};

pub(super) const TABLE: Table = Table {
    name: "users",
    about: "Who may connect to Forebay. No passwords.",
    columns: &[
        text("user", "the name"),
        text("hosts", "from where; none: from anywhere"),
        text("consistency", "how fresh their reads must be"),
        number("max_connections", "how many connections they may have at once"),
        truth("require_tls", "whether only over TLS"),
        truth("may_explain", "whether they may ask how statements are decided"),
        number("sessions", "how many are connected as this user"),
    ],
    like: "user",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let (shared, current) = (look.operator.shared(), look.operator.reloader.current());
    let live = shared.live();
    let mut sessions: HashMap<Arc<str>, usize> = HashMap::new();
    for user in shared.registry.all().iter().filter_map(|handle| handle.user()) {
        *sessions.entry(user).or_default() += 1;
    }
    let listed = current.iter().flat_map(|version| &version.config.listed_users);
    let row = |listed: &crate::config::Listed| {
        let name = &listed.name;
        let user = live.users.get(name.as_bytes())?;
        let consistency = live.consistency.get(name).copied().unwrap_or(live.settings.consistency);
        let limit = user.max_connections.or(live.settings.limits.max_clients_per_user);
        Some(vec![
            Some(name.clone()),
            (!listed.hosts.is_empty()).then(|| listed.hosts.join(" ")),
            Some(consistency.name().to_owned()),
            limit.map(|limit| limit.to_string()),
            Some(super::yes(user.require_tls)),
            Some(super::yes(live.explainers.contains(name))),
            Some(sessions.get(name.as_str()).copied().unwrap_or(0).to_string()),
        ])
    };
    listed.filter_map(row).collect()
}
