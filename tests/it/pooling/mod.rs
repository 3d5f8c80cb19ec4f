//! Sessions that share server connections: nobody notices, nobody waits for ever, nobody starves.

mod backoff;
mod crowd;
mod crowded;
mod flushed;
mod pinned;
mod prepared;
mod remembered;
mod renewed;
mod routines;
mod sharing;
mod user_variables;
mod variables;
mod waiting;
mod warm;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    bed::Bed,
    forebay::{Forebay, Settings},
    raw::{Client, Login},
};

fn forebay(bed: &Bed, pool: &str) -> Forebay {
    forebay_with(bed, pool, "")
}

/// The same with more of the configuration.
fn forebay_with(bed: &Bed, pool: &str, more: &str) -> Forebay {
    let users = &["{name: other, password: secret}"];
    let settings = Settings { users, more: format!("pool: {{{pool}}}\n{more}"), ..Settings::default() };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    forebay
}

fn connect(forebay: &Forebay) -> Client {
    Client::connect(&forebay.endpoint, &Login::to("app")).unwrap()
}

/// The server's id of the connection on the primary that serves the client at this moment.
fn thread_id(client: &mut Client) -> String {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let token = format!("token {}", CALLS.fetch_add(1, Ordering::Relaxed));
    let like = format!("info LIKE '%{token}.%' /* {token}. */");
    let id = client.value(&format!("SELECT MIN(id) FROM information_schema.processlist WHERE {like}"));
    // MySQL warns of that table, and warnings keep the connection for a while.
    client.ok("DO 1");
    id
}
