//! Names that lead to servers, and where they lead now: a file in the form of `/etc/hosts` is asked first, then the system.

use std::{collections::BTreeSet, io, net::IpAddr, path::PathBuf};

use super::ServerSettings;
use crate::net::Address;

/// A name that leads to more servers than this leads to the first of them only.
const MAX_ADDRESSES: usize = 64;

/// Where names are looked up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Names {
    /// A file in the form of `/etc/hosts`, which is asked first.
    pub hosts: Option<PathBuf>,
}

impl Names {
    /// The addresses behind a name, in order, without repetitions; at least one.
    ///
    /// # Errors
    /// Nobody knows it.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let listed = match &self.hosts {
            Some(file) => in_hosts(&tokio::fs::read_to_string(file).await?, name),
            None => BTreeSet::new(),
        };
        let found = match listed.is_empty() {
            true => tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect(),
            false => listed,
        };
        let found: Vec<IpAddr> = found.into_iter().take(MAX_ADDRESSES).collect();
        if found.is_empty() {
            Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
        } else {
            Ok(found)
        }
    }

    /// The servers as configured, with names looked up: one behind which each address is a server of its own becomes as many.
    /// Where nobody knows a name now, it leads where it led `before`.
    pub async fn resolve(&self, servers: &[ServerSettings], before: &[ServerSettings]) -> Vec<ServerSettings> {
        let mut all = Vec::new();
        for server in servers {
            let Some((host, port)) = name_of(&server.address) else {
                all.push(server.clone());
                continue;
            };
            match self.lookup(&host).await {
                Ok(found) => all.extend(at(server, &host, port, found)),
                Err(error) => {
                    tracing::debug!(name = host, %error, "a server's name leads nowhere now");
                    all.extend(as_before(server, before));
                }
            }
        }
        all
    }
}

/// Whether something about these servers can change without anybody's doing.
pub fn have_names(servers: &[ServerSettings]) -> bool {
    servers.iter().any(|server| name_of(&server.address).is_some())
}

/// The name and the port, if it is one that can lead elsewhere.
fn name_of(address: &Address) -> Option<(String, u16)> {
    let (Address::Tcp { host, port } | Address::Found { host, port, .. }) = address else { return None };
    let is_fixed = host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost");
    (!is_fixed).then(|| (host.clone(), *port))
}

/// The server, or one for each address.
fn at(server: &ServerSettings, host: &str, port: u16, found: Vec<IpAddr>) -> Vec<ServerSettings> {
    let place = |at| Address::Found { host: host.to_owned(), port, at };
    match server.each_address {
        false => vec![ServerSettings { address: place(found), ..server.clone() }],
        true => {
            let one = |ip: IpAddr| ServerSettings {
                name: format!("{}/{ip}", server.name),
                address: place(vec![ip]),
                ..server.clone()
            };
            found.into_iter().map(one).collect()
        }
    }
}

fn as_before(server: &ServerSettings, before: &[ServerSettings]) -> Vec<ServerSettings> {
    let is_its_own = |old: &&ServerSettings| match server.each_address {
        true => old.name.strip_prefix(&server.name).is_some_and(|rest| rest.starts_with('/')),
        false => old.name == server.name,
    };
    let known = before.iter().filter(is_its_own);
    let known: Vec<_> = known
        .map(|old| ServerSettings { name: old.name.clone(), address: old.address.clone(), ..server.clone() })
        .collect();
    if known.is_empty() && !server.each_address { vec![server.clone()] } else { known }
}

/// `127.0.0.1 localhost here # comment`
fn in_hosts(text: &str, name: &str) -> BTreeSet<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::RoleSetting;

    fn server(name: &str, address: &str, each_address: bool) -> ServerSettings {
        let new = ServerSettings::new(name, address.parse().unwrap(), RoleSetting::Replica);
        ServerSettings { each_address, weight: 7, ..new }
    }

    fn shown(servers: &[ServerSettings]) -> Vec<String> {
        servers.iter().map(|server| format!("{} {}", server.name, server.address)).collect()
    }

    #[tokio::test]
    async fn names_lead_where_the_file_says() {
        let file = std::env::temp_dir().join(format!("forebay-hosts-{}", std::process::id()));
        let names = Names { hosts: Some(file.clone()) };
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        let configured = [
            server("fixed", "127.0.0.1:1", false),
            server("socket", "/s", false),
            server("local", "localhost:2", false),
            server("one", "one.test:3", false),
            server("many", "many.test:4", true),
        ];
        write(
            "127.0.0.9 one.test # many.test\n127.0.0.8 x many.test\n127.0.0.7 MANY.test\nno address\n\n::1 many.test\n",
        );
        let first = names.resolve(&configured, &[]).await;
        assert_eq!(
            shown(&first),
            [
                "fixed 127.0.0.1:1",
                "socket /s",
                "local localhost:2",
                "one one.test:3 (127.0.0.9)",
                "many/127.0.0.7 many.test:4 (127.0.0.7)",
                "many/127.0.0.8 many.test:4 (127.0.0.8)",
                "many/::1 many.test:4 (::1)"
            ]
        );
        assert!(first.iter().all(|server| server.weight == 7));
        // Nobody knows the names: they lead where they led. (`.invalid` never leads anywhere.)
        std::fs::remove_file(&file).unwrap();
        assert_eq!(names.resolve(&configured, &first).await, first);
        let nothing = names.resolve(&configured, &[]).await;
        assert_eq!(shown(&nothing)[3..], ["one one.test:3"]);
        write("127.0.0.5 one.test\n127.0.0.8 many.test\n");
        let moved = names.resolve(&configured, &first).await;
        assert_eq!(shown(&moved)[3..], ["one one.test:3 (127.0.0.5)", "many/127.0.0.8 many.test:4 (127.0.0.8)"]);
        assert!(have_names(&configured) && !have_names(&configured[..3]));
        std::fs::remove_file(&file).unwrap();
    }
}
