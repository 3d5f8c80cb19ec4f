//! Statements that take long, in a file that other programs read.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use super::{House, house};
use crate::support::{
    bed::{Bed, both},
    process::{eventually, run, signal},
    raw::{Client, Expect, execute},
};

both!(json_parses, only_what_is_slow, the_servers_format_is_read_by_their_tool, a_full_disk_stops_nobody);

fn file(house: &House) -> PathBuf {
    house.forebay.dir.join("slow.log")
}

fn text(house: &House) -> String {
    std::fs::read_to_string(file(house)).unwrap_or_default()
}

/// The entries whose statement names this.
fn entries(house: &House, name: &str) -> Vec<Value> {
    // The last line may not be whole yet.
    let text = text(house);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let entries =
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    entries.filter(|entry: &Value| entry["statement"].as_str().unwrap().contains(name)).collect()
}

/// As many of them as there must be.
fn all(house: &House, name: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} of {name} are written"), || entries(house, name).len() >= count);
    let found = entries(house, name);
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

fn written(operator: &mut Client, outcome: &str) -> f64 {
    let what = format!(
        "SELECT value FROM forebay.metrics WHERE metric = 'forebay_slow_log_statements_total' \
         AND labels LIKE '%{outcome}%'"
    );
    operator.value(&what).parse().unwrap()
}

fn json_parses(bed: &Bed) {
    let house = house(bed, "slow_log: {file: slow.log, threshold: 0s}\n", "");
    let mut client = house.client();
    client.ok("DROP TABLE IF EXISTS app.slow_table");
    client.ok("CREATE TABLE app.slow_table (word VARCHAR(20))");
    client.ok("INSERT INTO app.slow_table VALUES ('hidden-word'), ('hidden-word')");
    for n in 1..=2 {
        client.ok(format!("SELECT {n}, 'hidden-word'\nAS slow_read"));
    }
    let code = client.query("SELECT 'hidden-word' FROM app.slow_nowhere").code();
    let prepared = client.command(b"\x16SELECT 'hidden-word' AS slow_prepared", Expect::Prepare);
    let id = u32::from_le_bytes(prepared.packets[0].1[1..5].try_into().unwrap());
    assert_eq!(client.command(&execute(id, 0, &[], true), Expect::Results).code(), None);

    let reads = all(&house, "slow_read", 2);
    for read in &reads {
        assert_eq!(read["statement"], "select ?, ? as slow_read");
        assert_eq!((&read["user"], &read["schema"]), (&"app".into(), &"app".into()));
        assert_eq!((&read["kind"], &read["rows"], &read["error"]), (&"select".into(), &1.into(), &Value::Null));
        assert!(read["server"].is_string() && read["bytes"].as_u64().unwrap() > 0, "{read}");
        let us = |key: &str| read[key].as_u64().unwrap();
        assert!(us("waited_us") <= us("elapsed_us") && us("on_server_us") <= us("elapsed_us"), "{read}");
        assert!(us("on_server_us") > 0, "{read}");
    }
    assert_eq!(reads[0]["digest"], reads[1]["digest"]);
    assert_eq!(all(&house, "slow_table values", 1)[0]["affected_rows"], 2);
    assert_eq!(all(&house, "slow_nowhere", 1)[0]["error"].as_u64(), code.map(u64::from));
    // Its PREPARE is none.
    all(&house, "slow_prepared", 1);
    assert!(!text(&house).contains("hidden-word"));

    // As logrotate does it.
    let moved = house.forebay.dir.join("slow.log.moved");
    std::fs::rename(file(&house), &moved).unwrap();
    signal(house.forebay.pid(), "HUP");
    eventually("a new file is there", || file(&house).exists());
    client.ok("SELECT 1 AS slow_after");
    all(&house, "slow_after", 1);
    assert!(!std::fs::read_to_string(moved).unwrap().contains("slow_after"));
    let mut operator = house.operator();
    assert!(written(&mut operator, "written") >= 6.0);
    assert_eq!((written(&mut operator, "dropped"), written(&mut operator, "failed")), (0.0, 0.0));
    house.forebay.assert_sound();
}

