//! What the rows mean together: one cluster's servers, which hostgroup is what, users, rules, variables.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, columns::OTHER_TABLES};

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) servers: Vec<Server>,
    pub(super) hostgroups: BTreeMap<i64, Hostgroup>,
    /// Whether roles follow `read_only`.
    pub(super) follows_read_only: bool,
    pub(super) users: Vec<Row>,
    pub(super) rules: Vec<Row>,
    pub(super) attributes: Vec<Row>,
    pub(super) variables: BTreeMap<String, String>,
    /// Pairs of hostgroups of other clusters.
    pub(super) other_pairs: Vec<Row>,
    /// Rows of tables that have no equal: how many of each.
    pub(super) others: BTreeMap<String, usize>,
}

/// A server, in all its hostgroups.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: String,
    pub(super) hostgroups: BTreeSet<i64>,
    /// The first of its rows.
    pub(super) row: Row,
}

/// What a hostgroup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hostgroup {
    /// Of the primary.
    Writers,
    /// Of the replicas, all of them.
    Readers,
    /// One more, with this name.
    Other(String),
}

impl Model {
    pub(super) fn of(rows: &[Row]) -> Model {
        let of = |table: &str| rows.iter().filter(|row| row.table == table).cloned().collect::<Vec<_>>();
        let mut model =
            Model { users: of("mysql_users"), attributes: of("mysql_hostgroup_attributes"), ..Model::default() };
        model.rules = of("mysql_query_rules");
        model.rules.sort_by_key(|row| row.number("rule_id").unwrap_or(i64::MAX));
        for row in of("global_variables") {
            if let (Some(name), Some(value)) = (row.cells.get("variable_name"), row.cells.get("variable_value")) {
                let name = name.strip_prefix("mysql_").map_or_else(|| name.clone(), |rest| format!("mysql-{rest}"));
                model.variables.insert(name, value.clone());
            }
        }
        for row in rows.iter().filter(|row| OTHER_TABLES.contains(&row.table.as_str())) {
            *model.others.entry(row.table.clone()).or_default() += 1;
        }
        for row in of("mysql_servers") {
            model.add_server(row);
        }
        let mut pairs = of("mysql_replication_hostgroups").into_iter();
        let pair = pairs.next();
        model.other_pairs = pairs.collect();
        model.follows_read_only = pair.is_some();
        model.name_hostgroups(pair.as_ref());
        // Where roles are not said, the first is taken for the primary.
        let mut servers = std::mem::take(&mut model.servers);
        servers.sort_by_key(|server| !model.writes(server));
        model.servers = servers;
        model
    }

    fn add_server(&mut self, row: Row) {
        let host = row.text("hostname").unwrap_or("127.0.0.1");
        let port = row.text("port").unwrap_or("3306");
        let address = match host {
            socket if socket.starts_with('/') => socket.to_owned(),
            host if host.contains(':') => format!("[{host}]:{port}"),
            host => format!("{host}:{port}"),
        };
        let hostgroup = row.number("hostgroup_id").unwrap_or(0);
        match self.servers.iter_mut().find(|server| server.address == address) {
            Some(server) => drop(server.hostgroups.insert(hostgroup)),
            None => self.servers.push(Server { address, hostgroups: BTreeSet::from([hostgroup]), row }),
        }
    }

    /// Which is the primary's and which the replicas': as the table says, else as users and rules use them.
    fn name_hostgroups(&mut self, pair: Option<&Row>) {
        let mut all: BTreeSet<i64> = self.servers.iter().flat_map(|server| server.hostgroups.iter().copied()).collect();
        all.extend(self.rules.iter().filter_map(|rule| rule.number("destination_hostgroup")));
        all.extend(self.users.iter().filter_map(|user| user.number("default_hostgroup")));
        let (writer, reader) = match pair {
            Some(pair) => (pair.number("writer_hostgroup"), pair.number("reader_hostgroup")),
            None => {
                let default = self.users.iter().find_map(|user| user.number("default_hostgroup"));
                let writer = default.or_else(|| all.first().copied());
                let reads = |rule: &&Row| {
                    let pattern = rule.text("match_digest").or(rule.text("match_pattern")).unwrap_or_default();
                    pattern.to_ascii_uppercase().contains("SELECT")
                };
                let to = self.rules.iter().filter(reads).filter_map(|rule| rule.number("destination_hostgroup"));
                let reader = to.chain(all.iter().copied()).find(|id| Some(*id) != writer);
                (writer, reader)
            }
        };
        // Where there are servers besides, `replicas` would be too many.
        let known = |id: &i64| Some(*id) == writer || Some(*id) == reader || self.is_of_other_cluster(*id);
        let are_more = self.servers.iter().any(|server| !server.is_off() && !server.hostgroups.iter().any(known));
        all.extend(writer.into_iter().chain(reader));
        for id in all {
            let what = match id {
                id if Some(id) == writer => Hostgroup::Writers,
                id if Some(id) == reader && !are_more => Hostgroup::Readers,
                id => Hostgroup::Other(format!("hostgroup_{id}")),
            };
            self.hostgroups.insert(id, what);
        }
    }

    /// Whether a server is in the writers' hostgroup.
    pub(super) fn writes(&self, server: &Server) -> bool {
        server.hostgroups.iter().any(|id| self.hostgroups.get(id) == Some(&Hostgroup::Writers))
    }

    /// What rules call a hostgroup, if it has a server.
    pub(super) fn route(&self, hostgroup: i64) -> Option<String> {
        match self.hostgroups.get(&hostgroup)? {
            Hostgroup::Writers => Some("primary".to_owned()),
            Hostgroup::Readers => Some("replicas".to_owned()),
            Hostgroup::Other(name) => self.members(hostgroup).next().map(|_| name.clone()),
        }
    }

    pub(super) fn is_of_other_cluster(&self, hostgroup: i64) -> bool {
        let of = |row: &Row| {
            ["writer_hostgroup", "reader_hostgroup"].iter().any(|column| row.number(column) == Some(hostgroup))
        };
        self.other_pairs.iter().any(of)
    }

    /// Servers of a hostgroup that are in use.
    pub(super) fn members(&self, hostgroup: i64) -> impl Iterator<Item = (usize, &Server)> {
        self.servers
            .iter()
            .enumerate()
            .filter(move |(_, server)| server.hostgroups.contains(&hostgroup) && !server.is_off())
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl Server {
    /// Taken out of use by hand.
    pub(super) fn is_off(&self) -> bool {
        self.row.text("status").is_some_and(|status| status.to_ascii_uppercase().starts_with("OFFLINE"))
    }
}

impl Row {
    /// No other row has both.
    pub(super) fn line_and_id(&self) -> (usize, Option<&str>) {
        (self.line, self.text("rule_id"))
    }

    /// A cell that says something.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, column: &str) -> Option<i64> {
        self.text(column)?.parse().ok()
    }

    /// Neither 0 nor nothing.
    pub(super) fn is_on(&self, column: &str) -> bool {
        self.number(column).is_some_and(|number| number != 0)
    }
}
