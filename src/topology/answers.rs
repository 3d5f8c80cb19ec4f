//! The variables on which answers depend. A new session takes their global values, so that a change of these must reach
//! the connections that stand.

use crate::sql::lexer::Flavor;

/// Variables on which answers depend (values, metadata, errors), on both kinds of server. Performance settings are not
/// among them: those are each server's own.
const COMMON: &[&str] = &[
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "sql_mode",
    "time_zone",
    "lc_time_names",
    "lc_messages",
    "div_precision_increment",
    "group_concat_max_len",
    "default_week_format",
    "sql_select_limit",
    "sql_big_selects",
    "max_join_size",
    "max_sort_length",
    "max_error_count",
    "sql_quote_show_create",
    "sql_auto_is_null",
    "sql_notes",
    "sql_warnings",
];
const MARIADB: &[&str] = &["tx_isolation", "old_mode", "max_recursive_iterations", "system_versioning_asof"];
const MYSQL: &[&str] = &[
    "transaction_isolation",
    "block_encryption_mode",
    "windowing_use_high_precision",
    "cte_max_recursion_depth",
    "show_create_table_verbosity",
    "information_schema_stats_expiry",
];

/// Their names, on this kind of server.
pub fn variables(flavor: Flavor) -> impl Iterator<Item = &'static str> {
    let own = match flavor {
        Flavor::MariaDb { .. } => MARIADB,
        Flavor::MySql { .. } => MYSQL,
    };
    COMMON.iter().chain(own).copied()
}

/// Asks for their global values, and for what else a new session begins with, as one text.
pub(super) fn globals_query(flavor: Flavor) -> String {
    let names: Vec<_> = variables(flavor).chain(["init_connect", "autocommit"]).collect();
    format!("SELECT CONCAT_WS('\\n', @@global.{})", names.join(", @@global."))
}
