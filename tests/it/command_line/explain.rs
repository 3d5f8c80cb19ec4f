//! `forebay explain` and `forebay diff`, as scripts use them.

use super::{GOOD, forebay, write};
use crate::support::paths;

const RULES: &str = "rules:\n\
     - {name: off, route: primary, enabled: false}\n\
     - {name: reports, match: {user: anna, schema: shop, tables: orders, client: 10.0.0.0/8, application: cron}, route: replicas, timeout: 5s}\n\
     - {name: kept, match: {in_transaction: true, prepared: true}, delay: 1s}\n\
     - {name: brief, match: {kind: read}, rewrite: {limit: 9}}\n";

#[test]
fn explain_for_programs() {
    let dir = paths::scratch("explain");
    let file = write(&dir, "config.yaml", GOOD);
    write(&dir, "rules/10.yaml", RULES);
    let explain = |arguments: &[&str]| {
        let (status, out, err) = forebay(&[&["explain", "--config", &file, "--json"], arguments].concat(), &[]);
        assert_eq!(status, Some(0), "{err}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        json
    };
    let text = "SELECT a FROM orders o JOIN lines l ON l.id = o.id WHERE o.id = 7 GROUP BY a";
    let of_anna = ["--user", "anna", "--schema", "shop", "--client", "10.1.2.3", "--application", "cron", text];
    let told = explain(&of_anna);
    assert_eq!((&told["kind"], &told["joins"], &told["note"]), (&"select".into(), &1.into(), &serde_json::Value::Null));
    assert_eq!(told["has"], serde_json::json!(["where", "join", "group_by"]));
    let shape = "select a from orders o join lines l on l.id = o.id where o.id = ? group by a";
    assert_eq!(told["fingerprint"], shape);
    assert!(told["digest"].as_str().is_some_and(|digest| digest.len() == 16), "{told}");
    assert_eq!((&told["target"], &told["server"]), (&"replicas (two)".into(), &"two".into()));
    assert_eq!((&told["reason"], &told["consistency"]), (&"rule reports".into(), &"session".into()));
    assert_eq!(told["becomes"], format!("{text} LIMIT 9"));
    let rules: Vec<_> = told["rules"].as_array().unwrap().iter().collect();
    let outcomes: Vec<_> =
        rules.iter().map(|rule| (rule["name"].as_str().unwrap(), rule["matched"].as_bool().unwrap())).collect();
    assert_eq!(outcomes, [("off", false), ("reports", true), ("kept", false), ("brief", true)]);
    assert_eq!(rules[0]["outcome"], "not enabled");
    assert_eq!(rules[2]["outcome"], "`in_transaction` does not match");
    assert!(rules[1]["file"].as_str().unwrap().ends_with("rules/10.yaml"));
    let decided: Vec<_> = told["decided"].as_array().unwrap().iter().map(|decided| &decided["aspect"]).collect();
    assert_eq!(decided, ["route", "timeout", "rewrite"]);
    // Each of the options counts.
    for left_out in [0, 2, 4, 6] {
        let mut fewer = of_anna.to_vec();
        fewer.drain(left_out..left_out + 2);
        assert_eq!(explain(&fewer)["reason"], "plain_read", "{fewer:?}");
    }
    let kept = explain(&["--in-transaction", "--prepared", "SELECT 1"]);
    assert_eq!((&kept["target"], &kept["reason"]), (&"primary (one)".into(), &"in_transaction".into()));
    let delay = serde_json::json!({"aspect": "delay", "rule": "kept", "says": "1s"});
    assert!(kept["decided"].as_array().unwrap().contains(&delay), "{kept}");
    // What can't be told is no JSON.
    let missing = dir.join("missing.yaml").display().to_string();
    let (status, out, err) = forebay(&["explain", "--config", &missing, "--json", "SELECT 1"], &[]);
    assert_eq!((status, out.as_str()), (Some(1), ""), "{err}");
}

#[test]
fn diff_for_programs() {
    let [old, new] = ["old", "new"].map(paths::scratch);
    for (folder, timeout) in [(&old, "5s"), (&new, "6s")] {
        write(folder, "config.yaml", GOOD);
        write(folder, "rules/10.yaml", &RULES.replace("5s", timeout));
    }
    let log = write(&old, "statements.log", "SELECT 1\nSELECT 2\n");
    let [old, new] = [old, new].map(|folder| folder.display().to_string());
    let (status, out, _) = forebay(&["diff", &old, &old, "--log", &log], &[]);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.starts_with("0 of ") && out.ends_with("; 0 of 2 statements in the log\n"), "{out}");
    let (status, out, err) = forebay(&["diff", &old, &new, "--json"], &[]);
    assert_eq!(status, Some(1), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let first = &json["differences"][0];
    assert_eq!(first["session"], "user anna, schema shop, from 10.0.0.0, application cron");
    let change = serde_json::json!({"aspect": "timeout", "old": "5s (rule reports)", "new": "6s (rule reports)"});
    assert_eq!(first["changes"], serde_json::json!([change]));
    let (status, out, err) = forebay(&["diff", &old, "/nonexistent"], &[]);
    assert_eq!((status, out.as_str()), (Some(2), ""), "{err}");
}
