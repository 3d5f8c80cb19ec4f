//! Somebody who works all the time beside the runs that are broken, and must not notice.

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
    raw::{Client, Login},
};

/// More than a busy machine takes for a statement, and less than it takes to give up a silent server (6 s).
const LONG: Duration = Duration::from_millis(4500);
/// Between two statements.
const PAUSE: Duration = Duration::from_millis(10);

pub struct Bystander {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u32, Duration)>,
}

impl Bystander {
    pub fn start(endpoint: &Endpoint, login: &Login, run: u64) -> Bystander {
        let stop = Arc::new(AtomicBool::new(false));
        let mut client = Client::connect(endpoint, login).unwrap();
        // Both its connections stand before anything is broken.
        work(&mut client, run, 0);
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut done, mut longest) = (1, Duration::ZERO);
            while !seen.load(Ordering::SeqCst) {
                let start = Instant::now();
                work(&mut client, run, done);
                longest = longest.max(start.elapsed());
                done += 1;
                thread::sleep(PAUSE);
            }
            (done, longest)
        });
        Bystander { stop, thread }
    }

    /// Fails if it met an error, a wrong answer, or had to wait.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        let (done, longest) = self.thread.join().unwrap();
        assert!(longest < LONG, "somebody else waited for {longest:?} once in {done} times");
    }
}

/// A write, a read of it, and a read of what is always there.
fn work(client: &mut Client, run: u64, n: u32) {
    if n.is_multiple_of(8) {
        client.ok(format!("INSERT INTO cuts (run, tag, n) VALUES ({run}, 9, {n})"));
        assert_eq!(client.value(&format!("SELECT MAX(n) FROM cuts WHERE run = {run}")), n.to_string());
    }
    let rows = client.rows("SELECT id FROM cuts_rows ORDER BY id");
    assert!(rows.len() == 60 && rows[59][0] == "60", "{rows:?}");
}
