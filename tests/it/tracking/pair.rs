//! The same session twice: on the primary itself and through Forebay, in step. What it sees must be the same.

use std::{fmt::Write as _, sync::OnceLock};

use crate::support::{
    bed::{Bed, direct_only},
    cluster::{Cluster, Kind},
    endpoint::Endpoint,
    escape,
    forebay::{Forebay, Settings},
    raw::{Cap, Client, Expect, Login, MODERN, Reply},
};

/// Two clients that do the same.
pub struct Pair {
    clients: [Client; 2],
    databases: [String; 2],
    primary_id: String,
    done: Vec<String>,
    differences: String,
}

impl Pair {
    /// On two fresh databases, as a client that asks for what most ask for.
    pub fn new(bed: &Bed, name: &str) -> Pair {
        Pair::with(bed, name, MODERN)
    }

    /// With these capabilities.
    pub fn with(bed: &Bed, name: &str, capabilities: Cap) -> Pair {
        Pair::between(bed.cluster, forebay(bed), name, capabilities)
    }

    /// On these servers and this Forebay.
    pub fn between(cluster: &Cluster, forebay: Endpoint, name: &str, capabilities: Cap) -> Pair {
        let databases = ["d", "p"].map(|side| format!("app_t{name}_{side}"));
        let mut root = cluster.root(&cluster.primary);
        for database in &databases {
            root.ok(format!("DROP DATABASE IF EXISTS {database}"));
            root.ok(format!("CREATE DATABASE {database} CHARACTER SET utf8mb4"));
        }
        cluster.settle();
        let primary_id = root.value("SELECT @@server_id");
        let endpoints = [cluster.direct(), forebay];
        let clients = std::array::from_fn(|side| {
            let login = Login::to(&databases[side]).with(capabilities);
            Client::connect(&endpoints[side], &login).expect("a login")
        });
        Pair { clients, databases, primary_id, done: Vec::new(), differences: String::new() }
    }

    /// Does each line of the script on both sides. A line is a statement (`{db}` is the side's database, `{id}` the
    /// client's connection id, `\xHH` a byte), or one of
    ///
    /// - `> replica`, `> primary`: where Forebay sends a read that may go anywhere now;
    /// - `> reset`, `> user NAME`, `> init_db NAME`, `> set_option N`, `> field_list TABLE`, `> byte N`: a command.
    pub fn run(mut self, script: &str) -> Pair {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.step(line);
        }
        self
    }

    /// Has other sessions make what this one will use: one statement a line, on both sides' databases.
    pub fn made(mut self, cluster: &Cluster, script: &str) -> Pair {
        for database in &self.databases {
            let mut client = Client::connect(&cluster.direct(), &Login::to(database)).unwrap();
            for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
                client.ok(line);
            }
        }
        cluster.settle();
        self.done.push(script.trim().to_owned());
        self
    }

    /// A statement on both sides.
    pub fn query(&mut self, text: &str) -> [Reply; 2] {
        self.both(text, |client, database| {
            let text = text.replace("{db}", database).replace("{id}", &client.greeting.connection_id.to_string());
            client.query(escape::bytes(&text))
        })
    }

    /// Anything on both sides, compared.
    pub fn both(&mut self, what: &str, mut act: impl FnMut(&mut Client, &str) -> Reply) -> [Reply; 2] {
        self.done.push(what.to_owned());
        let replies = [0, 1].map(|side| {
            let mut reply = act(&mut self.clients[side], &self.databases[side]);
            for (_, payload) in &mut reply.packets {
                mask(payload, &self.databases[side]);
            }
            reply
        });
        if replies[0] != replies[1] {
            let (direct, forebay) = different(&replies);
            let done = self.recently();
            writeln!(self.differences, "after\n    {done}\n  direct:\n{direct}  forebay:\n{forebay}").unwrap();
        }
        replies
    }

    /// Fails the test if anything differed.
    pub fn end(self) {
        assert!(self.differences.is_empty(), "{}", self.differences);
    }

    fn step(&mut self, line: &str) {
        let Some(order) = line.strip_prefix("> ") else {
            self.query(line);
            return;
        };
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        match word {
            "replica" => self.at(true),
            "primary" => self.at(false),
            "reset" => self.command(line, &[0x1f], Expect::Ok),
            "byte" => self.command(line, &[rest.parse().unwrap()], Expect::Ok),
            "set_option" => self.command(line, &[0x1b, rest.parse().unwrap(), 0], Expect::Ok),
            "init_db" => drop(self.both(line, |client, database| {
                client.command(&[b"\x02", rest.replace("{db}", database).as_bytes()].concat(), Expect::Ok)
            })),
            "user" => drop(self.both(line, |client, database| client.change_user(rest, "secret", database, 45))),
            _ => panic!("no such order: {line}"),
        }
    }

    fn recently(&self) -> String {
        const SHOWN: usize = 12;
        self.done[self.done.len().saturating_sub(SHOWN)..].join("\n    ")
    }

    fn command(&mut self, what: &str, payload: &[u8], expect: Expect) {
        self.both(what, |client, _| client.command(payload, expect));
    }

    /// Where a read goes now. (The hint lets a read of a server's variable go where plain reads go.)
    fn at(&mut self, replica: bool) {
        let text = "SELECT @@global.server_id /* forebay: replica */";
        let ids = [0, 1].map(|side| self.clients[side].value(text));
        let right = direct_only() || (ids[1] != self.primary_id) == replica;
        if !right {
            let done = self.recently();
            let place = if replica { "primary, not by a replica" } else { "replica, not by the primary" };
            writeln!(self.differences, "after\n    {done}\n  a read is answered by the {place}").unwrap();
        }
    }
}

/// The packets that differ, as text.
fn different(replies: &[Reply; 2]) -> (String, String) {
    let lines = replies.each_ref().map(|reply| reply.to_string().lines().map(str::to_owned).collect::<Vec<_>>());
    let side = |own: &[String], other: &[String]| -> String {
        let differs = |(at, line): &(usize, &String)| other.get(*at) != Some(line);
        own.iter().enumerate().filter(differs).map(|(_, line)| format!("  {line}\n")).collect()
    };
    (side(&lines[0], &lines[1]), side(&lines[1], &lines[0]))
}

/// Forebay where a hint may send what is about a server to a replica, so that a test can see where it is.
fn forebay(bed: &Bed) -> Endpoint {
    static FOREBAYS: [OnceLock<Forebay>; 2] = [const { OnceLock::new() }; 2];
    if direct_only() {
        return bed.direct();
    }
    let forebay = FOREBAYS[bed.kind.pick(0, 1)].get_or_init(|| start(bed.cluster));
    forebay.assert_sound();
    forebay.endpoint.clone()
}

/// Such a Forebay in front of these servers.
pub fn start(cluster: &Cluster) -> Forebay {
    let consistency = "session, hints_may_loosen: true, causal_timeout: 2s";
    let forebay = Forebay::start(cluster, &Settings { consistency, ..Settings::default() });
    forebay.wait_until_serving();
    forebay
}

fn mask(payload: &mut [u8], word: &str) {
    let word = word.as_bytes();
    let found: Vec<_> =
        payload.windows(word.len()).enumerate().filter(|(_, part)| *part == word).map(|(at, _)| at).collect();
    for at in found {
        payload[at..at + word.len()].fill(b'?');
    }
}

/// The kind's text of two, for scripts that differ.
pub fn pick<'a>(kind: Kind, mariadb: &'a str, mysql: &'a str) -> &'a str {
    kind.pick(mariadb, mysql)
}
