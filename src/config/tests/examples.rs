//! The rule files that come as examples, and what is said of rules that never count.

use std::path::Path;

use super::super::{Config, load_with};

/// What the examples' comments ask for.
const FITTING: &str = "listen: 127.0.0.1:3306\n\
    servers:\n- {name: primary, address: 'a:1', role: primary}\n- {name: replica1, address: 'b:1', role: replica}\n\
    - {name: replica2, address: 'c:1', role: replica, weight: 0}\n\
    groups: [{name: analytics, servers: [replica2]}]\nusers: [{name: app, password: x}]\n";

fn loaded(folder: &Path, rules: &[(&str, &str)]) -> Config {
    std::fs::create_dir(folder.join("rules")).unwrap();
    for (name, text) in rules {
        std::fs::write(folder.join("rules").join(name), text).unwrap();
    }
    std::fs::write(folder.join("config.yaml"), FITTING).unwrap();
    load_with(&folder.join("config.yaml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_example_loads_passes_its_tests_and_has_no_idle_rule() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/examples");
    for name in ["laravel.yaml", "analytics.yaml", "api-read-model.yaml", "guard.yaml", "noisy-tenant.yaml"] {
        let text = std::fs::read_to_string(examples.join(name)).unwrap();
        let config = loaded(tempfile::tempdir().unwrap().path(), &[("10.yaml", &text)]);
        let said: Vec<_> = config.warnings.iter().filter(|warning| warning.file.ends_with("10.yaml")).collect();
        assert!(said.is_empty(), "{name}: {said:?}");
        let (rules, tests) = (config.rules.iter().count(), config.rules.test_count());
        assert!(rules >= 2 && tests >= rules, "{name}: {rules} rules, {tests} tests");
        for rule in config.rules.iter() {
            let tested = text.split_once("\ntests:").is_some_and(|(_, tests)| tests.contains(rule.name()));
            assert!(tested, "{name}: no test names the rule `{}`", rule.name());
        }
    }
}

#[test]
fn a_rule_that_never_counts_is_a_warning_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let config = loaded(
        folder.path(),
        &[
            ("1.yaml", "rules:\n- {name: all, route: primary}\n- {name: off, delay: 1s, enabled: false}\n"),
            (
                "2.yaml",
                "rules:\n- {name: end, timeout: 1s, final: true}\n- {name: late, match: {user: x}, delay: 1s}\n",
            ),
            (
                "0.yaml",
                "rules:\n- {name: reads, match: {kind: read}, timeout: 9s}\n- {name: select, match: {kind: read, user: y}, timeout: 1s}\n",
            ),
        ],
    );
    let said: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    for (place, words) in [
        ("0.yaml:3:3", "the rule `select` never counts: rules before it, the last of them `reads`, match"),
        ("1.yaml:3:3", "the rule `off` is switched off"),
        ("2.yaml:3:3", "the rule `late` never counts: `end` before it matches all that it matches, and is final"),
    ] {
        assert!(said.iter().any(|said| said.contains(place) && said.contains(words)), "{place}: {words}: {said:#?}");
    }
    assert_eq!(config.warnings.iter().filter(|warning| warning.message.contains("the rule")).count(), 3, "{said:#?}");
}
