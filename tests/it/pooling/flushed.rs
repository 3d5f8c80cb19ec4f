//! SIGUSR1: every server connection makes room for a new one, at once or when its session lets go of it.

use std::time::Duration;

use super::{connect, forebay, sharing, thread_id};
use crate::support::{
    bed::{Bed, both},
    forebay::Forebay,
    process::{self, eventually},
    raw::{Client, Login},
};

both!(idle_ones_close_and_lent_ones_follow, grants_reach_all);

fn flush(forebay: &Forebay) {
    let line = "SIGUSR1: idle server connections were closed";
    let flushes = || forebay.log().lines().filter(|log| log.contains(line)).count();
    let before = flushes();
    process::signal(forebay.pid(), "USR1");
    eventually("the flush is logged", || flushes() > before);
}

fn idle_ones_close_and_lent_ones_follow(bed: &Bed) {
    let forebay = forebay(bed, "hold: 1h");
    let (mut idle, mut busy, mut gone) = (connect(&forebay), connect(&forebay), connect(&forebay));
    busy.ok("START TRANSACTION");
    busy.value("SELECT 1");
    let of = |clients: [&mut Client; 3]| clients.map(thread_id);
    let [of_idle, of_busy, of_gone] = of([&mut idle, &mut busy, &mut gone]);
    gone.command(b"\x01", crate::support::raw::Expect::Ok);
    std::thread::sleep(Duration::from_millis(300));
    flush(&forebay);
    assert_eq!(thread_id(&mut busy), of_busy, "a transaction keeps its connection");
    assert_ne!(thread_id(&mut idle), of_idle, "a session that only held it has another");
    let mut new = connect(&forebay);
    let of_new = thread_id(&mut new);
    assert!(![&of_idle, &of_busy, &of_gone].contains(&&of_new), "{of_new} is new");
    busy.ok("COMMIT");
    eventually("after its end it gives way, too", || thread_id(&mut busy) != of_busy);
    forebay.assert_sound();
}

/// A role that is granted and made default reaches logins only: after a flush it reaches everybody.
fn grants_reach_all(bed: &Bed) {
    sharing::user(bed, "other");
    bed.cluster.sql(&["DROP TABLE IF EXISTS app.flush_t", "CREATE TABLE app.flush_t (n INT)"]);
    let set_default =
        bed.kind.pick("SET DEFAULT ROLE flush_role FOR other@'%'", "SET DEFAULT ROLE flush_role TO other@'%'");
    bed.cluster.sql(&["CREATE ROLE IF NOT EXISTS flush_role", "GRANT UPDATE ON app.flush_t TO flush_role"]);
    bed.cluster.settle();
    let forebay = forebay(bed, "hold: 50ms");
    let login = Login { user: "other".into(), ..Login::to("app") };
    let mut client = Client::connect(&forebay.endpoint, &login).unwrap();
    let update = "UPDATE flush_t SET n = 1";
    assert_eq!(client.query(update).code(), Some(1142));
    bed.cluster.sql(&["GRANT flush_role TO other@'%'", set_default]);
    bed.cluster.settle();
    assert_eq!(client.query(update).code(), Some(1142), "the connection knows nothing of it");
    flush(&forebay);
    eventually("it is known", || client.query(update).code().is_none());
    bed.cluster.sql(&["REVOKE flush_role FROM other@'%'"]);
    forebay.assert_sound();
}
