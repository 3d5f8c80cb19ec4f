//! Users as configured.

use std::{collections::HashMap, fmt, net::IpAddr, sync::Arc};

mod host;
mod secret;

pub use host::{HostPattern, is_localhost};
pub use secret::Secret;

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// As the client says it, case-sensitive.
    pub name: String,
    /// One, or two while a password is being changed: either opens.
    pub secrets: Vec<Secret>,
    /// From where; empty: from anywhere.
    pub hosts: Vec<HostPattern>,
    /// Connections at once; `None`: no limit of this user's own.
    pub max_connections: Option<u32>,
    /// Only over TLS; as with the servers' REQUIRE SSL a Unix socket does not count.
    pub require_tls: bool,
}

impl User {
    /// Whether this user may come from `address` (`None`: a Unix socket).
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| host.matches(address))
    }
}

/// All users.
#[derive(Clone, Default, PartialEq)]
pub struct Users {
    by_name: HashMap<Vec<u8>, Arc<User>>,
}

impl Users {
    /// The users by their names; of two with the same name the last stays.
    pub fn new(users: Vec<User>) -> Users {
        let by_name = users.into_iter().map(|user| (user.name.clone().into_bytes(), Arc::new(user))).collect();
        Users { by_name }
    }

    /// The user of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.by_name.get(name)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.by_name.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether any user may come from `address` (`None`: a Unix socket). If none may, servers refuse before the greeting.
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        self.by_name.values().any(|user| user.admits(address))
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.values().map(|user| &user.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, hosts: &[&str]) -> User {
        let hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
        let secrets = vec![Secret::Plain(b"hidden".to_vec())];
        User { name: name.into(), secrets, hosts, max_connections: None, require_tls: false }
    }

    #[test]
    fn users_are_found_by_name_and_admitted_by_host() {
        let users = Users::new(vec![user("app", &["10.0.0.0/8"]), user("admin", &["localhost"])]);
        assert_eq!(users.get(b"app").unwrap().name, "app");
        assert!(users.get(b"App").is_none());
        assert!(users.admits(None) && users.admits("10.1.1.1".parse().ok()));
        assert!(!users.admits("192.168.1.1".parse().ok()));
    }

    #[test]
    fn debug_shows_no_secret() {
        let users = Users::new(vec![user("app", &[])]);
        let shown = format!("{users:?} {:?}", users.get(b"app"));
        assert!(shown.contains("app") && !shown.contains("hidden") && !shown.contains("104, 105"), "{shown}");
    }
}
