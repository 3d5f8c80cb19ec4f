//! The model → `config.yaml`.

use std::collections::BTreeSet;

use super::{
    Row,
    model::{Hostgroup, Model, Server},
    write::{Page, literal, quoted},
};

/// Names are at most so long.
const MAX_NAME_CHARS: usize = 64;

pub(super) fn written(model: &Model) -> Page {
    let mut page = Page::default();
    page.line("# Made of a ProxySQL configuration by `forebay import proxysql`. What has no equal is said where it would stand;");
    page.line("# docs/import.md has the whole list. Try it: forebay check --config config.yaml\n");
    listen(model, &mut page);
    servers(model, &mut page);
    groups(model, &mut page);
    users(model, &mut page);
    variables(model, &mut page);
    leftovers(model, &mut page);
    page
}

fn listen(model: &Model, page: &mut Page) {
    page.line("listen:");
    for address in model.variable("mysql-interfaces").unwrap_or("0.0.0.0:6033").split(';').map(str::trim) {
        page.line(&format!("  - address: {}", quoted(address)));
    }
}

fn servers(model: &Model, page: &mut Page) {
    page.line("\nservers:");
    if model.follows_read_only {
        page.remark(2, "Who is the primary follows `read_only`, as mysql_replication_hostgroups has it.");
    }
    let mut has_primary = false;
    for (index, server) in model.servers.iter().enumerate() {
        let takes_part = server.hostgroups.iter().any(|id| !model.is_of_other_cluster(*id));
        if !takes_part {
            page.no_equal(2, &format!("{} is of another cluster: give that a Forebay of its own", server.address));
            continue;
        }
        if server.is_off() {
            page.no_equal(
                2,
                &format!(
                    "{} is {}: add it when it is back",
                    server.address,
                    server.row.text("status").unwrap_or_default()
                ),
            );
            continue;
        }
        page.line(&format!("  - name: {}", quoted(&name(index, server))));
        page.line(&format!("    address: {}", quoted(&server.address)));
        if !model.follows_read_only {
            let is_primary = model.writes(server) && !has_primary;
            has_primary |= is_primary;
            if model.writes(server) && !is_primary {
                page.no_equal(4, "a second server that takes writes: there is one primary, this one only gets reads");
            }
            page.line(&format!("    role: {}", if is_primary { "primary" } else { "replica" }));
        }
        server_cells(&server.row, page);
    }
    if model.servers.is_empty() {
        page.no_equal(2, "there is no row in mysql_servers: say where the servers are");
    }
}

fn server_cells(row: &Row, page: &mut Page) {
    match row.number("weight") {
        None | Some(1) => {}
        Some(weight @ 0..=1000) => page.line(&format!("    weight: {weight}")),
        Some(weight) => {
            page.no_equal(4, &format!("weight {weight}: weights go to 1000"));
            page.line("    weight: 1000");
        }
    }
    for (column, why) in [
        ("compression", "compression towards servers is not offered"),
        ("max_latency_ms", "a server that answers slowly is not shunned by its latency; groups can balance by it"),
        ("gtid_port", "no reader is needed: positions are followed by Forebay itself"),
    ] {
        if row.is_on(column) {
            page.no_equal(4, &format!("{column} {}: {why}", row.text(column).unwrap_or_default()));
        }
    }
    if let Some(status) = row.text("status").filter(|status| !status.eq_ignore_ascii_case("ONLINE")) {
        page.no_equal(4, &format!("status {status}: health checks decide"));
    }
    if let Some(comment) = row.text("comment") {
        page.remark(4, comment);
    }
}

fn name(index: usize, server: &Server) -> String {
    let is_good = |c: char| c.is_alphanumeric() || "-_.:/[]@".contains(c);
    match server.address.chars().count() <= MAX_NAME_CHARS && server.address.chars().all(is_good) {
        true => server.address.clone(),
        false => format!("server{}", index + 1),
    }
}

