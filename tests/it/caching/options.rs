//! What a rule and a hint may say of answers, and what bounds them.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{behind_users, caching, connect, read, set_directly, table, told, until_hit, until_kept, was_hit};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::{free_port, named},
    process::{eventually, resident_bytes},
    raw::{Client, Login},
};

both!(
    an_old_answer_is_given_while_another_is_fetched,
    the_next_answer_is_fetched_ahead,
    comments_for_others_make_no_difference,
    what_may_no_longer_be_read_is_not_given,
    what_nobody_asks_for_again_is_not_kept,
    memory_is_bounded
);

/// Counts for a second or so, and tells the row's number.
fn slow(table: &str) -> String {
    format!(
        "SELECT MAX(t.n) FROM {table} t, digits a, digits b, digits c, digits d, digits e, digits f \
         WHERE a.n + b.n + c.n + d.n + e.n + f.n > 5"
    )
}

fn digits(bed: &Bed) {
    bed.cluster.sql(&[
        "CREATE TABLE IF NOT EXISTS app.digits (n INT)",
        "DELETE FROM app.digits",
        "INSERT INTO app.digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
    ]);
    bed.cluster.settle();
}

fn an_old_answer_is_given_while_another_is_fetched(bed: &Bed) {
    digits(bed);
    table(bed, "kept_swr");
    let rules = "rules: [{name: all, match: {kind: select}, cache: {ttl: 2s, stale_while_revalidate: 10m}}]\n";
    let forebay = caching(bed, rules, "");
    until_kept(bed, &mut connect(&forebay), "kept_swr");
    let text = slow("kept_swr");
    let (mut first, mut second) = (connect(&forebay), connect(&forebay));
    eventually("an answer is kept", || {
        first.ok(&text);
        was_hit(&mut first)
    });
    set_directly(bed, "kept_swr", 7);
    // Beyond `ttl` one of them goes; others have the old answer until it is back.
    thread::sleep(Duration::from_millis(2100));
    thread::scope(|scope| {
        let (text, first, began) = (&text, &mut first, Instant::now());
        let fetching = scope.spawn(move || {
            let value = first.value(text);
            (value, began.elapsed())
        });
        thread::sleep(Duration::from_millis(30));
        let asked = Instant::now();
        let meanwhile = (second.value(text), asked.elapsed());
        let (value, took) = fetching.join().unwrap();
        assert_eq!((&*value, &*meanwhile.0), ("7", "0"), "{took:?}, {meanwhile:?}, {}", told(&mut second));
        assert!(meanwhile.1 < took, "{meanwhile:?}, {took:?}");
    });
    assert_eq!(connect(&forebay).value(&text), "7");
    forebay.assert_sound();
}

fn the_next_answer_is_fetched_ahead(bed: &Bed) {
    table(bed, "kept_ra");
    let rules = "rules: [{name: all, match: {kind: select}, cache: {ttl: 60s, refresh_ahead: 57s}}]\n";
    let forebay = caching(bed, rules, "");
    until_kept(bed, &mut connect(&forebay), "kept_ra");
    connect(&forebay).ok("UPDATE kept_ra SET n = 1");
    bed.cluster.settle();
    let mut client = connect(&forebay);
    until_hit(&mut client, "kept_ra");
    let kept = Instant::now();
    set_directly(bed, "kept_ra", 2);
    // Sessions of their own: what one has seen on a server it must not see older.
    eventually("it is fetched anew", || read(&mut connect(&forebay), "kept_ra") == 2);
    assert!(kept.elapsed() > Duration::from_millis(2500), "{:?}: before its time", kept.elapsed());
    forebay.assert_sound();
}

fn comments_for_others_make_no_difference(bed: &Bed) {
    table(bed, "kept_co");
    let rules = "rules:\n\
        - {name: tagged, match: {comment: 'tagged*'}, cache: {ttl: 60s, tags: [a]}}\n\
        - {name: all, match: {kind: select}, cache: {ttl: 60s}}\n";
    let forebay = caching(bed, rules, "");
    until_kept(bed, &mut connect(&forebay), "kept_co");
    let text = "SELECT n, n + 1 FROM kept_co WHERE id = 1";
    let row = |client: &mut Client, text: &str| client.rows(text).remove(0);
    let mut client = connect(&forebay);
    eventually("an answer is kept", || {
        client.ok(text);
        was_hit(&mut client)
    });
    set_directly(bed, "kept_co", 5);
    for traced in [
        format!("{text} /*traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/"),
        format!("/* controller: a */ {text}"),
        format!("-- controller: b\n{text}"),
    ] {
        assert_eq!(row(&mut connect(&forebay), &traced), ["0", "1"], "{traced}");
        // As the server itself has it.
        let [plain, with] = [text, &traced].map(|text| client.query(text).packets);
        assert_eq!(plain, with, "{traced}");
        let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
        assert_eq!(direct.query(text), direct.query(&traced), "{traced}");
    }
    // Another rule's answer bears other tags.
    assert_eq!(row(&mut connect(&forebay), &format!("{text} /* tagged */")), ["5", "6"]);
    // One that asks for the present gives it to all who do not.
    assert_eq!(row(&mut connect(&forebay), text), ["0", "1"]);
    eventually("it is kept anew", || {
        assert_eq!(row(&mut connect(&forebay), &format!("{text} /* forebay: cache=refresh */")), ["5", "6"]);
        row(&mut connect(&forebay), text) == ["5", "6"]
    });
    forebay.assert_sound();
}

