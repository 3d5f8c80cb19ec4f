//! Other sessions on the same server connections, who leave them as unlike a new one as they can.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::support::{
    endpoint::Endpoint,
    raw::{Client, Login},
};

/// Sessions that disturb.
pub struct Disturbance;

/// What each of them does to its session, over and over.
const SESSIONS: [&[&str]; 3] = [
    &[
        "SET NAMES latin1 COLLATE latin1_bin",
        "SET sql_mode = 'ANSI_QUOTES'",
        "SELECT 1 UNION SELECT 2",
        "SET time_zone = '+05:30'",
    ],
    &[
        "SET character_set_results = NULL",
        "SET sql_select_limit = 1",
        "SELECT LAST_INSERT_ID(77)",
        "DO 1",
        "SET group_concat_max_len = 5",
    ],
    &[
        "SET autocommit = 0",
        "SELECT 1",
        "COMMIT",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET lc_time_names = 'de_DE'",
    ],
];

impl Disturbance {
    /// Runs `work` with them around.
    pub fn during(endpoint: &Endpoint, work: impl FnOnce()) {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for session in SESSIONS {
                let over = &over;
                scope.spawn(move || disturb(endpoint, session, over));
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            over.store(true, Ordering::Relaxed);
            if let Err(panic) = result {
                std::panic::resume_unwind(panic);
            }
        });
    }
}

fn disturb(endpoint: &Endpoint, session: &[&str], over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let mut client = Client::connect(endpoint, &Login::to("app")).expect("a login");
        for statement in session.iter().cycle().take(40) {
            client.ok(*statement);
            thread::sleep(Duration::from_millis(2));
        }
    }
}
