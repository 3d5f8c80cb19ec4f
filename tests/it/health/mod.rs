//! Which servers serve: what an operator says of them, where they stand, and how they are.

mod clusters;
pub mod found;
mod maintenance;
mod outliers;
mod uncounted;
mod verdicts;

use crate::support::{
    cluster::Cluster,
    endpoint::Endpoint,
    forebay::{Forebay, free_port, named},
    raw::{Client, Login},
};

/// Says which server answers.
const WHERE: &str = "/* forebay: replica */ SELECT @@server_id";

/// A Forebay of a test's own, with an admin port.
struct House {
    forebay: Forebay,
    admin: Endpoint,
    http: u16,
}

/// In front of a cluster, whose servers have `extra` keys, in their order; `more` stands at the top level.
fn house(cluster: &Cluster, extra: &[&str], more: &str) -> House {
    let servers: Vec<_> = cluster.servers().map(named).collect();
    house_before(&servers, extra, more)
}

/// The same, where servers are on other ports than their own.
fn house_before(servers: &[(String, u16)], extra: &[&str], more: &str) -> House {
    let (port, http) = (free_port(), free_port());
    let mut yaml = String::from("servers:\n");
    for (at, (name, port)) in servers.iter().enumerate() {
        let extra = extra.get(at).copied().unwrap_or_default();
        yaml += &format!("  - {{name: {name}, address: \"127.0.0.1:{port}\"{extra}}}\n");
    }
    yaml += "users: [{name: app, password: secret}]\nmonitor: {user: monitor, password: secret}\n";
    yaml += &format!(
        "admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n  \
         http: {{listen: \"127.0.0.1:{http}\", token: a-token-of-the-test}}\n"
    );
    let forebay = Forebay::configured(&(yaml + more), &[]);
    forebay.wait_until_serving();
    House { forebay, admin: Endpoint::new(port), http }
}

impl House {
    fn operator(&self) -> Client {
        Client::connect(&self.admin, &Login::operator()).unwrap()
    }

    fn client(&self) -> Client {
        Client::connect(&self.forebay.endpoint, &Login::to("app")).unwrap()
    }

    /// The servers that answered reads of so many new sessions.
    fn readers(&self, sessions: usize) -> Vec<String> {
        let mut seen: Vec<_> = (0..sessions).map(|_| self.client().value(WHERE)).collect();
        seen.sort();
        seen.dedup();
        seen
    }
}

/// A READ ONLY transaction on a replica: the only transaction there is.
struct Inside {
    client: Client,
}

impl Inside {
    fn begin(house: &House, cluster: &Cluster) -> Inside {
        cluster.sql(&["CREATE TABLE IF NOT EXISTS app.inside (n int)"]);
        cluster.settle();
        let mut client = house.client();
        client.ok("START TRANSACTION READ ONLY");
        let mut inside = Inside { client };
        assert_ne!(inside.server(house), "primary");
        inside
    }

    /// Where it runs; it reads there. (To ask for `@@server_id` would move it to the primary.)
    fn server(&mut self, house: &House) -> String {
        self.client.ok("SELECT COUNT(*) FROM inside");
        house.operator().value("SELECT server FROM pools WHERE held_for LIKE '%transaction%'")
    }
}
