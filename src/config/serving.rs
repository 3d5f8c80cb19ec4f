//! `listen`, `timeouts`, `limits`, `compression`, `routing` and `server_version`: how clients are served.

use std::path::Path;

use super::{
    form::{self, Form, Words},
    groups::BALANCE,
    metrics,
    section::{At, Section},
    servers::ZONE,
    statement_logs::{access_log, slow_log},
    yaml::{Node, Value},
};
use crate::{
    net::Address,
    pool,
    proxy::{Compression, Failover, Limits, Listen, Settings, Timeouts},
    routing::{Consistency, GroupBy, Scope, rules::Balance},
};

/// How long a read waits for a replica to have the writes it must see.
const CAUSAL_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(100);
/// How long a session's reads stay on the primary after a write whose GTID is not known.
const STICKY: std::time::Duration = std::time::Duration::from_secs(1);

/// So many groups are kept, at some hundred bytes each.
const MAX_GROUPS: usize = 10_000;

/// What makes sessions a group.
const GROUP_BY: Form<GroupBy> = Form {
    what: "what a group is known by",
    examples: "`hint`, `comment:KEY`, `attribute:NAME`, `user` or `client_host`",
    parse: GroupBy::parse,
};

/// A statement that takes no longer is fast enough.
const APDEX_T: std::time::Duration = std::time::Duration::from_millis(500);

/// The levels of DESIGN's consistency, by name.
pub const CONSISTENCY: Words<Consistency> = Words {
    what: "a consistency level",
    words: &[
        ("eventual", Consistency::Eventual),
        ("session", Consistency::Session),
        ("group", Consistency::Group),
        ("global", Consistency::Global),
        ("strong", Consistency::Strong),
    ],
};

const SCOPE: Words<Scope> =
    Words { what: "what reads wait for", words: &[("all", Scope::All), ("tables", Scope::Tables)] };

/// What clients may compress with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Zlib,
    Zstd,
}

const ALGORITHM: Form<Algorithm> = Form {
    what: "a way to compress",
    examples: "`[zlib, zstd]`, one of them, or `[]` for none",
    parse: |text| match text {
        "zlib" => Some(Algorithm::Zlib),
        "zstd" => Some(Algorithm::Zstd),
        _ => None,
    },
};

/// `table` or `schema.table`.
const TABLE: Form<String> = Form {
    what: "a table",
    examples: "it as `table` or `schema.table`",
    parse: |text| {
        let good = |part: &str| !part.is_empty() && !part.contains(['`', '"', ' ', '%', '*']);
        let parts: Vec<_> = text.split('.').collect();
        (parts.len() <= 2 && parts.iter().all(|part| good(part))).then(|| text.to_owned())
    },
};

/// What the top level says of serving clients. `rules`: the rules' folder as written, with its place.
pub struct Serving {
    /// Checked.
    pub settings: Settings,
    /// `routing.rules`, if given.
    pub rules: Option<At<String>>,
    /// `routing.zone`: where Forebay stands.
    pub zone: Option<String>,
    /// The listeners with their places, for checks against other sections.
    pub listen: Vec<At<Listen>>,
}

/// Reads the keys of the top level that say how clients are served.
pub fn read(root: &Section<'_>) -> Serving {
    let listen = listen(root);
    let (mut rules, mut zone) = (None, None);
    let mut settings = Settings {
        listen: listen.iter().map(|listen| listen.value.clone()).collect(),
        threads: root.get("threads", &form::THREADS).flatten(),
        timeouts: timeouts(root),
        limits: limits(root),
        pool: pool(root),
        compression: compression(root),
        server_version: root.get("server_version", &form::VERSION),
        primary_only_tables: Vec::new(),
        hints_may_loosen: false,
        balance: Balance::default(),
        consistency: Consistency::default(),
        group_by: vec![GroupBy::Hint, GroupBy::User],
        consistency_scope: Scope::default(),
        max_groups: MAX_GROUPS,
        max_lag: None,
        causal_timeout: CAUSAL_TIMEOUT,
        sticky: STICKY,
        apdex_t: APDEX_T,
        failover: Failover::default(),
        slow_log: slow_log(root),
        access_log: access_log(root),
    };
    metrics::read(root, &mut settings);
    if let Some(routing) = root.section("routing") {
        rules = routing.get_at("rules", &form::TEXT);
        zone = routing.get("zone", &ZONE);
        read_routing(&routing, &mut settings);
        routing.finish();
    }
    Serving { settings, rules, zone, listen }
}

