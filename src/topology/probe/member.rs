//! Members of a cluster that replicates by itself: Group Replication (InnoDB Cluster) and Galera.
//!
//! <https://dev.mysql.com/doc/refman/9.0/en/performance-schema-replication-group-members-table.html>,
//! <https://galeracluster.com/library/documentation/galera-status-variables.html>

use mysql_async::{Conn, Error, Result, Row, prelude::Queryable};

use super::status::text;
use crate::{
    sql::lexer::Flavor,
    topology::verdict::{Member, Membership},
};

/// The rows of a group as its own member sees it: whether it is the member itself, state, role.
const GROUP: &str = "SELECT member_id = @@global.server_uuid, member_state, member_role \
                     FROM performance_schema.replication_group_members";
const GALERA: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_provider_name', 'wsrep_cluster_status', 'wsrep_connected', \
                      'wsrep_ready', 'wsrep_local_state', 'wsrep_local_state_comment', 'wsrep_local_index')";
/// wsrep_local_state: Synced.
const SYNCED: &str = "4";

/// None: it is no member of a cluster, or does not tell.
pub(super) async fn ask(conn: &mut Conn, flavor: Flavor) -> Result<Option<Member>> {
    let query = match flavor {
        Flavor::MySql { version: 80_002.. } => GROUP,
        Flavor::MySql { .. } => return Ok(None),
        Flavor::MariaDb { .. } => GALERA,
    };
    let rows: Vec<Row> = match conn.query(query).await {
        Ok(rows) => rows,
        Err(Error::Server(error)) if error.code != super::times::SHUTDOWN => return Ok(None),
        Err(error) => return Err(error),
    };
    let cells =
        rows.iter().map(|row| (0..row.len()).map(|at| row.as_ref(at).and_then(text).unwrap_or_default()).collect());
    let rows: Vec<Vec<String>> = cells.collect();
    Ok(match flavor {
        Flavor::MySql { .. } => group(&rows),
        Flavor::MariaDb { .. } => galera(&rows),
    })
}

/// Group Replication. A member that is not in the group any more says OFFLINE and nothing of the others: then it is a server
/// like any other, which nobody feeds.
fn group(rows: &[Vec<String>]) -> Option<Member> {
    let cell = |row: &Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
    let own = rows.iter().find(|row| cell(row, 0) == "1")?;
    let (state, role) = (cell(own, 1), cell(own, 2));
    let in_state = |wanted: &str| rows.iter().filter(|row| cell(row, 1) == wanted).count();
    let lost = in_state("UNREACHABLE");
    let membership = match &*state {
        "OFFLINE" => return None,
        "ONLINE" if lost * 2 >= rows.len() => {
            Membership::Out(format!("its group has no majority: {lost} of {} members are unreachable", rows.len()))
        }
        "ONLINE" => Membership::Serves,
        "RECOVERING" => Membership::Out("it is still recovering in its group".to_owned()),
        other => Membership::Out(format!("its group has it as {other}")),
    };
    Some(Member { membership, may_lead: role == "PRIMARY", rank: 0 })
}

/// Galera: every node takes writes; which one gets them is Forebay's choice.
fn galera(rows: &[Vec<String>]) -> Option<Member> {
    let value = |name: &str| {
        let row = rows.iter().find(|row| row.first().is_some_and(|first| first.eq_ignore_ascii_case(name)));
        row.and_then(|row| row.get(1)).map_or("", String::as_str)
    };
    if value("wsrep_provider_name").is_empty() {
        return None;
    }
    let (status, state) = (value("wsrep_cluster_status"), value("wsrep_local_state_comment"));
    let membership = match () {
        () if status != "Primary" => {
            Membership::Out(format!("its part of the cluster is {status}: it has no majority"))
        }
        () if value("wsrep_ready") != "ON" || value("wsrep_connected") != "ON" => {
            Membership::Out("its cluster is not ready".to_owned())
        }
        () if value("wsrep_local_state") != SYNCED => {
            Membership::Out(format!("in its cluster it is {state}, not Synced"))
        }
        () => Membership::Serves,
    };
    Some(Member { membership, may_lead: true, rank: value("wsrep_local_index").parse().unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.split('\n').map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }

    fn out(why: &str) -> Membership {
        Membership::Out(why.to_owned())
    }

    /// As MySQL's manual shows the table, and its states.
    #[test]
    fn groups() {
        let three = |own: &str, other: &str| rows(&format!("1|{own}\n0|{other}\n0|{other}"));
        for (rows, expected) in [
            (three("ONLINE|PRIMARY", "ONLINE|SECONDARY"), Some((Membership::Serves, true))),
            (three("ONLINE|SECONDARY", "ONLINE|PRIMARY"), Some((Membership::Serves, false))),
            (three("ONLINE|PRIMARY", "ONLINE|PRIMARY"), Some((Membership::Serves, true))),
            (
                three("RECOVERING|SECONDARY", "ONLINE|PRIMARY"),
                Some((out("it is still recovering in its group"), false)),
            ),
            (three("ERROR|", "ONLINE|PRIMARY"), Some((out("its group has it as ERROR"), false))),
            (
                three("ONLINE|PRIMARY", "UNREACHABLE|SECONDARY"),
                Some((out("its group has no majority: 2 of 3 members are unreachable"), true)),
            ),
            (rows("1|ONLINE|PRIMARY\n0|ONLINE|SECONDARY\n0|UNREACHABLE|SECONDARY"), Some((Membership::Serves, true))),
            (rows("1|ONLINE|PRIMARY"), Some((Membership::Serves, true))),
            (rows("1|OFFLINE|"), None),
            (rows("0|OFFLINE|"), None),
            (Vec::new(), None),
        ] {
            let said = group(&rows).map(|member| (member.membership, member.may_lead));
            assert_eq!(said, expected, "{rows:?}");
        }
    }

    /// As Galera's manual names them; a MariaDB without a provider has the variables too, empty.
    #[test]
    fn galera_nodes() {
        let node = |status: &str, ready: &str, state: &str, comment: &str| {
            rows(&format!(
                "wsrep_local_state|{state}\nwsrep_local_state_comment|{comment}\nwsrep_cluster_status|{status}\nwsrep_connected|ON\n\
                 wsrep_local_index|2\nwsrep_provider_name|Galera\nwsrep_ready|{ready}"
            ))
        };
        for (rows, expected) in [
            (node("Primary", "ON", "4", "Synced"), Membership::Serves),
            (node("Primary", "ON", "2", "Donor/Desynced"), out("in its cluster it is Donor/Desynced, not Synced")),
            (node("Primary", "ON", "3", "Joined"), out("in its cluster it is Joined, not Synced")),
            (node("Primary", "OFF", "4", "Synced"), out("its cluster is not ready")),
            (
                node("non-Primary", "OFF", "0", "Initialized"),
                out("its part of the cluster is non-Primary: it has no majority"),
            ),
        ] {
            assert_eq!(galera(&rows), Some(Member { membership: expected, may_lead: true, rank: 2 }), "{rows:?}");
        }
        let none =
            rows("wsrep_cluster_status|Disconnected\nwsrep_connected|OFF\nwsrep_provider_name|\nwsrep_ready|OFF");
        assert_eq!(galera(&none), None);
        assert_eq!(galera(&[]), None);
    }
}
