//! The tables and columns of `ProxySQL` that are known. What is unknown is a typing error, and said so.

use super::{Broken, Row};
use crate::config::suggest;

/// Tables that are read, with their columns; `docs/import.md` says what becomes of each.
pub(super) const TABLES: [(&str, &[&str]); 6] = [
    (
        "mysql_servers",
        &[
            "hostgroup_id",
            "hostname",
            "port",
            "gtid_port",
            "status",
            "weight",
            "compression",
            "max_connections",
            "max_replication_lag",
            "use_ssl",
            "max_latency_ms",
            "comment",
        ],
    ),
    (
        "mysql_users",
        &[
            "username",
            "password",
            "active",
            "use_ssl",
            "default_hostgroup",
            "default_schema",
            "schema_locked",
            "transaction_persistent",
            "fast_forward",
            "backend",
            "frontend",
            "max_connections",
            "attributes",
            "comment",
        ],
    ),
    (
        "mysql_query_rules",
        &[
            "rule_id",
            "active",
            "username",
            "schemaname",
            "flagin",
            "client_addr",
            "proxy_addr",
            "proxy_port",
            "digest",
            "match_digest",
            "match_pattern",
            "negate_match_pattern",
            "re_modifiers",
            "flagout",
            "replace_pattern",
            "destination_hostgroup",
            "cache_ttl",
            "cache_empty_result",
            "cache_timeout",
            "reconnect",
            "timeout",
            "retries",
            "delay",
            "next_query_flagin",
            "mirror_flagout",
            "mirror_hostgroup",
            "error_msg",
            "ok_msg",
            "sticky_conn",
            "multiplex",
            "gtid_from_hostgroup",
            "log",
            "apply",
            "attributes",
            "comment",
        ],
    ),
    ("mysql_replication_hostgroups", &["writer_hostgroup", "reader_hostgroup", "check_type", "comment"]),
    (
        "mysql_hostgroup_attributes",
        &[
            "hostgroup_id",
            "max_num_online_servers",
            "autocommit",
            "free_connections_pct",
            "init_connect",
            "multiplex",
            "connection_warming",
            "throttle_connections_per_sec",
            "ignore_session_variables",
            "hostgroup_settings",
            "servers_defaults",
            "comment",
        ],
    ),
    ("global_variables", &["variable_name", "variable_value"]),
];

/// What `.cnf` files call a column besides.
const ALIASES: [(&str, &str, &str); 6] = [
    ("mysql_servers", "address", "hostname"),
    ("mysql_servers", "host", "hostname"),
    ("mysql_servers", "hostgroup", "hostgroup_id"),
    ("mysql_users", "user", "username"),
    ("mysql_query_rules", "hostgroup", "destination_hostgroup"),
    ("mysql_hostgroup_attributes", "hostgroup", "hostgroup_id"),
];

/// Tables of other things, which have no equal.
pub(super) const OTHER_TABLES: [&str; 16] = [
    "mysql_group_replication_hostgroups",
    "mysql_galera_hostgroups",
    "mysql_aws_aurora_hostgroups",
    "mysql_query_rules_fast_routing",
    "mysql_servers_ssl_params",
    "mysql_collations",
    "mysql_firewall_whitelist_rules",
    "mysql_firewall_whitelist_users",
    "mysql_firewall_whitelist_sqli_fingerprints",
    "proxysql_servers",
    "scheduler",
    "restapi_routes",
    "clickhouse_users",
    "pgsql_servers",
    "pgsql_users",
    "pgsql_query_rules",
];

/// The name of a column by its table's.
pub(super) fn known_as(table: &str, column: &str) -> String {
    let column = column.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(of, alias, _)| *of == table && *alias == column);
    alias.map_or(column, |(_, _, name)| (*name).to_owned())
}

pub(super) fn check(rows: &[Row]) -> Result<(), Broken> {
    for row in rows.iter().filter(|row| !OTHER_TABLES.contains(&row.table.as_str())) {
        let broken = |what: String| Broken { line: row.line, what };
        let Some((_, columns)) = TABLES.iter().find(|(table, _)| *table == row.table) else {
            let all = TABLES.iter().map(|(table, _)| *table).chain(OTHER_TABLES);
            return Err(broken(format!("`{}` is no table of ProxySQL's{}", row.table, near(&row.table, all))));
        };
        if let Some(column) = row.cells.keys().find(|column| !columns.contains(&column.as_str())) {
            let hint = near(column, columns.iter().copied());
            return Err(broken(format!("`{column}` is no column of {}{hint}", row.table)));
        }
    }
    Ok(())
}

fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    suggest::nearest(word, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}
