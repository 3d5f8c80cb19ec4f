use super::*;

fn malformed(text: &str) -> (usize, usize, String) {
    let Malformed { at, message } = parse(text).unwrap_err();
    (at.line, at.column, message)
}

#[test]
fn a_tree_knows_its_places() {
    let Value::Map(entries) = parse("a: 1\nb:\n  - x\n  - {c: 'd'}\n").unwrap().value else { panic!() };
    assert_eq!((entries[0].1.at.line, entries[0].1.at.column), (1, 4));
    let Value::List(items) = &entries[1].1.value else { panic!() };
    assert_eq!((items[0].at.line, items[0].at.column), (3, 5));
    let Value::Map(inner) = &items[1].value else { panic!() };
    assert_eq!((inner[0].0.at.line, inner[0].0.at.column), (4, 6));
    assert_eq!(inner[0].1.value, Value::Scalar("d".into()));
}

#[test]
fn aliases_stand_for_their_anchor() {
    let Value::Map(entries) = parse("a: &x {k: v}\nb: *x\n").unwrap().value else { panic!() };
    assert_eq!(entries[0].1.value, entries[1].1.value);
}

#[test]
fn what_is_no_document_of_ours_is_refused_with_its_place() {
    assert_eq!(malformed("a: 1\nb: 2\na: 3\n"), (3, 1, "`a` is given twice: first in line 1".into()));
    assert_eq!(malformed("a: !!str x\n").2, "YAML tags have no meaning here: leave the `!…` out");
    assert_eq!(malformed("a: 1\n---\nb: 2\n").0, 2);
    let (line, column, _) = malformed("a: x\n%\u{2}q\tt\u{75d}tatement: y `%\t\0");
    assert!((1..=2).contains(&line) && column <= 25, "{line}:{column}");
    assert!(malformed("a: [1, 2\nb: 3\n").2.starts_with("not YAML: "));
    assert!(malformed(&"[".repeat(100)).2.contains("nested deeper"));
    assert!(malformed("a: &x [*x]\n").2.contains("alias"));
}

#[test]
fn a_bomb_of_aliases_is_bounded() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let refs = vec![format!("*a{}", i - 1); 10].join(",");
        text += &format!("a{i}: &a{i} [{refs}]\n");
    }
    assert!(malformed(&text).2.contains("more than"));
}

#[test]
fn empty_is_null() {
    assert_eq!(parse("").unwrap().value, Value::Null);
    assert_eq!(parse("# only a comment\n").unwrap().value, Value::Null);
}
