use super::*;

#[test]
fn sizes() {
    for (text, expected) in [
        ("64MiB", Some(64 << 20)),
        ("256 KiB", Some(256 << 10)),
        ("64M", Some(64 << 20)),
        ("1048576", Some(1 << 20)),
        ("12B", Some(12)),
        ("64MB", None),
        ("MiB", None),
        ("", None),
        ("-1", None),
        ("99999999999999999999", None),
        ("9999999999999999GiB", None),
    ] {
        assert_eq!(size(text), expected, "{text}");
    }
}

#[test]
fn durations() {
    assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
    assert_eq!(duration("8h"), Some(Duration::from_secs(8 * 3600)));
    assert_eq!(duration("1m 30s"), Some(Duration::from_secs(90)));
    for wrong in ["5", "", "-1s", "5 parsecs", "1,5s"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
    assert_eq!(DURATION_OR_OFF.read("off"), Ok(None));
    assert_eq!(
        DURATION_OR_OFF.read("0s").unwrap_err(),
        "`0s` is not a duration above zero: write it as `500ms`, `30s` or `8h`, or `off`"
    );
}

#[test]
fn words_suggest_the_nearest() {
    const ROLE: Words<u8> = Words { what: "a role", words: &[("primary", 1), ("replica", 2)] };
    assert_eq!(ROLE.read("replica"), Ok(2));
    assert_eq!(
        ROLE.read("primray").unwrap_err(),
        "`primray` is not a role: did you mean `primary`? (It is `primary` or `replica`)"
    );
    assert_eq!(ROLE.read("x").unwrap_err(), "`x` is not a role: write `primary` or `replica`");
}

#[test]
fn what_is_quoted_stays_on_one_line() {
    assert_eq!(shown("a\nb"), "a\\nb");
    assert_eq!(shown(&"x".repeat(100)).chars().count(), 61);
}
