//! Clients that vanish in mid-statement: reads are killed, writes are let end, transactions are rolled back.

use super::{running, within};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    process::eventually,
    raw::{Client, Login},
};

both!(a_read_is_killed, a_transaction_is_rolled_back, a_write_is_let_end, a_long_result_is_cut);

fn client(to: &Endpoint, tls: bool) -> Client {
    Client::connect(to, &Login { tls, ..Login::to("app") }).unwrap()
}

fn a_read_is_killed(bed: &Bed) {
    let socket = bed.forebay();
    for (n, tls) in [(0, false), (1, true)] {
        for goodbye in [false, true] {
            let tag = format!("app_vanish_{n}{goodbye}");
            let mut client = client(&socket, tls);
            client.send(format!("\x03SELECT SLEEP(60) /* {tag} */").as_bytes()).unwrap();
            eventually("it runs", || running(bed, &tag) == 1);
            if goodbye {
                client.send(b"\x01").unwrap();
            }
            drop(client);
            eventually("the read is gone", || running(bed, &tag) == 0);
        }
    }
}

fn a_transaction_is_rolled_back(bed: &Bed) {
    bed.cluster.sql(&[
        "DROP TABLE IF EXISTS app.vanish_lock",
        "CREATE TABLE app.vanish_lock (id INT PRIMARY KEY, n INT)",
        "INSERT INTO app.vanish_lock VALUES (1, 0)",
    ]);
    let endpoint = bed.forebay();
    for statement in [None, Some("SELECT SLEEP(60) /* app_vanish_tx */")] {
        let mut gone = client(&endpoint, false);
        gone.ok("BEGIN");
        gone.ok("UPDATE vanish_lock SET n = n + 1");
        if let Some(statement) = statement {
            gone.send(format!("\x03{statement}").as_bytes()).unwrap();
            eventually("it runs", || running(bed, "app_vanish_tx") == 1);
        }
        drop(gone);
        let mut next = client(&endpoint, false);
        within(0.0..5.0, || next.ok("UPDATE vanish_lock SET n = n + 10"));
    }
    assert_eq!(client(&endpoint, false).value("SELECT n FROM vanish_lock FOR UPDATE"), "20");
}

fn a_write_is_let_end(bed: &Bed) {
    bed.cluster.sql(&[
        "DROP TABLE IF EXISTS app.vanish_write",
        "CREATE TABLE app.vanish_write (id INT PRIMARY KEY, n INT)",
        "INSERT INTO app.vanish_write VALUES (1, 0)",
    ]);
    let endpoint = bed.forebay();
    let mut gone = client(&endpoint, false);
    gone.send(b"\x03UPDATE vanish_write SET n = 1 + SLEEP(1) /* app_vanish_write */").unwrap();
    eventually("it runs", || running(bed, "app_vanish_write") == 1);
    drop(gone);
    let mut root = bed.cluster.root(&bed.cluster.primary);
    eventually("it is committed", || root.value("SELECT n FROM app.vanish_write") == "1");
}

/// The client leaves in the midst of a result that would go on for long.
fn a_long_result_is_cut(bed: &Bed) {
    let endpoint = bed.forebay();
    let tag = "app_vanish_long";
    let mut gone = client(&endpoint, false);
    let digits = "(SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7)";
    let joins: String = ('b'..'h').map(|name| format!(", {digits} {name}")).collect();
    gone.send(format!("\x03SELECT REPEAT('x', 2000) FROM {digits} a{joins} /* {tag} */").as_bytes()).unwrap();
    gone.stream.read_payload(&mut 1).unwrap();
    assert_eq!(running(bed, tag), 1);
    drop(gone);
    eventually("the statement is gone", || running(bed, tag) == 0);
}
