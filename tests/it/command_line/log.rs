use crate::support::{
    bed::{Bed, direct_only},
    cluster::Kind,
    forebay::{Forebay, Settings},
    process::{eventually, signal},
    raw::{Client, Login},
};

/// What makes Forebay say something at every level.
fn logged(format: &str) -> String {
    let bed = Bed::of(Kind::MariaDb);
    let more = format!("log: {{format: {format}, level: \"debug,forebay::topology=info\"}}\n");
    let mut forebay = Forebay::start(bed.cluster, &Settings { more, ..Settings::default() });
    forebay.wait_until_serving();
    let mut client = Client::connect(&forebay.endpoint, &Login::default()).unwrap();
    client.query("SELECT nonsense\nFROM nowhere");
    let strange = Login { user: "new\nline\u{1b}[31m\"quoted\"".into(), ..Login::default() };
    assert!(Client::connect(&forebay.endpoint, &strange).is_err());
    signal(forebay.pid(), "HUP");
    // Else it may be said after all else that it stopped.
    eventually("what became of the reload is told", || forebay.log().contains("SIGHUP: certificates"));
    drop(client);
    assert!(forebay.terminate());
    forebay.log()
}

#[test]
fn json_lines_parse() {
    if direct_only() {
        return;
    }
    let log = logged("json");
    let mut levels = Vec::new();
    for line in log.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "target", "message"] {
            assert!(event[key].is_string(), "{key} in {line}");
        }
        levels.push(event["level"].as_str().unwrap().to_owned());
        if event["message"] == "login refused" {
            // Escaped once by Forebay, so that other formats are safe too.
            assert!(event["user"].as_str().unwrap().starts_with("new\\nline"), "{line}");
            assert!(event["why"].is_string() && event["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        }
    }
    for level in ["DEBUG", "INFO", "WARN"] {
        assert!(levels.iter().any(|l| l == level), "{level} in\n{log}");
    }
    assert!(log.contains("listening on") && log.contains("\"stopped\""), "{log}");
}

#[test]
fn text_lines_are_one_an_event() {
    if direct_only() {
        return;
    }
    let log = logged("text");
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let (time, level, target) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        assert!(time.len() == 24 && time.ends_with('Z') && time.contains('T'), "{line}");
        assert!(["DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "{line}");
        assert!(target.ends_with(':'), "{line}");
        assert!(!line.contains('\x1b'), "{line}");
    }
    assert!(
        log.lines().any(|line| line.contains("WARN") && line.contains("login refused") && line.contains("new\\nline")),
        "{log}"
    );
    assert!(log.lines().last().is_some_and(|line| line.ends_with("stopped")), "{log}");
}
