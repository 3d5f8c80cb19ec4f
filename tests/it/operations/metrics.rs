//! Metrics against traffic that is known.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{House, house};
use crate::support::{
    bed::{Bed, both},
    process::eventually,
    raw::{Client, Expect, Login, execute},
};

both!(exact_counts);

const MORE: &str = "groups: [{name: far, servers: [replica2]}]\n";
const RULES: &str = "rules:\n- {name: far, match: {comment: far}, route: far}\n\
                     - {name: kept, match: {comment: kept}, cache: {ttl: 10m}}\n\
                     - {name: closed, match: {comment: closed}, deny: Not now.}\n";

/// What is waited for comes at once, unless this machine is busy.
const PATIENCE: Duration = Duration::from_secs(60);

type Values = BTreeMap<String, f64>;

fn values(operator: &mut Client) -> Values {
    let rows = operator.rows("SELECT metric, labels, value FROM forebay.metrics");
    rows.into_iter().map(|row| (format!("{}{{{}}}", row[0], row[1]), row[2].parse().unwrap())).collect()
}

/// By how much values have grown.
fn grown(operator: &mut Client, before: &Values) -> Values {
    let mut now = values(operator);
    for (name, value) in &mut now {
        *value -= before.get(name).copied().unwrap_or_default();
    }
    now
}

/// What has been counted since, once so many statements have been: the last one counts a moment after its answer.
fn since(operator: &mut Client, before: &Values, statements: f64) -> Values {
    let start = Instant::now();
    loop {
        let now = grown(operator, before);
        let ended: f64 = now.iter().filter(|(name, _)| name.starts_with("forebay_queries_total")).map(|(_, n)| n).sum();
        if ended >= statements {
            assert!((ended - statements).abs() < 0.5, "{ended} statements instead of {statements}: {now:#?}");
            return now;
        }
        assert!(start.elapsed() < PATIENCE, "{ended} statements of {statements}: {now:#?}");
    }
}

fn exact_counts(bed: &Bed) {
    let house = house(bed, MORE, RULES);
    let mut operator = house.operator();
    let mut client = house.client();
    for table in ["metered", "metered_too"] {
        client.ok(format!("DROP TABLE IF EXISTS app.{table}"));
        client.ok(format!("CREATE TABLE app.{table} (n INT PRIMARY KEY)"));
    }
    client.ok("INSERT INTO app.metered VALUES (0), (1), (2)");
    bed.cluster.settle();
    until_kept(&mut client, &mut operator);
    settled(&mut operator);
    let before = values(&mut operator);

    (0..5).for_each(|_| drop(client.ok("SELECT 1, 2")));
    (0..3).for_each(|n| drop(client.ok(format!("INSERT INTO app.metered_too VALUES ({n})"))));
    assert_eq!(client.query("INSERT INTO app.metered_too VALUES (0)").code(), Some(1062));
    (0..2).for_each(|_| drop(client.ok("SELECT n FROM app.metered /* far */")));
    (0..2).for_each(|_| assert!(client.query("SELECT 1 /* closed */").code().is_some()));
    (0..4).for_each(|_| drop(client.ok("SELECT n FROM app.metered WHERE n < 2 /* kept */")));
    let prepared = client.command(b"\x16SELECT n + 1 FROM app.metered", Expect::Prepare);
    let id = u32::from_le_bytes(prepared.packets[0].1[1..5].try_into().unwrap());
    (0..6).for_each(|_| assert_eq!(client.command(&execute(id, 0, &[], true), Expect::Results).code(), None));
    client.command(b"\x0e", Expect::Ok);
    client.ok("BEGIN");
    client.ok("UPDATE app.metered_too SET n = n + 10");
    client.ok("ROLLBACK");

    let now = since(&mut operator, &before, 26.0);
    let mut expected = Values::new();
    for (group, kind, outcome, count) in [
        ("cache", "select", "ok", 3.0),
        ("far", "select", "ok", 2.0),
        ("forebay", "select", "refused", 2.0),
        ("forebay", "transaction", "ok", 1.0),
        ("primary", "insert", "error", 1.0),
        ("primary", "insert", "ok", 3.0),
        ("primary", "transaction", "ok", 1.0),
        ("primary", "update", "ok", 1.0),
        ("replicas", "select", "ok", 12.0),
    ] {
        let labels = format!("forebay_queries_total{{group=\"{group}\",kind=\"{kind}\",outcome=\"{outcome}\"}}");
        expected.insert(labels, count);
    }
    let queries: Values = now
        .iter()
        .filter(|(name, n)| name.starts_with("forebay_queries_total") && **n > 0.0)
        .map(|(name, n)| (name.clone(), *n))
        .collect();
    assert_eq!(queries, expected);
    let is = |name: &str, expected: f64| assert_eq!(now.get(name), Some(&expected), "{name}");
    is("forebay_errors_total{fault=\"client\"}", 2.0);
    is("forebay_errors_total{fault=\"statement\"}", 1.0);
    is("forebay_errors_total{fault=\"server\"}", 0.0);
    // 5 of the plain ones, 2 × 3, 4 × 2, 6 × 3.
    is("forebay_rows_total{}", 37.0);
    is("forebay_rule_refusals_total{rule=\"closed\"}", 2.0);
    is("forebay_cache_hits_total{rule=\"kept\"}", 3.0);
    is("forebay_prepares_total{by=\"server\"}", 1.0);
    is("forebay_query_seconds_count{group=\"replicas\"}", 12.0);
    is("forebay_query_seconds_count{group=\"far\"}", 2.0);
    is("forebay_query_seconds_bucket{le=\"+Inf\",group=\"cache\"}", 3.0);
    histograms_are_whole(&values(&mut operator));
    // Every statement that a server ran waited for its connection, if only for a moment.
    is("forebay_query_wait_seconds_count{}", 20.0);
    let zones: f64 = now.iter().filter(|(name, _)| name.starts_with("forebay_apdex_total")).map(|(_, n)| n).sum();
    assert!((zones - 26.0).abs() < 0.5, "{zones}");
    let servers = |metric: &str| -> f64 {
        now.iter().filter(|(name, _)| name.starts_with(&format!("{metric}{{"))).map(|(_, n)| n).sum()
    };
    // Those, and the PREPARE.
    assert!((servers("forebay_server_queries_total") - 21.0).abs() < 0.5, "{now:#?}");
    assert!((servers("forebay_server_query_seconds_count") - 21.0).abs() < 0.5, "{now:#?}");
    assert!((servers("forebay_server_rows_total") - 31.0).abs() < 0.5, "{now:#?}");
    assert!((servers("forebay_server_errors_total") - 1.0).abs() < 0.5, "{now:#?}");
    assert!(
        now["forebay_bytes_total{from=\"clients\"}"] > 500.0 && now["forebay_bytes_total{from=\"servers\"}"] > 500.0
    );
    logins_and_pins(&house, &mut operator);
    house.forebay.assert_sound();
}

