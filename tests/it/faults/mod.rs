//! What goes wrong: servers that die or lie, clients that vanish or never read, limits, kills, the end of Forebay.

mod big;
mod broken_replies;
mod clients;
pub mod crash;
mod cuts;
pub mod hostile;
mod kills;
mod limits;
mod silent_servers;
mod stages;
mod stop;
mod stopped;
mod vanish;

use std::time::{Duration, Instant};

use crate::support::{
    bed::Bed,
    cluster::Server,
    forebay::{Forebay, Settings},
    process,
    raw::{Client, Login},
};

/// A Forebay of a test's own, with more of the configuration.
/// What sessions leave in the pool is not kept for long.
pub const QUICK_POOL: &str = "pool: {idle_timeout: 200ms}\n";

fn forebay(bed: &Bed, more: &str) -> Forebay {
    // What sessions leave in the pool is not kept for long: these tests count descriptors.
    let more = format!("{QUICK_POOL}{more}");
    let settings = Settings { consistency: "eventual", more, ..Settings::default() };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    forebay
}

fn connect(forebay: &Forebay) -> Client {
    Client::connect(&forebay.endpoint, &Login::to("app")).unwrap()
}

/// Statements with this tag that run on any of the bed's servers.
fn running(bed: &Bed, tag: &str) -> usize {
    let count = |server: &Server| {
        let text = "SELECT COALESCE(info, '') FROM information_schema.processlist WHERE command <> 'Sleep' AND id <> CONNECTION_ID()";
        bed.cluster.root(server).rows(text).iter().filter(|row| row[0].contains(tag)).count()
    };
    bed.cluster.servers().map(count).sum()
}

/// Waits until Forebay holds no more descriptors than `before` (and a few of the health checks').
fn assert_descriptors_return(forebay: &Forebay, before: usize) {
    process::eventually("the sockets are closed", || process::descriptors(forebay.pid()) <= before + 2);
}

/// What a work takes must lie within these seconds; a machine that is busy with other things is given more of them.
pub fn within<T>(seconds: std::ops::Range<f64>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed().as_secs_f64();
    let patience = process::patience();
    let scaled = seconds.start..seconds.end * patience;
    assert!(scaled.contains(&took), "took {took:.1} s instead of {seconds:?}, the end times {patience:.1}");
    result
}

pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
