//! The dashboard and the alert rules in `docker/` name metrics and labels that there are. (`docs/admin.md`, which is held
//! against `/metrics` itself, lists them.)

use std::{collections::BTreeMap, fs};

use crate::support::paths;

/// Metric → its labels, as documented.
fn documented() -> BTreeMap<String, Vec<String>> {
    let page = fs::read_to_string(paths::repo().join("docs/admin.md")).unwrap();
    let mut metrics = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `forebay_")) {
        let cell = line.split('`').nth(1).unwrap();
        let (name, labels) = cell.split_once('{').unwrap_or((cell, ""));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).map(str::to_owned);
        let labels: Vec<_> = labels.collect();
        if line.contains("| histogram |") {
            for part in ["bucket", "count", "sum"] {
                metrics.insert(format!("{name}_{part}"), labels.clone());
            }
        } else {
            metrics.insert(name.to_owned(), labels);
        }
    }
    assert!(metrics.len() > 40, "{metrics:?}");
    metrics
}

/// Every expression that names a metric must name one that there is, and after `by (` only its labels.
fn check(what: &str, expression: &str, metrics: &BTreeMap<String, Vec<String>>) -> usize {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named: Vec<&str> = expression.split(|c| !word(c)).filter(|word| word.starts_with("forebay_")).collect();
    let mut known = vec!["instance".to_owned(), "le".to_owned()];
    for name in &named {
        let labels = metrics.get(*name).unwrap_or_else(|| panic!("{what}: there is no {name}: {expression}"));
        known.extend(labels.iter().cloned());
    }
    for list in expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next()) {
        for label in list.split(',').map(str::trim) {
            assert!(known.iter().any(|one| one == label), "{what}: no label {label}: {expression}");
        }
    }
    for selector in expression.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        for label in selector.split(',').filter_map(|one| one.split(['=', '!']).next()).map(str::trim) {
            assert!(known.iter().any(|one| one == label), "{what}: no label {label}: {expression}");
        }
    }
    named.len()
}

#[test]
fn dashboard_and_alerts_name_what_there_is() {
    let metrics = documented();
    let read = |path: &str| fs::read_to_string(paths::repo().join(path)).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&read("docker/grafana/forebay.json")).unwrap();
    let mut named = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            named += check(panel["title"].as_str().unwrap(), target["expr"].as_str().unwrap(), &metrics);
        }
    }
    assert!(named >= 30, "{named}");
    let alerts: serde_yaml::Value = serde_yaml::from_str(&read("docker/prometheus/alerts.yaml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_sequence().unwrap();
    assert!(rules.len() >= 10);
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(check(name, rule["expr"].as_str().unwrap(), &metrics) > 0, "{name} names no metric");
        assert!(rule["annotations"]["summary"].as_str().is_some(), "{name} says nothing");
    }
}
