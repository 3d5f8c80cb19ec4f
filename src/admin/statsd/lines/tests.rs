use std::time::Duration;

use super::*;

fn teller(format: StatsdFormat, tags: &[&str]) -> Teller {
    Teller::new(&Statsd {
        host: "localhost".into(),
        port: 8125,
        interval: Duration::from_secs(1),
        prefix: "fb".into(),
        format,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    })
}

fn page(calls: u32, slow: u32) -> String {
    let all = calls + slow;
    format!(
        "# TYPE forebay_clients gauge\nforebay_clients 3\n\
         # TYPE forebay_queries counter\nforebay_queries_total{{group=\"a.b|c\",kind=\"select\"}} {calls}\n\
         # TYPE forebay_apdex counter\nforebay_apdex_total{{zone=\"satisfied\"}} {calls}\nforebay_apdex_total{{zone=\"tolerated\"}} {slow}\n\
         # TYPE forebay_query_seconds histogram\n\
         forebay_query_seconds_sum{{group=\"primary\"}} {}\nforebay_query_seconds_count{{group=\"primary\"}} {all}\n\
         forebay_query_seconds_bucket{{le=\"0.1\",group=\"primary\"}} {calls}\n\
         forebay_query_seconds_bucket{{le=\"0.2\",group=\"primary\"}} {all}\n\
         forebay_query_seconds_bucket{{le=\"+Inf\",group=\"primary\"}} {all}\n# EOF\n",
        f64::from(all) / 4.0,
    )
}

/// The texts, told at once.
fn told(teller: &mut Teller, page: &str) -> Vec<String> {
    let lines = teller.lines(page);
    lines
        .into_iter()
        .map(|line| {
            teller.told(line.tells);
            line.text
        })
        .collect()
}

#[test]
fn counters_are_told_by_what_they_have_grown() {
    let mut plain = teller(StatsdFormat::Plain, &[]);
    assert_eq!(
        told(&mut plain, &page(10, 0)),
        [
            "fb.clients:3|g",
            "fb.queries.a_b_c.select:10|c",
            "fb.apdex.satisfied:10|c",
            "fb.apdex.score:1|g",
            "fb.query_ms.primary.count:10|c",
            "fb.query_ms.primary.mean:250|ms",
            "fb.query_ms.primary.p50:50|ms",
            "fb.query_ms.primary.p95:95|ms",
            "fb.query_ms.primary.p99:99|ms",
        ]
    );
    assert_eq!(told(&mut plain, &page(10, 0)), ["fb.clients:3|g"], "nothing has happened");
    let more = told(&mut plain, &page(15, 5));
    for line in [
        "fb.queries.a_b_c.select:5|c",
        "fb.apdex.tolerated:5|c",
        "fb.apdex.score:0.75|g",
        "fb.query_ms.primary.count:10|c",
    ] {
        assert!(more.iter().any(|told| told == line), "{line} in {more:#?}");
    }
}

#[test]
fn what_was_not_sent_is_told_the_next_time() {
    let mut plain = teller(StatsdFormat::Plain, &[]);
    drop(plain.lines(&page(10, 0)));
    let more = told(&mut plain, &page(15, 5));
    for line in ["fb.queries.a_b_c.select:15|c", "fb.query_ms.primary.count:20|c"] {
        assert!(more.iter().any(|told| told == line), "{line} in {more:#?}");
    }
}

#[test]
fn labels_are_tags_where_there_are_such() {
    let mut dog = teller(StatsdFormat::Dog, &["env:prod", "team:db"]);
    let lines = told(&mut dog, &page(2, 0));
    assert_eq!(lines[0], "fb.clients:3|g|#env:prod,team:db");
    assert_eq!(lines[1], "fb.queries:2|c|#group:a.b_c,kind:select,env:prod,team:db");
    assert!(lines.contains(&"fb.query_ms.count:2|c|#group:primary,env:prod,team:db".to_owned()), "{lines:#?}");
    assert_eq!(told(&mut teller(StatsdFormat::Dog, &[]), &page(0, 0)), ["fb.clients:3|g"]);
}

#[test]
fn quantiles_lie_in_their_bucket() {
    let buckets = [(0.1, 0.0), (0.2, 50.0), (0.4, 90.0), (f64::INFINITY, 100.0)];
    let near = |rank: f64, expected: f64| {
        let found = quantile(&buckets, rank);
        assert!((found - expected).abs() < 1e-9, "{rank}: {found}, not {expected}");
    };
    near(50.0, 0.2);
    near(25.0, 0.15);
    near(70.0, 0.3);
    near(99.0, 0.4);
    assert!(quantile(&[], 1.0).abs() < f64::EPSILON);
}
