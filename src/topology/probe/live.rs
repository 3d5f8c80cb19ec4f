//! Against real servers: `FOREBAY_LIVE=DIR[:DIR…] cargo test --lib topology::probe::live -- --ignored --test-threads 1`, each DIR
//! made by `replicas.sh mysql|mariadb DIR 1` (a primary, one replica, users root and monitor). They are stopped, frozen and
//! reconfigured meanwhile, and left as they were.

use std::{collections::HashMap, path::PathBuf, process::Command, time::Duration};

use mysql_async::{Conn, Opts, OptsBuilder, SslOpts, prelude::Queryable};

use crate::{
    net::Address,
    sql::lexer::Flavor,
    topology::{Health, ProbeTls, Role, RoleSetting, Server, ServerId, ServerSettings, Settings, Topology},
    wire::capability::CapabilityFlags,
};

const P: ServerId = ServerId(0);
const R: ServerId = ServerId(1);

/// One primary with its replica, as `replicas.sh` describes it in DIR/env.
struct Pair(HashMap<String, String>);

impl Pair {
    fn all() -> Vec<Pair> {
        let dirs = std::env::var("FOREBAY_LIVE").expect("FOREBAY_LIVE=DIR[:DIR…], made by replicas.sh");
        dirs.split(':').map(|dir| Pair(env_file(PathBuf::from(dir).join("env")))).collect()
    }

    fn is_mysql(&self) -> bool {
        self.0["KIND"] == "mysql"
    }

    fn tcp(&self, name: &str) -> Address {
        Address::Tcp { host: "127.0.0.1".to_owned(), port: self.0[&format!("{name}_PORT")].parse().unwrap() }
    }

    fn unix(&self, name: &str) -> Address {
        Address::Unix(self.0[&format!("{name}_SOCKET")].clone().into())
    }

    fn settings(&self) -> Settings {
        let server = |name: &str, address| ServerSettings::new(name.to_lowercase(), address, RoleSetting::Auto);
        let servers = vec![server("PRIMARY", self.tcp("PRIMARY")), server("REPLICA1", self.tcp("REPLICA1"))];
        Settings {
            health_interval: Duration::from_millis(100),
            connect_timeout: Duration::from_millis(500),
            max_lag: Some(Duration::from_secs(2)),
            ..Settings::new(servers, "monitor", "secret")
        }
    }

    async fn root(&self, name: &str, statements: &[&str]) {
        let opts = OptsBuilder::default().user(Some("root")).socket(Some(&self.0[&format!("{name}_SOCKET")]));
        let mut conn = Conn::new(Opts::from(opts)).await.unwrap();
        for statement in statements {
            conn.query_drop(*statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        conn.disconnect().await.unwrap();
    }

    /// MySQL's words as this server says them.
    async fn replica(&self, statement: &str) {
        let statement = if self.is_mysql() {
            statement.to_owned()
        } else {
            statement.replace("REPLICA SQL_THREAD", "SLAVE SQL_THREAD")
        };
        self.root("REPLICA1", &[&statement]).await;
    }

    /// The replica applies everything this much later.
    async fn delay(&self, seconds: u32) {
        let (stop, change, start) = match self.is_mysql() {
            true => ("STOP REPLICA SQL_THREAD", "REPLICATION SOURCE TO SOURCE_DELAY", "START REPLICA"),
            false => ("STOP SLAVE", "MASTER TO MASTER_DELAY", "START SLAVE"),
        };
        self.root("REPLICA1", &[stop, &format!("CHANGE {change} = {seconds}"), start]).await;
    }

    fn signal(&self, name: &str, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0[&format!("{name}_PID")]]).status().unwrap().success());
    }
}

