use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Position, intervals::MAX_INTERVALS};

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const B: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429563";

fn position(text: &str) -> Position {
    Position::parse(text.as_bytes()).unwrap_or_else(|| panic!("unreadable: {text}"))
}

#[test]
fn what_is_not_in_another() {
    for (mine, other, left) in [
        ("", "", ""),
        (&*format!("{A}:1-9"), "", &*format!("{A}:1-9")),
        (&format!("{A}:1-9"), &format!("{A}:1-9"), ""),
        (&format!("{A}:1-9"), &format!("{A}:3:5-6:9-20"), &format!("{A}:1-2:4:7-8")),
        (&format!("{A}:3-4:8-9,{B}:1"), &format!("{A}:1-3:9"), &format!("{A}:4:8,{B}:1")),
        (&format!("{A}:5-6"), &format!("{A}:1-4:7"), &format!("{A}:5-6")),
        ("0-1-9,1-1-5", "0-2-9,1-1-4", "1-1-5"),
    ] {
        assert_eq!(position(mine).without(&position(other)), position(left), "{mine} without {other}");
    }
}

#[test]
fn reads_and_writes_both_dialects() {
    for (text, sql) in [
        ("", ""),
        ("0-1-123", "0-1-123"),
        ("1-2-5,0-1-123", "0-1-123,1-2-5"),
        ("0-1-7,0-2-9,0-1-8", "0-2-9"),
        (&format!("{A}:5"), &format!("{A}:5")),
        (&format!("{A}:7:1-5"), &format!("{A}:1-5:7")),
        (&format!("{A}:1-5:6-9"), &format!("{A}:1-9")),
        (&format!("{A}:1-5,\n{B}:2:Tag_1:4:3"), &format!("{A}:1-5,{B}:2,{B}:tag_1:3-4")),
        (&A.to_uppercase().replace('-', "").replace("562", "562:9"), &format!("{A}:9")),
    ] {
        assert_eq!(position(text).to_sql(), sql, "{text}");
        assert_eq!(position(sql), position(text));
    }
}

#[test]
fn unreadable_text_adds_nothing() {
    let mut known = position("0-1-5");
    for text in [
        "x",
        "0-1",
        "0-1-",
        "0-1-2-3",
        "0-1-+2",
        "-1-2",
        "4294967296-1-1",
        "0-1-99999999999999999999",
        &format!("{A}:"),
        &format!("{A}:0"),
        &format!("{A}:5-1"),
        &format!("{A}:tag"),
        &format!("{A}:1:bad-tag:2"),
        &format!("{A}:1:{}:2", "t".repeat(33)),
        "abc:1",
        "0-1-9,x",
    ] {
        assert!(!known.add(text.as_bytes()), "{text}");
        assert_eq!(known, position("0-1-5"));
    }
    assert!(!known.add(b"\xff\xfe"));
}

#[test]
fn a_gap_is_not_covered() {
    let replica = position(&format!("{A}:1-5:7"));
    assert!(replica.covers(&position(&format!("{A}:7"))));
    assert!(!replica.covers(&position(&format!("{A}:6"))));
    assert!(!replica.covers(&position(&format!("{A}:5-7"))));
    assert!(!replica.covers(&position(&format!("{B}:1"))));
    assert!(!replica.covers(&position(&format!("{A}:tag:1"))));
}

#[test]
fn mariadb_covers_by_domain_whoever_wrote() {
    assert!(position("0-2-10,1-1-1").covers(&position("0-1-9")));
    assert!(!position("0-2-10").covers(&position("0-1-11")));
    assert!(!position("0-2-10").covers(&position("1-1-1")));
}

#[test]
fn gaps_are_bounded_and_the_newest_stay() {
    let mut position = Position::default();
    (1..=1000u32).for_each(|n| assert!(position.add(format!("{A}:{}", n * 2).as_bytes())));
    assert_eq!(position.to_sql().matches(':').count(), MAX_INTERVALS);
    assert!(position.covers(&super::Position::parse(format!("{A}:2000:1998").as_bytes()).unwrap()));
}

#[test]
fn what_must_be_seen_never_becomes_less() {
    let (mut wanted, mut asked) = (Position::default(), Position::default());
    for n in 1..=1000u32 {
        let gtid = format!("{A}:{}", n * 2);
        assert!(wanted.want(gtid.as_bytes()));
        asked.want_all(&position(&gtid));
    }
    assert_eq!(wanted, asked);
    assert_eq!(wanted.to_sql().matches(':').count(), MAX_INTERVALS);
    assert!((1..=1000u32).all(|n| wanted.covers(&position(&format!("{A}:{}", n * 2)))));
    assert!(wanted.covers(&position(&format!("{A}:3"))), "the oldest gaps are closed");
}

/// A set as plain numbers (source 0…2, number), which the laws are checked against.
fn mysql_set() -> impl Strategy<Value = BTreeSet<(u8, u64)>> {
    prop::collection::btree_set((0u8..3, 1u64..40), 0..30)
}

fn of_set(set: &BTreeSet<(u8, u64)>) -> Position {
    let source = |n: u8| [A.to_owned(), B.to_owned(), format!("{B}:t")][usize::from(n)].clone();
    position(&set.iter().map(|&(s, n)| format!("{}:{n}", source(s))).collect::<Vec<_>>().join(","))
}

fn mariadb() -> impl Strategy<Value = Position> {
    prop::collection::vec((0u32..3, 1u32..3, 1u64..50), 0..6)
        .prop_map(|gtids| position(&gtids.iter().map(|(d, s, n)| format!("{d}-{s}-{n}")).collect::<Vec<_>>().join(",")))
}

proptest! {
    #[test]
    fn mysql_is_a_set(a in mysql_set(), b in mysql_set()) {
        let mut union = of_set(&a);
        union.merge(&of_set(&b));
        prop_assert_eq!(&union, &of_set(&a.union(&b).copied().collect()));
        prop_assert_eq!(of_set(&a).covers(&of_set(&b)), a.is_superset(&b));
        prop_assert_eq!(position(&union.to_sql()), union);
    }

    #[test]
    fn mariadb_laws(a in mariadb(), b in mariadb(), c in mariadb()) {
        let mut union = a.clone();
        union.merge(&b);
        prop_assert!(union.covers(&a) && union.covers(&b) && a.covers(&a));
        prop_assert!(a.covers(&Position::default()));
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        prop_assert_eq!(a.covers(&b) && b.covers(&a), a.covers(&union) && b.covers(&union));
        prop_assert_eq!(position(&union.to_sql()), union);
    }

    #[test]
    fn any_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Position::parse(&bytes);
    }
}