fn listen(root: &Section<'_>) -> Vec<At<Listen>> {
    let Some(listen) = root.list_of("listen", |root, node| listen_on(root, node)) else {
        root.error(root.at, "`listen` is missing: say where clients connect, as in `listen: 127.0.0.1:3306`");
        return Vec::new();
    };
    if root.is_empty_list("listen") {
        root.error(root.place("listen"), "`listen` is an empty list: write at least one address");
    }
    for (i, one) in listen.iter().enumerate() {
        let address = &one.value.address;
        if listen.iter().take(i).any(|earlier| earlier.value.address == *address) {
            root.error(one.at, format!("`listen` names {address} twice"));
        }
        if let Address::Unix(path) = address {
            check_socket_folder(root, one, path);
        }
    }
    listen
}

/// An address, or a group with one.
fn listen_on(root: &Section<'_>, node: &Node) -> Option<At<Listen>> {
    if !matches!(node.value, Value::Map(_)) {
        let address = root.scalar(node, "listen", &form::ADDRESS)?;
        return Some(At { value: address.value.into(), at: address.at });
    }
    let section = Section::open(node, "listen[]", root.findings())?;
    let address = section.get_at("address", &form::ADDRESS);
    if section.node("address").is_none() {
        section.error(section.at, format!("an entry of `listen` needs an `address`: write {}", form::ADDRESS.examples));
    }
    let from = section.list("proxy_protocol_from", &form::HOST).unwrap_or_default();
    section.finish();
    let proxy_protocol_from = from.into_iter().map(|from| from.value).collect();
    address.map(|At { value: address, at }| At { value: Listen { address, proxy_protocol_from }, at })
}

/// A socket in a folder that is not there fails only when it is bound; a check can say so before.
fn check_socket_folder(root: &Section<'_>, listen: &At<Listen>, path: &Path) {
    match path.parent() {
        Some(folder) if folder.is_dir() => {}
        _ => root.findings().warning(
            Some(listen.at),
            format!("`listen`: the folder of {} does not exist (yet): Forebay does not make it", path.display()),
        ),
    }
}

fn timeouts(root: &Section<'_>) -> Timeouts {
    let mut timeouts = Timeouts::default();
    if let Some(section) = root.section("timeouts") {
        set(&mut timeouts.connect, section.get("connect", &form::POSITIVE_DURATION));
        set(&mut timeouts.handshake, section.get("handshake", &form::POSITIVE_DURATION));
        set(&mut timeouts.query, section.get("query", &form::DURATION_OR_OFF));
        set(&mut timeouts.idle_client, section.get("idle_client", &form::POSITIVE_DURATION));
        set(&mut timeouts.drain, section.get("drain", &form::DURATION));
        set(&mut timeouts.idle_in_transaction, section.get("idle_in_transaction", &form::DURATION_OR_OFF));
        section.finish();
    }
    timeouts
}