fn what_may_no_longer_be_read_is_not_given(bed: &Bed) {
    table(bed, "kept_re");
    for (user, grants) in [("gone", ""), ("chief", "GRANT ALL ON *.* TO 'chief'@'%' WITH GRANT OPTION")] {
        bed.cluster.sql(&[
            &format!("DROP USER IF EXISTS '{user}'@'%'"),
            &format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'secret'"),
        ]);
        if !grants.is_empty() {
            bed.cluster.sql(&[grants]);
        }
    }
    let users = "users: [{name: app, password: secret, explain: true}, {name: gone, password: secret, explain: true}, \
                 {name: chief, password: secret}]\n";
    let grant = "SELECT ON app.kept_re";
    let rules = "rules: [{name: all, match: {kind: select}, cache: {ttl: 10m}}]\n";
    for past in [false, true] {
        bed.cluster.sql(&[&format!("GRANT {grant} TO 'gone'@'%'")]);
        bed.cluster.settle();
        let servers: Vec<_> = bed.cluster.servers().map(named).collect();
        let forebay = behind_users(&servers, ("monitor", "global"), rules, "cache: {log: {follow: true}}\n", users);
        until_kept(bed, &mut connect(&forebay), "kept_re");
        let login = Login { user: "gone".into(), ..Login::to("app") };
        let mut gone = Client::connect(&forebay.endpoint, &login).unwrap();
        until_hit(&mut gone, "kept_re");
        let revoke = format!("REVOKE {grant} FROM 'gone'@'%'");
        if past {
            bed.cluster.sql(&[&revoke]);
        } else {
            let chief = Login { user: "chief".into(), ..Login::to("app") };
            Client::connect(&forebay.endpoint, &chief).unwrap().ok(&revoke);
        }
        // Replicas follow, and the log tells of it.
        eventually("it is refused", || gone.query("SELECT n FROM kept_re WHERE id = 1").code() == Some(1142));
        forebay.assert_sound();
    }
}

/// A text that nobody has asked for.
fn another(table: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(1);
    format!("SELECT n FROM {table} WHERE id = {}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

fn what_nobody_asks_for_again_is_not_kept(bed: &Bed) {
    const WINDOW: usize = 1024;
    for name in ["kept_once", "kept_anyway", "kept_slowly"] {
        table(bed, name);
    }
    let rules = "rules: [{name: adapts, match: {tables: [kept_once], kind: select}, cache: {ttl: 60s}}, \
                         {name: times, match: {tables: [kept_slowly], kind: select}, timeout: 60s, cache: {ttl: 60s}}, \
                         {name: keeps, match: {kind: select}, cache: {ttl: 60s, adaptive: false}}]\n";
    let port = free_port();
    let admin = format!("admin: {{listen: \"127.0.0.1:{port}\", users: [{{name: op, password: secret-op}}]}}\n");
    let forebay = caching(bed, rules, &admin);
    let mut operator = Client::connect(&Endpoint::new(port), &Login::operator()).unwrap();
    let mut client = connect(&forebay);
    until_kept(bed, &mut client, "kept_once");
    let mut asked = |text: &str| {
        client.ok(text);
        (was_hit(&mut client), told(&mut client))
    };
    let in_turn = |texts: Vec<String>| {
        let mut client = connect(&forebay);
        texts.iter().for_each(|text| drop(client.ok(text)));
    };
    // What is asked for once saves nothing, on whichever way.
    for table in ["kept_once", "kept_slowly"] {
        in_turn((0..WINDOW).map(|_| another(table)).collect());
        let new = another(table);
        let (_, why) = asked(&new);
        assert!(why.contains("asked for the first time"), "{why}");
        assert!(!asked(&new).0 && asked(&new).0, "it is kept when it comes again");
    }
    // Nor does it where all is to be kept.
    in_turn((0..WINDOW).map(|_| another("kept_anyway")).collect());
    let new = another("kept_anyway");
    assert!(!asked(&new).0 && asked(&new).0, "it is kept when it comes first");
    // What would have been hits shows that it is worth while.
    in_turn((0..WINDOW).map(|_| another("kept_once")).flat_map(|text| [text.clone(), text]).collect());
    let new = another("kept_once");
    assert!(!asked(&new).0 && asked(&new).0, "all is kept again: {}", told(&mut client));
    let figures = operator.rows("SHOW CACHE LIKE 'adapts'");
    let unproven: usize = figures[0][8].parse().unwrap();
    assert!((WINDOW / 2..2 * WINDOW).contains(&unproven), "{figures:?}");
    forebay.assert_sound();
}

fn memory_is_bounded(bed: &Bed) {
    const BUDGET_KIB: u64 = 4 << 10;
    table(bed, "kept_me");
    let rules = "rules: [{name: all, match: {kind: select}, cache: {ttl: 10m}}]\n";
    let forebay = caching(bed, rules, "cache: {max_bytes: 4MiB}\n");
    until_kept(bed, &mut connect(&forebay), "kept_me");
    let mut client = connect(&forebay);
    let mut flood = |from: u32, to: u32| {
        for n in from..to {
            // Little and much.
            let width = if n % 16 == 0 { 8_000 } else { 10 };
            client.ok(format!("SELECT REPEAT('x', {width}), n + {n} FROM kept_me WHERE id = 1"));
        }
        resident_bytes(forebay.pid()) >> 10
    };
    let before = flood(0, 200);
    // Three times as much as there is room for.
    let (full, fuller) = (flood(200, 8_000), flood(8_000, 16_000));
    assert!(full - before < BUDGET_KIB * 3, "{before} KiB, then {full}");
    assert!(fuller < full + BUDGET_KIB, "{full} KiB, then {fuller}");
    assert!(full - before > BUDGET_KIB / 4, "{before} KiB, then {full}: nothing was kept");
    forebay.assert_sound();
}