fn groups(model: &Model, page: &mut Page) {
    let others: Vec<_> = model
        .hostgroups
        .iter()
        .filter_map(|(id, what)| if let Hostgroup::Other(name) = what { Some((*id, name)) } else { None })
        .filter(|(id, _)| !model.is_of_other_cluster(*id))
        .collect();
    for pair in &model.other_pairs {
        let id = |column| pair.number(column).unwrap_or_default();
        page.no_equal(
            0,
            &format!(
                "hostgroups {} and {} are a second cluster: give that a Forebay of its own",
                id("writer_hostgroup"),
                id("reader_hostgroup")
            ),
        );
    }
    let (with, without): (Vec<_>, Vec<_>) = others.into_iter().partition(|(id, _)| model.members(*id).next().is_some());
    for (id, _) in without {
        page.no_equal(0, &format!("hostgroup {id} has no server that is in use"));
    }
    if with.is_empty() {
        return;
    }
    page.line("\ngroups:");
    for (id, group) in with {
        let servers: Vec<String> = model.members(id).map(|(index, server)| quoted(&name(index, server))).collect();
        page.line(&format!("  - name: {group}\n    servers: [{}]", servers.join(", ")));
    }
}

fn users(model: &Model, page: &mut Page) {
    page.line("\nusers:");
    let mut seen = BTreeSet::new();
    for row in &model.users {
        let Some(user) = row.text("username") else { continue };
        if row.number("active") == Some(0) {
            page.no_equal(2, &format!("user {user} is not active: add it when it is to be"));
            continue;
        }
        if !seen.insert(user) {
            page.remark(2, &format!("user {user} has a second row (frontend and backend apart): Forebay needs one"));
            continue;
        }
        page.line(&format!("  - name: {}", literal(user)));
        password(row, page);
        if row.is_on("use_ssl") {
            page.line("    require_tls: true");
        }
        if let Some(most) = row.number("max_connections").filter(|most| (1..10_000).contains(most)) {
            page.line(&format!("    max_connections: {most}"));
        }
        if let Some(schema) = row.text("default_schema") {
            page.no_equal(4, &format!("default_schema {schema}: clients name their schema when they connect"));
        }
        for (column, why) in [
            ("schema_locked", "grants on the servers decide"),
            ("fast_forward", "every session keeps all features of a direct one"),
        ] {
            if row.is_on(column) {
                page.no_equal(4, &format!("{column}: {why}"));
            }
        }
        if row.number("transaction_persistent") == Some(0) {
            page.no_equal(4, "transaction_persistent 0: a transaction always stays on one server");
        }
        if let Some(attributes) = row.text("attributes").filter(|attributes| *attributes != "{}") {
            page.no_equal(4, &format!("attributes {attributes}"));
        }
        if let Some(comment) = row.text("comment") {
            page.remark(4, comment);
        }
    }
    if seen.is_empty() {
        page.no_equal(2, "there is no active row in mysql_users: say who may come in");
    }
}

fn password(row: &Row, page: &mut Page) {
    let password = row.text("password").unwrap_or_default();
    let is_native =
        password.len() == 41 && password.starts_with('*') && password[1..].bytes().all(|b| b.is_ascii_hexdigit());
    if is_native || password.starts_with("$A$") {
        page.line(&format!("    password_hash: {}", literal(password)));
        page.remark(4, "With a hash alone MySQL 9 does not let Forebay in: give `password` there.");
    } else {
        page.line(&format!("    password: {}", literal(password)));
    }
}

