//! Clients that mean harm, or write bytes as if they did: told or closed, without harm to anybody else, and nothing of
//! them stays behind.

mod compressed;
mod guessing;
mod handshakes;
mod packets;
mod statements;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::forebay;
use crate::support::{
    endpoint::Endpoint,
    forebay::Forebay,
    process::{self, descriptors, eventually, resident_bytes},
    raw::{Client, Login},
};

const MEGABYTE: u64 = 1 << 20;

/// What Forebay held before the attack.
pub struct Before {
    descriptors: usize,
    bytes: u64,
}

impl Before {
    pub fn of(forebay: &Forebay) -> Before {
        Before { descriptors: descriptors(forebay.pid()), bytes: resident_bytes(forebay.pid()) }
    }

    pub fn grown_bytes(&self, forebay: &Forebay) -> u64 {
        resident_bytes(forebay.pid()).saturating_sub(self.bytes)
    }

    /// Descriptors come back to what they were, memory nearly so, and nothing has panicked.
    pub fn assert_returned(&self, forebay: &Forebay, megabytes: u64) {
        super::assert_descriptors_return(forebay, self.descriptors);
        eventually("memory returns", || self.grown_bytes(forebay) < megabytes * MEGABYTE);
        forebay.assert_sound();
    }
}

/// Somebody who minds their own business meanwhile: asks and asks on one connection, and logs in now and then.
pub struct Bystander {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    answers: usize,
    slowest_answer: Duration,
    logins: usize,
    slowest_login: Duration,
}

impl Bystander {
    pub fn of(forebay: &Forebay) -> Bystander {
        let (over, endpoint) = (Arc::new(AtomicBool::new(false)), forebay.endpoint.clone());
        let until = Arc::clone(&over);
        Bystander { over, thread: thread::spawn(move || Bystander::live(&endpoint, &until)) }
    }

    fn live(endpoint: &Endpoint, over: &AtomicBool) -> Seen {
        let mut seen = Seen::default();
        let mut client = Client::connect(endpoint, &Login::default()).unwrap();
        while !over.load(Ordering::Relaxed) {
            let start = Instant::now();
            assert_eq!(client.value("SELECT 1"), "1");
            seen.slowest_answer = seen.slowest_answer.max(start.elapsed());
            seen.answers += 1;
            if seen.answers % 10 == 0 {
                let start = Instant::now();
                Client::connect(endpoint, &Login::default()).expect("a login while others misbehave");
                seen.slowest_login = seen.slowest_login.max(start.elapsed());
                seen.logins += 1;
            }
            thread::sleep(Duration::from_millis(10));
        }
        seen
    }

    /// What happened to them; no answer and no login may have taken longer than this.
    pub fn assert_served_within(self, answer: Duration, login: Duration) {
        self.over.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("the bystander was served");
        let patience = process::patience();
        assert!(seen.answers > 0 && seen.slowest_answer < answer.mul_f64(patience), "{seen:?}");
        assert!(seen.slowest_login < login.mul_f64(patience), "{seen:?}");
    }
}

pub const SECOND: Duration = Duration::from_secs(1);
