//! Every statement in a file, or a share of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{House, house};
use crate::support::{
    bed::{Bed, both},
    process::{eventually, signal},
    raw::{Client, Expect, execute},
};

both!(each_statement_is_a_line, a_share_is_chosen_by_chance, text_is_a_line_too_and_a_reload_ends_it);

const RULES: &str = "rules:\n- {name: kept, match: {comment: kept}, cache: {ttl: 10m}}\n\
                     - {name: closed, match: {comment: closed}, deny: Not now.}\n";

fn text(house: &House) -> String {
    let text = std::fs::read_to_string(house.forebay.dir.join("access.log")).unwrap_or_default();
    // The last line may not be whole yet.
    text[..text.rfind('\n').map_or(0, |end| end + 1)].to_owned()
}

fn entries(house: &House) -> Vec<Value> {
    text(house)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// How many statements of each group, kind and outcome the log holds.
fn logged(house: &House) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for entry in entries(house) {
        let word = |key: &str| entry[key].as_str().unwrap().to_owned();
        let labels = format!("group=\"{}\",kind=\"{}\",outcome=\"{}\"", word("group"), word("kind"), word("outcome"));
        *counts.entry(labels).or_default() += 1;
    }
    counts
}

/// The same by the metrics.
fn counted(operator: &mut Client) -> BTreeMap<String, u64> {
    let rows = operator.rows("SELECT labels, value FROM forebay.metrics WHERE metric = 'forebay_queries_total'");
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

fn each_statement_is_a_line(bed: &Bed) {
    let house = house(bed, "access_log: {file: access.log}\n", RULES);
    let (mut client, mut operator) = (house.client(), house.operator());
    client.ok("DROP TABLE IF EXISTS app.accessed");
    client.ok("CREATE TABLE app.accessed (n INT PRIMARY KEY, word VARCHAR(20))");
    client.ok("INSERT INTO app.accessed VALUES (1, 'hidden-word'), (2, 'hidden-word')");
    assert_eq!(client.query("INSERT INTO app.accessed VALUES (1, 'hidden-word')").code(), Some(1062));
    bed.cluster.settle();
    client.ok("SELECT 'hidden-word', n FROM app.accessed");
    (0..2).for_each(|_| assert!(client.query("SELECT 1 /* closed */").code().is_some()));
    let prepared = client.command(b"\x16SELECT n + 1 FROM app.accessed", Expect::Prepare);
    let id = u32::from_le_bytes(prepared.packets[0].1[1..5].try_into().unwrap());
    (0..3).for_each(|_| assert_eq!(client.command(&execute(id, 0, &[], true), Expect::Results).code(), None));
    client.command(b"\x0e", Expect::Ok);
    client.ok("BEGIN");
    client.ok("UPDATE app.accessed SET word = 'hidden-word'");
    client.ok("ROLLBACK");
    eventually("an answer comes from memory", || {
        client.ok("SELECT word FROM app.accessed WHERE n = 1 /* kept */");
        counted(&mut operator).iter().any(|(labels, _)| labels.contains("group=\"cache\""))
    });
    eventually("all is written", || logged(&house) == counted(&mut operator));

    let all = entries(&house);
    let of = |what: &str| -> Vec<&Value> {
        all.iter().filter(|entry| entry["statement"].as_str().unwrap().contains(what)).collect()
    };
    let read = of("select ?, n from app.accessed")[0];
    assert_eq!((&read["user"], &read["schema"], &read["host"]), (&"app".into(), &"app".into(), &"127.0.0.1".into()));
    assert_eq!((&read["rows"], &read["error"], &read["group"]), (&2.into(), &Value::Null, &"replicas".into()));
    assert!(read["server"].as_str().unwrap().starts_with("replica") && read["bytes"].as_u64().unwrap() > 20, "{read}");
    let us = |key: &str| read[key].as_u64().unwrap();
    assert!(us("on_server_us") > 0 && us("on_server_us") <= us("elapsed_us") && us("waited_us") <= us("elapsed_us"));
    let inserts = of("insert into app.accessed");
    assert_eq!((&inserts[0]["affected_rows"], &inserts[1]["error"]), (&2.into(), &1062.into()));
    assert_eq!(inserts[1]["outcome"], "error");
    let refused: Vec<_> = all.iter().filter(|entry| entry["outcome"] == "refused").collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|entry| entry["server"].is_null() && entry["error"].is_u64()), "{refused:#?}");
    let executed = of("select n + ? from app.accessed");
    assert_eq!(executed.len(), 3);
    assert!(
        executed.iter().all(|entry| entry["rows"] == 2 && entry["digest"] == executed[0]["digest"]),
        "{executed:#?}"
    );
    let hit = all.iter().find(|entry| entry["group"] == "cache").unwrap();
    assert!(hit["server"].is_null() && hit["rows"] == 1, "{hit}");
    assert!(!text(&house).contains("hidden-word"));
    house.forebay.assert_sound();
}

fn a_share_is_chosen_by_chance(bed: &Bed) {
    let house = house(bed, "access_log: {file: access.log, sample: 0.5}\n", "");
    let (mut client, mut operator) = (house.client(), house.operator());
    (0..2000).for_each(|_| drop(client.ok("SELECT 1 AS sampled")));
    let written = "SELECT labels, value FROM forebay.metrics WHERE metric = 'forebay_access_log_statements_total'";
    let written: BTreeMap<String, f64> =
        operator.rows(written).into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect();
    assert_eq!((written["outcome=\"dropped\""], written["outcome=\"failed\""]), (0.0, 0.0));
    let sampled = || text(&house).matches("sampled").count();
    eventually("some are written", || sampled() > 800);
    // Thirteen standard deviations off.
    assert!(sampled() < 1300, "{}", sampled());
    house.forebay.assert_sound();
}

fn text_is_a_line_too_and_a_reload_ends_it(bed: &Bed) {
    let mut house = house(bed, "access_log: {file: access.log, format: text, literals: true}\n", "");
    let (mut client, mut operator) = (house.client(), house.operator());
    client.ok("SELECT 'shown-word'\nAS x");
    eventually("it is written", || text(&house).contains("shown-word"));
    let all = text(&house);
    let line = all.lines().find(|line| line.contains("shown-word")).unwrap();
    assert!(line.ends_with(" statement=SELECT 'shown-word'\\nAS x"), "{line}");
    for part in [" user=app ", " host=127.0.0.1 ", " schema=app ", " kind=select ", " outcome=ok ", " rows=1 "] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let config = house.forebay.dir.join("config.yaml");
    let without = std::fs::read_to_string(&config).unwrap().replace("access_log:", "slow_log: {}\n#access_log:");
    std::fs::write(&config, without).unwrap();
    signal(house.forebay.pid(), "HUP");
    eventually("it is off", || operator.rows("SHOW VARIABLES LIKE 'access_log.file'")[0][1] == "off");
    client.ok("SELECT 'not-shown'");
    drop(client);
    // Its end would write what waits.
    house.forebay.assert_sound();
    assert!(house.forebay.terminate());
    assert!(text(&house).contains("shown-word") && !text(&house).contains("not-shown"));
}