fn limits(root: &Section<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = root.section("limits") else { return limits };
    set(&mut limits.max_clients, section.get("max_clients", &form::COUNT));
    for (key, limit) in
        [("per_user", &mut limits.max_clients_per_user), ("per_address", &mut limits.max_clients_per_address)]
    {
        set(limit, section.get(key, &form::COUNT_OR_OFF));
        if limit.is_some_and(|limit| limit > limits.max_clients) {
            section.error(
                section.place(key),
                format!("`limits.{key}` is above `limits.max_clients` ({}): it would never apply", limits.max_clients),
            );
        }
    }
    set(&mut limits.max_handshakes, section.get("max_handshakes", &form::COUNT));
    set(&mut limits.login_delay, section.get("login_delay", &form::DURATION_OR_OFF));
    set(&mut limits.max_allowed_packet_bytes, section.get("max_allowed_packet", &form::PACKET_SIZE));
    set(&mut limits.relay_window_bytes, section.get("relay_window", &form::WINDOW_SIZE));
    section.finish();
    limits
}

fn pool(root: &Section<'_>) -> pool::Settings {
    let mut pool = pool::Settings::default();
    if let Some(section) = root.section("pool") {
        let count = |key| section.get(key, &form::COUNT).and_then(|count| usize::try_from(count).ok());
        set(&mut pool.max_connections, count("max_connections"));
        let least = section.get("min_connections", &form::NUMBER);
        set(&mut pool.min_connections, least);
        set(&mut pool.max_waiting, count("max_waiting"));
        set(&mut pool.wait_timeout, section.get("wait_timeout", &form::POSITIVE_DURATION));
        set(&mut pool.hold, section.get("hold", &form::DURATION));
        set(&mut pool.max_idle, section.get("max_idle", &form::NUMBER_OR_OFF));
        set(&mut pool.idle_timeout, section.get("idle_timeout", &form::POSITIVE_DURATION));
        set(&mut pool.max_lifetime, section.get("max_lifetime", &form::POSITIVE_DURATION));
        let most = pool.max_idle.map_or(pool.max_connections, |most| most.min(pool.max_connections));
        if pool.min_connections > most {
            let which = if most < pool.max_connections { "max_idle" } else { "max_connections" };
            section.error(
                section.place("min_connections"),
                format!("`pool.min_connections` is above `pool.{which}` ({most}): so many are never open while nobody uses them"),
            );
        }
        set(&mut pool.max_statements, section.get("max_statements", &form::NUMBER));
        section.finish();
    }
    pool
}

/// A list of what may be used; `[]`: nothing.
fn compression(root: &Section<'_>) -> Compression {
    let Some(given) = root.list("compression", &ALGORITHM) else { return Compression::default() };
    let has = |algorithm| given.iter().any(|given| given.value == algorithm);
    Compression { zlib: has(Algorithm::Zlib), zstd: has(Algorithm::Zstd) }
}

fn read_routing(section: &Section<'_>, settings: &mut Settings) {
    set(&mut settings.consistency, section.word("consistency", &CONSISTENCY).map(|level| level.value));
    set(&mut settings.consistency_scope, section.word("consistency_scope", &SCOPE).map(|scope| scope.value));
    if let Some(by) = section.list("group_by", &GROUP_BY) {
        if section.is_empty_list("group_by") {
            section
                .error(section.place("group_by"), "`routing.group_by` is an empty list: write `user`, or leave it out");
        }
        settings.group_by = by.into_iter().map(|by| by.value).collect();
    }
    set(&mut settings.max_groups, section.get("max_groups", &form::COUNT).and_then(|most| usize::try_from(most).ok()));
    set(&mut settings.max_lag, section.get("max_lag", &form::DURATION_OR_OFF));
    set(&mut settings.causal_timeout, section.get("causal_timeout", &form::POSITIVE_DURATION));
    set(&mut settings.sticky, section.get("sticky", &form::DURATION));
    set(&mut settings.balance, section.word("balance", &BALANCE).map(|balance| balance.value));
    set(&mut settings.hints_may_loosen, section.get("hints_may_loosen", &form::SWITCH));
    if let Some(tables) = section.list("primary_only_tables", &TABLE) {
        settings.primary_only_tables = tables.into_iter().map(|table| table.value).collect();
    }
}

/// Puts a given value in the place of a default.
pub fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}
