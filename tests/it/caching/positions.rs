//! An answer from memory is a read like any other: no session goes back in time by it, nor behind it.

use std::{thread, time::Duration};

use super::{behind, connect, told, was_hit};
use crate::support::{
    bed::{Bed, both},
    cluster::Cluster,
    forebay::named,
    process::eventually,
    raw::Client,
};

both!(no_session_goes_back_in_time);

const RULES: &str = "rules: [{name: kept, match: {comment: kept}, cache: {ttl: 10m}}]\n";
const PLAIN: &str = "SELECT n FROM kept_q WHERE id = 1";

fn kept(at: u32) -> String {
    format!("{PLAIN} AND {at} = {at} /* kept */")
}

/// Until this answer is given from memory.
fn until(client: &mut Client, text: &str, n: &str) {
    eventually("the answer is kept", || client.value(text) == n && was_hit(client));
}

fn no_session_goes_back_in_time(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 1);
    cluster.sql(&["CREATE TABLE app.kept_q (id INT PRIMARY KEY, n INT)", "INSERT INTO app.kept_q VALUES (1, 0)"]);
    cluster.settle();
    let servers: Vec<_> = cluster.servers().map(named).collect();
    let forebay = behind(&servers, ("monitor", "session"), RULES, "");
    let [mut reader, mut writer, mut other] = [(); 3].map(|()| connect(&forebay));
    until(&mut reader, &kept(1), "0");
    until(&mut other, &kept(1), "0");
    // What a session has seen of a write past Forebay it sees of it everywhere.
    cluster.sql(&["UPDATE app.kept_q SET n = 1"]);
    cluster.settle();
    assert_eq!(other.value(&kept(1)), "0", "nobody has told of that write: nothing was tested");
    let mut at = 1;
    eventually("what is older than another answer is not given", || {
        at += 1;
        assert_eq!(reader.value(&kept(at)), "1");
        reader.value(&kept(1)) == "1"
    });
    eventually("what was fetched is everybody's", || {
        assert_eq!(reader.value(&kept(1)), "1", "{}", told(&mut reader));
        other.value(&kept(1)) == "1"
    });
    // What comes after an answer from memory has seen what that has.
    cluster.delay(40);
    // A probe that has seen its applier stop for that has told so by now, and it is taken out for a while.
    thread::sleep(Duration::from_millis(600));
    eventually("the late replica answers", || {
        let mut any = connect(&forebay);
        any.ok("SELECT 'any', n FROM kept_q");
        told(&mut any).contains("server: replica1")
    });
    writer.ok("UPDATE kept_q SET n = 2 WHERE id = 1");
    until(&mut writer, &kept(1), "2");
    let [mut hit, mut late] = [(); 2].map(|()| connect(&forebay));
    assert_eq!(late.value(PLAIN), "1", "the replica was not late: nothing was tested");
    assert_eq!(hit.value(&kept(1)), "2");
    assert!(was_hit(&mut hit));
    assert_eq!(hit.value(PLAIN), "2", "a read behind an answer from memory");
    assert_eq!(late.value(PLAIN), "1", "the replica was no longer late: nothing was tested");
    forebay.assert_sound();
}