fn only_what_is_slow(bed: &Bed) {
    let house = house(bed, "slow_log: {file: slow.log, threshold: 1s}\n", "");
    let mut client = house.client();
    (0..20).for_each(|_| drop(client.ok("SELECT 1 AS slow_or_not")));
    client.ok("SELECT SLEEP(1.1) AS slow_one");
    let slow = all(&house, "slow_one", 1);
    assert!(slow[0]["elapsed_us"].as_u64().unwrap() >= 1_000_000, "{slow:?}");
    // However busy this machine is.
    for other in entries(&house, "") {
        assert!(other["elapsed_us"].as_u64().unwrap() >= 1_000_000, "{other}");
    }
}

fn the_servers_format_is_read_by_their_tool(bed: &Bed) {
    let house = house(bed, "slow_log: {file: slow.log, threshold: 0s, format: mysql, literals: true}\n", "");
    let mut client = house.client();
    (1..=3).for_each(|n| drop(client.ok(format!("SELECT {n}, 'shown-word' AS slow_read;"))));
    client.ok("SELECT 'a;\n# Query_time: 9' AS slow_odd");
    assert!(client.query("ALTER USER slow_nobody@'%' IDENTIFIED BY 'hidden-word'").code().is_some());
    client.ok("SELECT 1 AS slow_last");
    eventually("all is written", || text(&house).contains("slow_last;\n"));
    let all = text(&house);
    assert!(all.contains("shown-word") && all.contains("slow_nobody") && !all.contains("hidden-word"), "{all}");

    by_pt_query_digest(&house);
    let summary = run(Command::new("mysqldumpslow").arg(file(&house))).good();
    let of = |what: &str| {
        let all: Vec<_> = summary.split("Count: ").filter(|group| group.contains(what)).collect();
        assert_eq!(all.len(), 1, "{what} in {summary}");
        all[0].to_owned()
    };
    let reads = of("SELECT N, 'S' AS slow_read");
    assert!(reads.starts_with("3 ") && reads.contains("=1.0 (3)") && reads.contains("app[app]@[127.0.0.1]"), "{reads}");
    assert!(of("slow_odd").starts_with("1 ") && of("slow_nobody").starts_with("1 "), "{summary}");
    assert!(!summary.contains("Server_time") && !summary.contains("timestamp="), "{summary}");
}

/// Percona's tool knows the three reads for one shape, and what each took.
fn by_pt_query_digest(house: &House) {
    if Command::new("pt-query-digest").arg("--version").output().is_err() {
        return eprintln!("no percona-toolkit: pt-query-digest reads no slow log");
    }
    let mut tool = Command::new("pt-query-digest");
    tool.args(["--output", "json", "--limit", "100%", "--no-version-check"]).arg(file(house));
    let report: Value = serde_json::from_str(&run(&mut tool).good()).unwrap();
    let classes = report["classes"].as_array().unwrap();
    let of = |what: &str| {
        let mut found = classes.iter().filter(|class| class["fingerprint"].as_str().unwrap().contains(what));
        let class = found.next().unwrap_or_else(|| panic!("{what} in {report:#}")).clone();
        assert!(found.next().is_none(), "{what} in {report:#}");
        class
    };
    let reads = of("as slow_read");
    assert_eq!((&reads["query_count"], &reads["fingerprint"]), (&3.into(), &"select ?, ? as slow_read".into()));
    let metrics = &reads["metrics"];
    assert_eq!((&metrics["user"]["value"], &metrics["db"]["value"]), (&"app".into(), &"app".into()), "{reads:#}");
    let number = |of: &Value| of.as_f64().unwrap_or_else(|| of.as_str().unwrap().parse().unwrap());
    assert!((number(&metrics["Rows_sent"]["sum"]) - 3.0).abs() < 0.5, "{reads:#}");
    assert!(number(&metrics["Query_time"]["sum"]) > 0.0 && number(&metrics["Server_time"]["sum"]) > 0.0, "{reads:#}");
    assert_eq!(of("slow_odd")["query_count"], 1);
}

fn a_full_disk_stops_nobody(bed: &Bed) {
    let house = house(bed, "slow_log: {file: /dev/full, threshold: 0s}\n", "");
    let mut client = house.client();
    let mut operator = house.operator();
    (0..50).for_each(|_| drop(client.ok("SELECT 1 AS slow_lost")));
    eventually("what is lost is counted", || written(&mut operator, "failed") >= 50.0);
    assert!(written(&mut operator, "written").abs() < 0.5);
    let log = house.forebay.log();
    assert_eq!(log.matches("the slow log can't be written").count(), 1, "{log}");
    house.forebay.assert_sound();
}
