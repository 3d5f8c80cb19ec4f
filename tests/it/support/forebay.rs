//! The program under test: `forebay run` in front of a cluster.

use std::{
    fmt::Write as _,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    cluster::{Cluster, Server},
    endpoint::Endpoint,
    guard, paths, process,
    raw::{Client, Login},
};

/// A running Forebay. Ended when dropped.
#[derive(Debug)]
pub struct Forebay {
    child: Child,
    pub endpoint: Endpoint,
    pub socket: PathBuf,
    log: PathBuf,
    /// The folder of its configuration.
    pub dir: PathBuf,
}

/// What a test wants otherwise than usual.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `eventual`, `session`, `global`, `strong`.
    pub consistency: &'static str,
    /// More entries of `listen`, each as YAML's flow style.
    pub listen: Vec<String>,
    /// More entries of `users`, each as YAML's flow style.
    pub users: &'static [&'static str],
    /// More of the configuration's top level, as YAML.
    pub more: String,
    /// A rule file, as YAML.
    pub rules: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { consistency: "session", listen: Vec::new(), users: &[], more: String::new(), rules: String::new() }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Forebay {
    /// In front of a cluster's servers.
    pub fn start(cluster: &Cluster, settings: &Settings) -> Forebay {
        let servers: Vec<_> = cluster.servers().map(|server| (server.name.clone(), server.port)).collect();
        Forebay::in_front_of(&servers, settings)
    }

    /// In front of whatever listens on these ports; the first is the primary.
    pub fn in_front_of(servers: &[(String, u16)], settings: &Settings) -> Forebay {
        Forebay::listening(settings, &yaml(servers, settings), &[])
    }

    /// With a configuration of the caller's, which is completed by `listen` and by the environment.
    pub fn configured(yaml: &str, environment: &[(&str, &str)]) -> Forebay {
        Forebay::listening(&Settings::default(), yaml, environment)
    }

    fn listening(settings: &Settings, yaml: &str, environment: &[(&str, &str)]) -> Forebay {
        let dir = paths::scratch("proxy");
        let (config, log, socket) = (dir.join("config.yaml"), dir.join("log"), dir.join("s"));
        let port = free_port();
        let more: String = settings.listen.iter().map(|listen| format!(", {listen}")).collect();
        let listen = format!("listen: [\"127.0.0.1:{port}\", \"{}\"{more}]\n", socket.display());
        std::fs::write(&config, listen + &without_login_delay(yaml)).unwrap();
        if !settings.rules.is_empty() {
            std::fs::create_dir(dir.join("rules")).unwrap();
            std::fs::write(dir.join("rules/10-test.yaml"), &settings.rules).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args(["run", "--config", config.to_str().unwrap()])
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .expect("forebay");
        guard::process(child.id(), config.to_str().unwrap());
        wait_for(&mut child, port, &log);
        Forebay { child, endpoint: Endpoint::new(port), socket, log, dir }
    }

    /// Waits until statements are answered, by the primary and by replicas if there are any.
    pub fn wait_until_serving(&self) {
        let start = Instant::now();
        loop {
            let answer = Client::connect(&self.endpoint, &Login::default()).map(|mut c| c.query("SELECT 1").code());
            match answer {
                Ok(None) => return,
                other if start.elapsed() > PATIENCE => panic!("Forebay does not serve: {other:?}\n{}", self.log()),
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// It runs and no task of it has panicked.
    pub fn assert_sound(&self) {
        let log = self.log();
        assert!(!log.contains("panicked"), "Forebay panicked:\n{log}");
        let alive = Path::new(&format!("/proc/{}/exe", self.child.id())).exists();
        assert!(alive && !process::is_zombie(self.child.id()), "Forebay has ended:\n{log}");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and waits; returns whether it ended well.
    pub fn terminate(&mut self) -> bool {
        process::signal(self.child.id(), "TERM");
        process::wait(&mut self.child, PATIENCE).is_some_and(|status| status.success())
    }
}

impl Drop for Forebay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("the last of Forebay's log:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        if !self.terminate() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A port that nobody listens on. No other caller gets it, and no outgoing connection: it is below the range that the kernel takes
/// those from, and that in which the servers' scripts look for theirs.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 10_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Each run of the tests begins elsewhere: several may run on one machine.
    let begin = std::process::id().wrapping_mul(101);
    let mut ports = (0..COUNT).map(|_| {
        let next = begin.wrapping_add(TAKEN.fetch_add(1, Relaxed)) % COUNT;
        u16::try_from(FIRST + next).unwrap()
    });
    ports.find(|port| TcpListener::bind((Endpoint::HOST, *port)).is_ok()).expect("a free port")
}

/// Tests fail to log in on purpose, all from one address: unless one is about that, nobody waits for it.
fn without_login_delay(yaml: &str) -> String {
    const LIMITS: &str = "\nlimits: {";
    match yaml {
        _ if yaml.contains("login_delay") => yaml.to_owned(),
        _ if yaml.contains(LIMITS) => yaml.replace(LIMITS, "\nlimits: {login_delay: off, "),
        _ => yaml.to_owned() + "limits: {login_delay: off}\n",
    }
}

/// The `servers` of a configuration, the first of which is the primary.
pub fn servers_yaml(servers: &[(String, u16)]) -> String {
    let mut out = String::from("servers:\n");
    for (i, (name, port)) in servers.iter().enumerate() {
        let role = if i == 0 { "primary" } else { "replica" };
        writeln!(out, "  - {{name: {name}, address: \"127.0.0.1:{port}\", role: {role}}}").unwrap();
    }
    out
}

fn yaml(servers: &[(String, u16)], settings: &Settings) -> String {
    let mut out = servers_yaml(servers);
    out += "users:\n  - {name: app, password: secret}\n";
    for user in settings.users {
        writeln!(out, "  - {user}").unwrap();
    }
    out += "monitor: {user: monitor, password: secret}\n";
    out += "health: {interval: 200ms}\n";
    writeln!(out, "routing: {{consistency: {}}}", settings.consistency).unwrap();
    out + &settings.more
}

fn wait_for(child: &mut Child, port: u16, log: &Path) {
    let start = Instant::now();
    while std::net::TcpStream::connect((Endpoint::HOST, port)).is_err() {
        let ended = child.try_wait().unwrap();
        let log = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none(), "forebay ended with {}:\n{}", ended.unwrap(), log());
        assert!(start.elapsed() < PATIENCE, "forebay does not listen:\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Servers as [`Forebay::in_front_of`] wants them.
pub fn named(server: &Server) -> (String, u16) {
    (server.name.clone(), server.port)
}
