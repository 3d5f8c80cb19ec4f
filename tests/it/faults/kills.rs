//! KILL in all its spellings, with the ids that clients know from Forebay.

use std::thread;

use super::{connect, running, within};
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    forebay::{Forebay, Settings},
    process::eventually,
    raw::{Client, Expect, Login},
};

both!(from_the_same_user, from_another_user, of_nobody_and_oneself, of_an_idle_session);

fn id_of(client: &mut Client) -> u32 {
    let id = client.value("SELECT CONNECTION_ID()").parse().unwrap();
    assert_eq!(client.greeting.connection_id, id);
    id
}

fn process_kill(id: u32) -> Vec<u8> {
    [&[0x0c][..], &id.to_le_bytes()].concat()
}

fn text(statement: String) -> Vec<u8> {
    [b"\x03", statement.as_bytes()].concat()
}

/// A statement sleeps on the primary or a replica; somebody kills it (`kill` from its id), and this is what it got.
fn killed(bed: &Bed, statement: &str, tag: &str, kill: impl FnOnce(u32) -> Vec<u8>) -> (Client, Option<u16>, bool) {
    let endpoint = bed.forebay();
    let mut victim = Client::connect(&endpoint, &Login::to("app")).unwrap();
    let mut killer = Client::connect(&endpoint, &Login::to("app")).unwrap();
    let id = id_of(&mut victim);
    let sql = statement.replace("TAG", tag);
    let sleeper = thread::spawn(move || {
        let reply = within(0.0..15.0, || victim.query(sql));
        (victim, reply)
    });
    eventually("the statement runs", || running(bed, tag) == 1);
    let reply = killer.command(&kill(id), Expect::Ok);
    assert_eq!(reply.code(), None, "{reply}");
    let (victim, reply) = sleeper.join().unwrap();
    eventually("the statement is gone everywhere", || running(bed, tag) == 0);
    (victim, reply.code(), reply.lost.is_some())
}

fn from_the_same_user(bed: &Bed) {
    for (n, statement) in ["SELECT SLEEP(60) FROM DUAL /* TAG */", "DO SLEEP(60) /* TAG */"].into_iter().enumerate() {
        let (mut victim, code, _) =
            killed(bed, statement, &format!("app_kq{n}"), |id| text(format!("KILL QUERY {id}")));
        assert!(code == Some(1317) || n == 1 || code.is_none(), "{statement}: {code:?}");
        assert_eq!(victim.value("SELECT 1"), "1", "{statement}: KILL QUERY leaves the session");
        let kills: [fn(u32) -> Vec<u8>; 3] =
            [|id| text(format!("KILL {id}")), |id| text(format!("/* x */ kill connection {id}")), process_kill];
        for (k, kill) in kills.into_iter().enumerate() {
            let (mut victim, code, lost) = killed(bed, statement, &format!("app_kc{n}{k}"), kill);
            assert!(lost || matches!(code, Some(1317 | 1927 | 1158 | 1053 | 2013)), "{statement}: {code:?}");
            assert!(victim.query("SELECT 1").lost.is_some(), "{statement} {k}: KILL ends the session");
        }
    }
}

/// MariaDB's own spellings.
#[test]
fn hard_and_soft() {
    let bed = Bed::of(Kind::MariaDb);
    let (mut victim, code, _) =
        killed(&bed, "SELECT SLEEP(60) FROM DUAL /* TAG */", "app_hard", |id| text(format!("KILL HARD QUERY {id}")));
    assert!(matches!(code, None | Some(1317)), "{code:?}");
    assert_eq!(victim.value("SELECT 1"), "1");
    let (mut victim, ..) =
        killed(&bed, "DO SLEEP(60) /* TAG */", "app_soft", |id| text(format!("KILL SOFT CONNECTION {id}")));
    assert!(victim.query("SELECT 1").lost.is_some());
}

/// The server itself decides who may kill whom.
fn from_another_user(bed: &Bed) {
    bed.cluster
        .sql(&["CREATE USER IF NOT EXISTS other@'%' IDENTIFIED BY 'secret'", "GRANT SELECT ON app.* TO other@'%'"]);
    bed.cluster.settle();
    let settings = Settings { users: &["{name: other, password: secret}"], ..Settings::default() };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    let other = Login { user: "other".into(), ..Login::default() };
    let mut killer = Client::connect(&forebay.endpoint, &other).unwrap();
    let mut victim = connect(&forebay);
    let id = id_of(&mut victim);
    let sleeper = thread::spawn(move || (victim.query("SELECT SLEEP(2) /* app_other */"), victim));
    eventually("the statement runs", || running(bed, "app_other") == 1);
    for kill in [text(format!("KILL QUERY {id}")), text(format!("KILL {id}")), process_kill(id)] {
        let reply = killer.command(&kill, Expect::Ok);
        assert_eq!(reply.error(), Some((1095, "HY000".into(), format!("You are not owner of thread {id}"))), "{reply}");
    }
    let (reply, mut victim) = sleeper.join().unwrap();
    assert_eq!(reply.text_rows(), [[Some(b"0".to_vec())]], "{reply}");
    let reply = killer.query(format!("KILL {id}"));
    assert_eq!(reply.code(), Some(1095), "idle: {reply}");
    assert_eq!(victim.value("SELECT 1"), "1");
    forebay.assert_sound();
}

fn of_nobody_and_oneself(bed: &Bed) {
    let endpoint = bed.forebay();
    let mut client = Client::connect(&endpoint, &Login::to("app")).unwrap();
    for unknown in [(1_u64 << 31) - 1, 4_000_000_000, 999_999] {
        let reply = client.query(format!("KILL {unknown}"));
        assert_eq!(reply.error(), Some((1094, "HY000".into(), format!("Unknown thread id: {unknown}"))), "{reply}");
    }
    assert_eq!(client.command(&process_kill(i32::MAX as u32), Expect::Ok).code(), Some(1094));
    // Oneself: as the server answers it.
    for kill in ["KILL QUERY", "KILL"] {
        let [direct, forebay] = [bed.direct(), endpoint.clone()].map(|to| {
            let mut client = Client::connect(&to, &Login::to("app")).unwrap();
            let id = id_of(&mut client);
            let reply = client.query(format!("{kill} {id}"));
            (reply.error(), reply.lost.is_some(), client.query("SELECT 1").lost.is_some())
        });
        assert_eq!(direct, forebay, "{kill}");
    }
}

fn of_an_idle_session(bed: &Bed) {
    let endpoint = bed.forebay();
    let mut killer = Client::connect(&endpoint, &Login::to("app")).unwrap();
    for hold in ["SELECT 1", "BEGIN", "DO GET_LOCK('app_idle', 0)"] {
        let mut victim = Client::connect(&endpoint, &Login::to("app")).unwrap();
        let id = id_of(&mut victim);
        victim.ok(hold);
        // No statement runs: KILL QUERY does nothing, not even to the next one.
        assert_eq!(killer.query(format!("KILL QUERY {id}")).code(), None, "{hold}");
        assert_eq!(victim.value("SELECT 1 FROM DUAL"), "1", "{hold}");
        assert_eq!(killer.query(format!("KILL {id}")).code(), None, "{hold}");
        let reply = within(0.0..2.0, || victim.query("SELECT 2"));
        assert!(reply.lost.is_some() || reply.code().is_some(), "{hold}: {reply}");
        eventually("its id is free", || killer.query(format!("KILL {id}")).code() == Some(1094));
    }
}