fn env_file(path: PathBuf) -> HashMap<String, String> {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Waits until the server is like that; how long it took.
async fn until(topology: &Topology, id: ServerId, what: &str, like: impl Fn(&Server) -> bool) -> Duration {
    let began = std::time::Instant::now();
    while !like(topology.view().server(id).unwrap()) {
        assert!(began.elapsed() < Duration::from_secs(20), "not {what}: {:?}", topology.view().server(id));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

async fn until_health(topology: &Topology, id: ServerId, health: Health) -> Duration {
    until(topology, id, &format!("{health:?}"), |server| server.health == health).await
}

async fn stopped(topology: Topology) {
    topology.shutdown();
    topology.ended().await;
}

async fn started(settings: Settings) -> Topology {
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_test_writer().try_init();
    let topology = Topology::start(settings);
    topology.first_view(Duration::from_secs(10)).await;
    topology
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn finds_roles_lag_positions_and_greetings() {
    for pair in Pair::all() {
        for by_unix in [false, true] {
            let mut settings = pair.settings();
            if by_unix {
                settings.servers[0].address = pair.unix("PRIMARY");
                settings.servers[1].address = pair.unix("REPLICA1");
            }
            let topology = started(settings).await;
            let view = topology.first_view(Duration::ZERO).await;
            assert_eq!(view.primary, Some(P));
            assert_eq!(
                view.servers.iter().map(|s| (s.role, s.health)).collect::<Vec<_>>(),
                [(Role::Primary, Health::Up), (Role::Replica, Health::Up)]
            );
            assert_eq!((view.servers[0].lag_ms, view.servers[1].lag_ms), (None, Some(0)));
            let greeting = view.greeting.clone().unwrap();
            assert!(greeting.capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK));
            assert_eq!(matches!(view.servers[1].flavor, Some(Flavor::MySql { version: 90_000.. })), pair.is_mysql());
            assert!(matches!(
                view.servers[0].flavor,
                Some(Flavor::MySql { .. } | Flavor::MariaDb { version: 101_100.. })
            ));
            let (primary, replica) =
                (view.servers[0].position.as_ref().unwrap(), view.servers[1].position.as_ref().unwrap());
            assert!(!primary.is_empty() && replica.covers(primary), "{primary:?} {replica:?}");
            stopped(topology).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn positions_follow_writes() {
    for pair in Pair::all() {
        let topology = started(pair.settings()).await;
        let before = topology.view().servers[0].position.clone().unwrap();
        pair.root("PRIMARY", &["CREATE OR REPLACE VIEW app.live AS SELECT 1", "DROP VIEW app.live"]).await;
        until(&topology, P, "written", |server| {
            server.position.as_ref().is_some_and(|now| now.covers(&before) && !before.covers(now))
        })
        .await;
        let written = topology.view().servers[0].position.clone().unwrap();
        until(&topology, R, "replicated", |server| server.position.as_ref().is_some_and(|now| now.covers(&written)))
            .await;
        stopped(topology).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn a_stopped_applier_makes_unfit_and_returns() {
    for pair in Pair::all() {
        let topology = started(pair.settings()).await;
        pair.replica("STOP REPLICA SQL_THREAD").await;
        until_health(&topology, R, Health::Unfit).await;
        assert_eq!(topology.view().servers[1].lag_ms, None);
        pair.replica("START REPLICA SQL_THREAD").await;
        until_health(&topology, R, Health::Up).await;
        stopped(topology).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn silence_takes_out_and_comes_back() {
    for pair in Pair::all() {
        let topology = started(pair.settings()).await;
        pair.signal("REPLICA1", "-STOP");
        until_health(&topology, R, Health::Down).await;
        pair.signal("REPLICA1", "-CONT");
        until_health(&topology, R, Health::Up).await;
        // A frozen primary: reads go on, and it is the primary again when it thaws.
        pair.signal("PRIMARY", "-STOP");
        until_health(&topology, P, Health::Down).await;
        assert_eq!(topology.view().primary, None);
        assert_eq!(topology.view().fit_replicas().count(), 1);
        pair.signal("PRIMARY", "-CONT");
        until_health(&topology, P, Health::Up).await;
        assert_eq!(topology.view().primary, Some(P));
        stopped(topology).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn a_switch_of_read_only_is_followed() {
    for pair in Pair::all() {
        let topology = started(pair.settings()).await;
        pair.root("PRIMARY", &["SET GLOBAL read_only = 1"]).await;
        until(&topology, P, "a replica", |server| server.role == Role::Replica).await;
        assert_eq!(topology.view().primary, None);
        pair.root("PRIMARY", &["SET GLOBAL read_only = 0"]).await;
        until(&topology, P, "the primary", |server| server.role == Role::Primary).await;
        if pair.is_mysql() {
            pair.root("PRIMARY", &["SET GLOBAL super_read_only = 1"]).await;
            until(&topology, P, "a replica", |server| server.role == Role::Replica).await;
            pair.root("PRIMARY", &["SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0"]).await;
            until(&topology, P, "the primary", |server| server.role == Role::Primary).await;
        }
        stopped(topology).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn a_replica_that_lags_takes_no_reads_until_it_has_caught_up() {
    for pair in Pair::all() {
        let topology = started(pair.settings()).await;
        pair.delay(4).await;
        pair.root("PRIMARY", &["CREATE DATABASE live", "DROP DATABASE live"]).await;
        until(&topology, R, "late", |server| server.health == Health::Unfit && server.lag_ms > Some(2000)).await;
        pair.delay(0).await;
        until_health(&topology, R, Health::Up).await;
        stopped(topology).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn a_promoted_replica_takes_over_and_the_old_primary_is_fenced() {
    for pair in Pair::all() {
        let topology = started(pair.settings()).await;
        pair.signal("PRIMARY", "-STOP");
        until_health(&topology, P, Health::Down).await;
        let (stop, start) =
            if pair.is_mysql() { ("STOP REPLICA", "START REPLICA") } else { ("STOP SLAVE", "START SLAVE") };
        pair.root("REPLICA1", &[stop, "SET GLOBAL read_only = 0"]).await;
        until(&topology, R, "the primary", |server| server.role == Role::Primary).await;
        assert_eq!(topology.view().primary, Some(R));
        pair.signal("PRIMARY", "-CONT");
        until(&topology, P, "fenced", |server| server.role == Role::Unknown && server.health == Health::Up).await;
        assert_eq!(topology.view().primary, Some(R));
        pair.root("REPLICA1", &["SET GLOBAL read_only = 1", start]).await;
        until(&topology, P, "the primary", |server| server.role == Role::Primary).await;
        until_health(&topology, R, Health::Up).await;
        stopped(topology).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn cold_and_warm_with_and_without_tls() {
    for pair in Pair::all() {
        for tls in [
            None,
            Some(ProbeTls { options: SslOpts::default().with_danger_accept_invalid_certs(true), required: true }),
        ] {
            pair.root("PRIMARY", &["FLUSH LOCAL PRIVILEGES"]).await;
            pair.root("REPLICA1", &["FLUSH LOCAL PRIVILEGES"]).await;
            let topology = started(Settings { tls, ..pair.settings() }).await;
            assert_eq!(topology.view().primary, Some(P));
            stopped(topology).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn a_wrong_password_or_missing_privilege_costs_only_knowledge() {
    for pair in Pair::all() {
        let mut settings = Settings { monitor_password: "wrong".to_owned(), ..pair.settings() };
        settings.servers[0].role = RoleSetting::Primary;
        let topology = started(settings).await;
        let view = topology.first_view(Duration::ZERO).await;
        assert_eq!((view.primary, view.servers[1].health), (Some(P), Health::Unfit));
        assert!(view.greeting.is_some());
        stopped(topology).await;

        pair.root("PRIMARY", &["DROP USER IF EXISTS blind@'%'", "CREATE USER blind@'%' IDENTIFIED BY 'secret'"]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let topology = started(Settings { monitor_user: "blind".to_owned(), ..pair.settings() }).await;
        let view = topology.first_view(Duration::ZERO).await;
        assert_eq!((view.primary, view.servers[1].health, view.servers[1].lag_ms), (Some(P), Health::Up, None));
        stopped(topology).await;
        pair.root("PRIMARY", &["DROP USER blind@'%'"]).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: FOREBAY_LIVE"]
async fn a_killed_monitor_connection_is_no_failure_and_a_report_hurries() {
    for pair in Pair::all() {
        let topology = started(Settings { health_interval: Duration::from_secs(30), ..pair.settings() }).await;
        let of_monitor = "SELECT GROUP_CONCAT(id) FROM information_schema.processlist WHERE user = 'monitor'";
        let opts = OptsBuilder::default().user(Some("root")).socket(Some(&pair.0["PRIMARY_SOCKET"]));
        let mut root = Conn::new(Opts::from(opts)).await.unwrap();
        let ids: String = root.query_first(of_monitor).await.unwrap().unwrap();
        root.query_drop(format!("KILL {ids}")).await.unwrap();
        topology.report_failure(P, "test");
        tokio::time::sleep(Duration::from_millis(700)).await;
        let now: String = root.query_first(of_monitor).await.unwrap().expect("no new connection of the monitor");
        assert_ne!(now, ids);
        assert_eq!(topology.view().primary, Some(P));
        stopped(topology).await;
        let left: Option<String> = root.query_first(of_monitor).await.unwrap().unwrap();
        assert_eq!(left, None);
        root.disconnect().await.unwrap();
    }
}

#[tokio::test]
async fn nobody_there_is_refused_and_told() {
    let nobody = |address| ServerSettings::new("gone", address, RoleSetting::Primary);
    for address in [Address::Tcp { host: "127.0.0.1".to_owned(), port: 1 }, Address::Unix("/nowhere/s".into())] {
        let settings =
            Settings { connect_timeout: Duration::from_secs(1), ..Settings::new(vec![nobody(address)], "", "") };
        let topology = Topology::start(settings);
        let view = topology.first_view(Duration::from_secs(5)).await;
        assert_eq!((view.primary, view.servers[0].health), (None, Health::Down));
        stopped(topology).await;
    }
}
