//! Clients that write rows which nobody else writes, and remember what they were told of each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::support::{
    endpoint::Endpoint,
    raw::{Client, Login, Reply},
};

/// What a client remembers.
#[derive(Debug, Default)]
pub struct Memory {
    pub who: u32,
    /// Rows that are written, with when that was said.
    pub done: Vec<(u32, Instant)>,
    /// Rows of which nobody knows.
    pub in_doubt: Vec<u32>,
    /// Errors, with what they were an answer to.
    pub errors: Vec<(&'static str, u16, String)>,
    /// The longest wait for an answer.
    pub slowest: Duration,
}

/// Many of them.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Memory>>,
}

/// Errors that say what became of a statement.
const PROPER: [u16; 4] = [1158, 1213, 1290, 1836];

impl Load {
    /// `transactions`: of every so many clients one writes in transactions, two rows in each.
    pub fn start(endpoint: &Endpoint, clients: u32, transactions: u32, gap: Duration) -> Load {
        let stop = Arc::<AtomicBool>::default();
        let client = |who| {
            let (endpoint, stop) = (endpoint.clone(), Arc::clone(&stop));
            let work = move || Writer::new(endpoint, who).run(&stop, who % transactions == 0, gap);
            thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap()
        };
        Load { threads: (0..clients).map(client).collect(), stop }
    }

    pub fn stop(self) -> Vec<Memory> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

struct Writer {
    endpoint: Endpoint,
    client: Option<Client>,
    memory: Memory,
    n: u32,
}

impl Writer {
    fn new(endpoint: Endpoint, who: u32) -> Writer {
        Writer { endpoint, client: None, memory: Memory { who, ..Memory::default() }, n: 0 }
    }

    fn run(mut self, stop: &AtomicBool, in_transactions: bool, gap: Duration) -> Memory {
        while !stop.load(Ordering::SeqCst) {
            match in_transactions {
                true => self.transaction(),
                false => self.statement(),
            }
            thread::sleep(gap);
        }
        self.memory
    }

    /// One row by itself, and a read that must show it.
    fn statement(&mut self) {
        self.n += 1;
        let (who, n) = (self.memory.who, self.n);
        match self.say("INSERT", &format!("INSERT INTO log VALUES ({who}, {n})")) {
            Ok(_) => self.memory.done.push((n, Instant::now())),
            Err(1158) => return self.memory.in_doubt.push(n),
            Err(_) => return,
        }
        let Ok(reply) = self.say("SELECT", &format!("SELECT MAX(n) FROM log WHERE who = {who}")) else { return };
        let seen = reply.text_rows()[0][0].clone().unwrap_or_default();
        assert_eq!(String::from_utf8(seen).unwrap(), n.to_string(), "client {who} does not see its own write");
    }

    /// Two rows, or none.
    fn transaction(&mut self) {
        let (who, n) = (self.memory.who, self.n + 2);
        self.n = n;
        let insert = |n| format!("INSERT INTO log VALUES ({who}, {n})");
        for (what, text) in [
            ("BEGIN", "BEGIN".to_owned()),
            ("first", insert(n - 1)),
            ("second", insert(n)),
            ("COMMIT", "COMMIT".to_owned()),
        ] {
            match self.say(what, &text) {
                Ok(_) => {}
                Err(1158) if what == "COMMIT" => return self.memory.in_doubt.extend([n - 1, n]),
                Err(_) => {
                    if self.client.is_some() {
                        // Whatever the error was: as a framework does.
                        let _ = self.say("ROLLBACK", "ROLLBACK");
                    }
                    return;
                }
            }
        }
        self.memory.done.extend([(n - 1, Instant::now()), (n, Instant::now())]);
    }

    fn say(&mut self, what: &'static str, text: &str) -> Result<Reply, u16> {
        let began = Instant::now();
        let endpoint = &self.endpoint;
        let patience = Duration::from_secs(90);
        let client = self.client.get_or_insert_with(|| {
            Client::connect_within(patience, endpoint, &Login::to("app"))
                .unwrap_or_else(|error| panic!("a login: {error}"))
        });
        let reply = client.query(text);
        self.memory.slowest = self.memory.slowest.max(began.elapsed());
        let Some((code, _, message)) = reply.error() else {
            assert!(reply.lost.is_none(), "{what} without a word: {reply}");
            return Ok(reply);
        };
        assert!(PROPER.contains(&code), "{what}: {reply}");
        if code == 1158 {
            // What a framework takes for a lost connection.
            self.client = None;
        }
        self.memory.errors.push((what, code, message));
        Err(code)
    }
}
