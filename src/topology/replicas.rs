//! The replicas that a primary knows of: those that say where they are (`report_host`).
//!
//! <https://dev.mysql.com/doc/refman/9.0/en/show-replicas.html>

use mysql_async::{Conn, Error, Result, Row, prelude::Queryable};

use super::{RoleSetting, ServerSettings, View};
use crate::net::Address;

/// More are not taken from anybody's list.
const MAX_REPLICAS: usize = 64;
/// ER_PARSE_ERROR: an older server, or MariaDB.
const PARSE_ERROR: u16 = 1064;

/// Asks a primary. Needs REPLICATION SLAVE.
///
/// # Errors
/// The driver's.
pub async fn ask(conn: &mut Conn) -> Result<Vec<Address>> {
    let rows: Vec<Row> = match conn.query("SHOW REPLICAS").await {
        Err(Error::Server(error)) if error.code == PARSE_ERROR => conn.query("SHOW SLAVE HOSTS").await?,
        rows => rows?,
    };
    let field = |row: &Row, index: usize| row.get_opt::<String, _>(index).and_then(std::result::Result::ok);
    let rows: Vec<_> =
        rows.iter().map(|row| (field(row, 1).unwrap_or_default(), field(row, 2).unwrap_or_default())).collect();
    Ok(addresses(&rows))
}

/// `Host` and `Port` of the rows; one that does not say where it is can't be found.
fn addresses(rows: &[(String, String)]) -> Vec<Address> {
    let address = |(host, port): &(String, String)| {
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty()).then(|| Address::Tcp { host: host.clone(), port })
    };
    rows.iter().filter_map(address).take(MAX_REPLICAS).collect()
}

/// The servers `listed`, and beside them the replicas `found` that are not among them. One that was found before and is not
/// any more stays while it is fit: its primary may have lost it for a moment.
pub fn merge(
    listed: &[ServerSettings],
    found: &[Address],
    before: &[ServerSettings],
    view: &View,
) -> Vec<ServerSettings> {
    let mut all = listed.to_vec();
    let is_fit = |name: &str| view.by_name(name).is_some_and(super::Server::is_fit_replica);
    let still = before.iter().filter(|old| old.discovered && is_fit(&old.name)).map(|old| &old.address);
    for address in found.iter().chain(still) {
        let known = all.iter().any(|server| server.address.leads_to(address) || server.name == address.to_string());
        if !known && all.len() < listed.len() + MAX_REPLICAS {
            let new = ServerSettings::new(address.to_string(), address.clone(), RoleSetting::Replica);
            all.push(ServerSettings { discovered: true, ..new });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Health;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn rows_without_a_host_are_left_out() {
        let row = |host: &str, port: &str| (host.to_owned(), port.to_owned());
        let rows = [row("127.0.0.1", "3307"), row("", "3308"), row("db", "0"), row("::1", "3309"), row("db", "x")];
        assert_eq!(addresses(&rows), [address("127.0.0.1:3307"), address("[::1]:3309")]);
    }

    #[test]
    fn what_is_listed_is_not_found_again_and_what_is_fit_stays() {
        let listed = [
            ServerSettings::new("primary", address("127.0.0.1:1"), RoleSetting::Auto),
            ServerSettings::new(
                "named",
                Address::Found { host: "db".into(), port: 2, at: vec!["127.0.0.2".parse().unwrap()] },
                RoleSetting::Auto,
            ),
        ];
        let names = |servers: &[ServerSettings]| servers.iter().map(|server| server.name.clone()).collect::<Vec<_>>();
        let found = [address("127.0.0.1:1"), address("127.0.0.2:2"), address("db:2"), address("127.0.0.3:3")];
        let first = merge(&listed, &found, &[], &View::default());
        assert_eq!(names(&first), ["primary", "named", "127.0.0.3:3"]);
        assert!(first[2].discovered && first[2].role == RoleSetting::Replica);
        let mut view = View::assumed(&first);
        assert_eq!(names(&merge(&listed, &[], &first, &view)), ["primary", "named", "127.0.0.3:3"]);
        view.servers[2].health = Health::Down;
        assert_eq!(names(&merge(&listed, &[], &first, &view)), ["primary", "named"]);
        assert_eq!(names(&merge(&listed, &found, &first, &view)).len(), 3, "and not twice");
    }
}
