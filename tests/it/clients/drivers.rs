//! PyMySQL and node's mysql2, plain and over TLS.

use super::{run, same_twice_for_sessions, script};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
};

both!(pymysql, mysql2);

fn pymysql(bed: &Bed) {
    for tls in ["0", "1"] {
        let said = same_twice_for_sessions(bed, "app_python", |to| pymysql_says(to, "app_python", tls));
        assert!(said.contains("[\"thread id\", true]") && said.contains("[\"18 MiB\", true]"), "{said}");
    }
}

pub fn pymysql_says(to: &Endpoint, database: &str, tls: &str) -> String {
    let mut python = script(paths::cache("python/bin/python"), to, database);
    run(python.arg(paths::tests("clients/python/check.py")).env("DB_SSL", tls)).good()
}

fn mysql2(bed: &Bed) {
    for tls in ["0", "1"] {
        let said = same_twice_for_sessions(bed, "app_node", |to| mysql2_says(to, "app_node", tls));
        assert!(said.contains("[\"connection id\",true]") && said.contains("[\"pool\",5050]"), "{said}");
    }
}

pub fn mysql2_says(to: &Endpoint, database: &str, tls: &str) -> String {
    let mut node = script("node", to, database);
    node.arg(paths::tests("clients/node/check.cjs")).env("DB_SSL", tls);
    run(node.env("NODE_PATH", paths::cache("node/node_modules"))).good()
}
