//! Who gets in, as whom, and how: passwords, TLS, and what a session begins with. On servers of this theme's own, since
//! these tests change their global settings.

mod birth;
mod change_user;
mod freshness;
mod lag;
mod old_clients;
mod plugins;
mod refusals;
mod reload;
mod secrets;
mod secrets_in_logs;
mod tls_clients;
mod tls_servers;

use std::{
    ops::Deref,
    sync::{Mutex, MutexGuard, OnceLock},
};

use crate::support::{
    cluster::{Cluster, Kind},
    endpoint::Endpoint,
    forebay::{Forebay, named, servers_yaml},
    process::eventually,
    raw::{Client, Login, error_text},
};

/// A primary and a replica, with users of every sort.
pub struct House {
    pub cluster: Cluster,
}

/// One test at a time has them.
pub struct Tenant {
    house: &'static House,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Tenant {
    type Target = House;
    fn deref(&self) -> &House {
        self.house
    }
}

/// Each `NAME PASSWORD MORE`; the users exist on the servers, and mostly in Forebay's configuration.
const USERS: [(&str, &str, &str); 9] = [
    ("plain", "pw-plain", ""),
    ("other", "pw-other", ""),
    ("nopass", "", ""),
    ("locked", "pw-locked", "ACCOUNT LOCK"),
    ("expired", "pw-expired", "PASSWORD EXPIRE"),
    ("tlsonly", "pw-tlsonly", "REQUIRE SSL"),
    ("single", "pw-single", "WITH MAX_USER_CONNECTIONS 1"),
    ("poor", "pw-poor", ""),
    ("hashed", "secret", ""),
];

impl House {
    pub fn of(kind: Kind) -> Tenant {
        static HOUSES: [OnceLock<House>; 2] = [const { OnceLock::new() }; 2];
        static TURNS: [Mutex<()>; 2] = [const { Mutex::new(()) }; 2];
        let at = kind.pick(0, 1);
        let turn = TURNS[at].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Tenant { house: HOUSES[at].get_or_init(|| House::build(kind)), _turn: turn }
    }

    fn build(kind: Kind) -> House {
        let cluster = Cluster::start(kind, 1);
        for (name, password, more) in USERS {
            cluster.sql(&[&format!("CREATE USER {name}@'%' IDENTIFIED BY '{password}' {more}")]);
            if name != "poor" {
                cluster.sql(&[&format!("GRANT ALL ON `app%`.* TO {name}@'%'")]);
            }
        }
        cluster.sql(&[
            "CREATE USER far@'10.1.2.3' IDENTIFIED BY 'pw-far'",
            "CREATE TABLE app.t (id INT PRIMARY KEY, n INT)",
            "INSERT INTO app.t VALUES (1, 0)",
            "CREATE TABLE app.late (n INT)",
            "INSERT INTO app.late VALUES (0)",
        ]);
        cluster.settle();
        House { cluster }
    }

    pub fn kind(&self) -> Kind {
        self.cluster.kind
    }

    pub fn direct(&self) -> Endpoint {
        self.cluster.direct()
    }

    /// A Forebay that knows all of [`USERS`], with more of the configuration.
    pub fn forebay(&self, more: &str) -> Forebay {
        let user =
            |(name, password, _): &(&str, &str, &str)| format!("  - {{name: {name}, password: \"{password}\"}}\n");
        let users: String = USERS.iter().map(user).collect();
        self.forebay_with(&(users + "  - {name: far, password: pw-far, hosts: [10.1.2.3]}\n"), more)
    }

    /// A Forebay with these users (lines of YAML) beside `app`.
    pub fn forebay_with(&self, users: &str, more: &str) -> Forebay {
        let forebay = Forebay::configured(&self.yaml(users, more), &[]);
        forebay.wait_until_serving();
        forebay
    }

    /// Its configuration without `listen`.
    pub fn yaml(&self, users: &str, more: &str) -> String {
        let servers: Vec<_> = self.cluster.servers().map(named).collect();
        let health = if more.contains("health:") { "" } else { "health: {interval: 200ms}\n" };
        let monitor = "monitor: {user: monitor, password: secret}\n";
        servers_yaml(&servers) + "users:\n  - {name: app, password: secret}\n" + users + monitor + health + more
    }

    /// Sets global variables on a server for the time of a test's part, and back again.
    pub fn with_globals<T>(&self, replica: bool, settings: &[(&str, &str)], work: impl FnOnce() -> T) -> T {
        let server = if replica { &self.cluster.replicas[0] } else { &self.cluster.primary };
        let mut root = self.cluster.root(server);
        let before: Vec<_> =
            settings.iter().map(|(name, _)| root.value(&format!("SELECT QUOTE(@@global.{name})"))).collect();
        for (name, value) in settings {
            root.ok(format!("SET GLOBAL {name} = {value}"));
        }
        // Until Forebay has noticed: then connections from before are shared no more.
        std::thread::sleep(NOTICED);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        for ((name, _), before) in settings.iter().zip(before) {
            let number = before.trim_matches('\'');
            let value = if number.parse::<f64>().is_ok() { number } else { &before };
            root.ok(format!("SET GLOBAL {name} = {value}"));
        }
        std::thread::sleep(NOTICED);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Some health checks.
const NOTICED: std::time::Duration = std::time::Duration::from_millis(700);

/// A login by name and password.
fn login(user: &str, password: &str) -> Login {
    Login { user: user.into(), password: password.into(), ..Login::default() }
}

/// How a login ends: `OK`, or the error as the command lines print it. Before the greeting servers give no SQLSTATE.
fn outcome(to: &Endpoint, login: &Login) -> String {
    match Client::attempt(to, login) {
        Ok((_, last)) if last.first() == Some(&0xff) => error_text(&last),
        Ok(_) => "OK".into(),
        Err(error) => error.to_string().replace(" ()", " (HY000)"),
    }
}

/// Waits until a login gets in; a Forebay may not have found its servers yet.
fn wait_for(to: &Endpoint, login: &Login) {
    eventually(&format!("{} gets in", login.user), || Client::connect(to, login).is_ok());
}

/// Makes a test of each function, for both kinds of server.
macro_rules! houses {
    ($($name:ident),+ $(,)?) => {
        mod mariadb {
            $(#[test] fn $name() { super::$name(&super::super::House::of(crate::support::cluster::Kind::MariaDb)); })+
        }
        mod mysql {
            $(#[test] fn $name() { super::$name(&super::super::House::of(crate::support::cluster::Kind::MySql)); })+
        }
    };
}
use houses;