fn variables(model: &Model, page: &mut Page) {
    let number =
        |name: &str| model.variable(name).and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
    if let (Some(user), password) = (model.variable("mysql-monitor_username"), model.variable("mysql-monitor_password"))
    {
        let password = literal(password.unwrap_or_default());
        page.line(&format!("\nmonitor: {{user: {}, password: {password}}}", literal(user)));
    }
    if let Some(threads) = number("mysql-threads").filter(|threads| *threads <= 1024) {
        page.line(&format!("\nthreads: {threads}"));
    }
    let section = |page: &mut Page, name: &str, keys: &[(&str, Option<String>)]| {
        if keys.iter().any(|(_, value)| value.is_some()) {
            page.line(&format!("\n{name}:"));
        }
        for (key, value) in keys {
            if let Some(value) = value {
                page.line(&format!("  {key}: {value}"));
            }
        }
    };
    let span = |name: &str| number(name).map(|ms| format!("{ms}ms"));
    section(
        page,
        "timeouts",
        &[
            ("connect", span("mysql-connect_timeout_server")),
            ("query", span("mysql-default_query_timeout")),
            ("idle_client", span("mysql-wait_timeout")),
        ],
    );
    let packet = number("mysql-max_allowed_packet").map(|bytes| bytes.clamp(1 << 10, 1 << 30) >> 10);
    section(
        page,
        "limits",
        &[
            ("max_clients", number("mysql-max_connections").map(|most| most.to_string())),
            ("max_allowed_packet", packet.map(|kib| format!("{kib}KiB"))),
        ],
    );
    let each: BTreeSet<i64> = model.servers.iter().filter_map(|server| server.row.number("max_connections")).collect();
    if each.len() > 1 {
        page.no_equal(
            0,
            "each server a max_connections of its own: the largest stands in pool.max_connections, for all",
        );
    }
    section(
        page,
        "pool",
        &[
            ("max_connections", each.last().filter(|most| **most > 0).map(ToString::to_string)),
            ("max_lifetime", span("mysql-connection_max_age_ms")),
            ("max_statements", number("mysql-max_stmts_per_connection").map(|most| most.to_string())),
        ],
    );
    let lags =
        model.servers.iter().filter_map(|server| server.row.number("max_replication_lag")).filter(|lag| *lag > 0);
    let lags: BTreeSet<i64> = lags.collect();
    if lags.len() > 1 {
        page.no_equal(
            0,
            "each server a max_replication_lag of its own: the smallest stands in health.max_lag, for all",
        );
    }
    section(page, "health", &[("max_lag", lags.first().map(|lag| format!("{lag}s")))]);
    tls(model, page);
    admin(model, page);
}

fn tls(model: &Model, page: &mut Page) {
    let of = |name: &str| model.variable(name).map(quoted);
    let keys =
        [("ca", of("mysql-ssl_p2s_ca")), ("certificate", of("mysql-ssl_p2s_cert")), ("key", of("mysql-ssl_p2s_key"))];
    let demanded = model.servers.iter().any(|server| server.row.is_on("use_ssl"));
    if demanded || keys.iter().any(|(_, value)| value.is_some()) {
        page.line("\ntls:\n  servers:");
        if demanded {
            page.remark(4, "ProxySQL decides this for each server, Forebay for all.");
            page.line("    mode: required");
        }
        for (key, value) in keys {
            if let Some(value) = value {
                page.line(&format!("    {key}: {value}"));
            }
        }
    }
}

fn admin(model: &Model, page: &mut Page) {
    let Some(credentials) = model.variable("admin-admin_credentials") else { return };
    let listen = model.variable("admin-mysql_ifaces").unwrap_or("127.0.0.1:6032").split(';').next().unwrap_or_default();
    page.line(&format!("\nadmin:\n  listen: {}\n  users:", quoted(listen.trim())));
    for (user, password) in credentials.split(';').filter_map(|pair| pair.split_once(':')) {
        page.line(&format!("    - {{name: {}, password: {}}}", literal(user.trim()), literal(password)));
    }
}

/// Variables that became something above.
pub(super) const VARIABLES: [&str; 15] = [
    "mysql-interfaces",
    "mysql-monitor_username",
    "mysql-monitor_password",
    "mysql-threads",
    "mysql-connect_timeout_server",
    "mysql-default_query_timeout",
    "mysql-wait_timeout",
    "mysql-max_connections",
    "mysql-max_allowed_packet",
    "mysql-connection_max_age_ms",
    "mysql-max_stmts_per_connection",
    "mysql-ssl_p2s_ca",
    "mysql-ssl_p2s_cert",
    "mysql-ssl_p2s_key",
    "admin-admin_credentials",
];

fn leftovers(model: &Model, page: &mut Page) {
    page.line("");
    let done = |name: &&String| VARIABLES.contains(&name.as_str()) || *name == "admin-mysql_ifaces";
    for (name, value) in model.variables.iter().filter(|(name, _)| !done(name)) {
        page.no_equal(0, &format!("variable {name} = {value}"));
    }
    for row in &model.attributes {
        let id = row.number("hostgroup_id").unwrap_or_default();
        for (column, value) in
            row.cells.iter().filter(|(column, _)| !["hostgroup_id", "comment"].contains(&column.as_str()))
        {
            page.no_equal(0, &format!("hostgroup {id}: {column} = {value}"));
        }
    }
    for (table, rows) in &model.others {
        page.no_equal(0, &format!("{table}: rows left out: {rows}"));
    }
}