/// Each bucket counts what the ones before it count, and the last one, which has no end, is all there are.
fn histograms_are_whole(now: &Values) {
    let mut histograms: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (name, count) in now {
        let Some((metric, labels)) = name.split_once("_bucket{") else { continue };
        let (mine, others): (Vec<_>, Vec<_>) =
            labels.trim_end_matches('}').split(',').partition(|label| label.starts_with("le="));
        let end = mine[0].trim_start_matches("le=").trim_matches('"');
        // Prometheus knows the last bucket by this very word.
        let end = if end == "+Inf" { f64::INFINITY } else { end.parse().unwrap() };
        histograms.entry(format!("{metric}_count{{{}}}", others.join(","))).or_default().push((end, *count));
    }
    let metrics: BTreeSet<_> = histograms.keys().map(|name| name.split_once('{').unwrap().0).collect();
    let expected =
        ["forebay_query_seconds_count", "forebay_query_wait_seconds_count", "forebay_server_query_seconds_count"];
    assert_eq!(metrics, BTreeSet::from(expected));
    for (count, mut buckets) in histograms {
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        assert!(buckets.is_sorted_by(|(a, of_a), (b, of_b)| a < b && of_a <= of_b), "{count}: {buckets:?}");
        let (end, all) = *buckets.last().unwrap();
        assert!(end.is_infinite() && buckets.iter().rev().skip(1).all(|(end, _)| *end <= 10.0), "{count}: {buckets:?}");
        assert_eq!(now[&count], all, "{count}: {buckets:?}");
    }
}

/// Waits until an answer of a replica's is given from memory: for that Forebay must have looked around, and know that the replica
/// has what was written.
fn until_kept(client: &mut Client, operator: &mut Client) {
    let mut turn = 10;
    eventually("an answer is kept", || {
        turn += 1;
        settled(operator);
        let before = values(operator);
        (0..2).for_each(|_| drop(client.ok(format!("SELECT n FROM app.metered WHERE n < {turn} /* kept */"))));
        let now = since(operator, &before, 2.0);
        ["replicas", "cache"].iter().all(|group| {
            now.get(&format!("forebay_queries_total{{group=\"{group}\",kind=\"select\",outcome=\"ok\"}}")) == Some(&1.0)
        })
    });
}

/// Waits until nothing is counted any more.
fn settled(operator: &mut Client) {
    let ended = "SELECT SUM(value) FROM forebay.metrics WHERE metric = 'forebay_queries_total'";
    let busy = "SELECT COUNT(*) FROM forebay.sessions WHERE state <> 'idle'";
    let start = Instant::now();
    loop {
        let before = operator.value(ended);
        if operator.value(busy) == "0" && operator.value(ended) == before {
            return;
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

fn logins_and_pins(house: &House, operator: &mut Client) {
    let before = values(operator);
    let wrong = Login { password: "wrong".into(), ..Login::to("app") };
    (0..3).for_each(|_| assert!(Client::connect(&house.forebay.endpoint, &wrong).is_err()));
    let mut client = house.client();
    client.ok("SELECT GET_LOCK('metered', 1)");
    let now = since(operator, &before, 1.0);
    assert_eq!(now["forebay_logins_total{outcome=\"accepted\"}"], 1.0);
    assert_eq!(now["forebay_logins_total{outcome=\"failed\"}"], 3.0);
    let start = Instant::now();
    while values(operator)["forebay_pinned_sessions{reason=\"user_lock\"}"] != 1.0 {
        assert!(start.elapsed() < PATIENCE, "the lock pins the session");
    }
}
