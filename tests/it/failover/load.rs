//! Clients that write rows which nobody else writes, and remember what they were told of each; and some that read them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::support::{
    endpoint::Endpoint,
    process::eventually,
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

impl Memory {
    /// How long after `opened` its first write was done.
    pub fn first_after(&self, opened: Instant) -> Duration {
        let after = self.done.iter().map(|(_, at)| *at).find(|at| *at > opened);
        after.expect("it writes again").duration_since(opened)
    }
}

/// Many of them.
pub struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Memory>>,
    readers: Vec<JoinHandle<Memory>>,
    begun: Begun,
}

/// The last row that each writer has begun to write.
type Begun = Arc<[AtomicU32]>;

/// How many read besides.
const READERS: u32 = 6;

/// Errors that say what became of a statement.
const PROPER: [u16; 4] = [1158, 1213, 1290, 1836];

impl Load {
    /// `transactions`: of every so many clients one writes in transactions, two rows in each.
    pub fn start(endpoint: &Endpoint, clients: u32, transactions: u32, gap: Duration) -> Load {
        let stop = Arc::<AtomicBool>::default();
        let all: Begun = (0..clients).map(|_| AtomicU32::default()).collect();
        let begun = Arc::clone(&all);
        let client = |who| {
            let stop = Arc::clone(&stop);
            let one = One::new(endpoint.clone(), who, Arc::clone(&begun));
            let work = move || match who < clients {
                true => one.write(&stop, who % transactions == 0, gap),
                // Who writes in transactions.
                false => one.read(&stop, (who - clients) * transactions % clients, gap),
            };
            thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap()
        };
        let readers = (clients..clients + READERS).map(client).collect();
        Load { writers: (0..clients).map(client).collect(), readers, stop, begun: all }
    }

    /// Waits until every writer has gone on by some rows.
    pub fn goes_on(&self) {
        let last = || self.begun.iter().map(|n| n.load(Ordering::SeqCst));
        let before: Vec<_> = last().collect();
        eventually("everybody writes", || last().zip(&before).all(|(now, before)| now >= before + 6));
    }

    /// What those who wrote remember, and those who read.
    pub fn stop(self) -> (Vec<Memory>, Vec<Memory>) {
        self.stop.store(true, Ordering::SeqCst);
        let joined = |threads: Vec<JoinHandle<Memory>>| threads.into_iter().map(|one| one.join().unwrap()).collect();
        (joined(self.writers), joined(self.readers))
    }
}

struct One {
    endpoint: Endpoint,
    client: Option<Client>,
    memory: Memory,
    begun: Begun,
    n: u32,
}

impl One {
    fn new(endpoint: Endpoint, who: u32, begun: Begun) -> One {
        One { endpoint, client: None, memory: Memory { who, ..Memory::default() }, begun, n: 0 }
    }

    fn write(mut self, stop: &AtomicBool, in_transactions: bool, gap: Duration) -> Memory {
        while !stop.load(Ordering::SeqCst) {
            match in_transactions {
                true => self.transaction(),
                false => self.statement(),
            }
            thread::sleep(gap);
        }
        self.memory
    }

    /// One writer's rows, again and again.
    fn read(mut self, stop: &AtomicBool, writer: u32, gap: Duration) -> Memory {
        let mut before = 0;
        while !stop.load(Ordering::SeqCst) {
            before = self.look(writer, before);
            thread::sleep(gap);
        }
        self.memory
    }

    /// No half transaction, nothing that has not been written, nothing older than what its session saw before.
    fn look(&mut self, writer: u32, before: u32) -> u32 {
        let Ok(reply) =
            self.say("SELECT", &format!("SELECT COUNT(*), COALESCE(MAX(n), 0) FROM log WHERE who = {writer}"))
        else {
            return if self.client.is_some() { before } else { 0 };
        };
        let begun = self.begun[writer as usize].load(Ordering::SeqCst);
        let cell = |at: usize| String::from_utf8(reply.text_rows()[0][at].clone().unwrap()).unwrap().parse().unwrap();
        let (count, last): (u32, u32) = (cell(0), cell(1));
        assert!(count % 2 == 0, "half a transaction of client {writer} is read: {count} rows");
        assert!(last <= begun, "client {writer} has begun {begun}, {last} is read");
        assert!(last >= before, "back in time: {last} of client {writer} is read after {before}");
        last
    }

    fn begin(&mut self, rows: u32) -> (u32, u32) {
        self.n += rows;
        self.begun[self.memory.who as usize].store(self.n, Ordering::SeqCst);
        (self.memory.who, self.n)
    }

    /// One row by itself, and a read that must show it.
    fn statement(&mut self) {
        let (who, n) = self.begin(1);
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
        let (who, n) = self.begin(2);
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
