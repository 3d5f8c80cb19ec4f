//! Chains of rules: what a rule with `flagOUT` matches is from then on looked at only by later rules with that `flagIN`. Each of
//! these becomes a rule that has the conditions of those which lead to it, too, and stands before them: so it has the last
//! word, as in `ProxySQL`, and what it says nothing of is theirs.

use super::{Row, model::Model};

/// A rule, and those that lead to it.
pub(super) struct Place<'m> {
    pub(super) row: &'m Row,
    /// The outermost first.
    pub(super) through: Vec<&'m Row>,
    /// No rule behind it counts for what it matches.
    pub(super) ends: bool,
}

/// More are not written: chains that fork and meet again may have any number of ways.
pub(super) const MAX_PLACES: usize = 1000;

/// The rules in Forebay's order; one that several lead to is there for each of them.
pub(super) fn places(model: &Model) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    walk(&model.rules, 0, &mut Vec::new(), &mut places);
    places
}

fn walk<'m>(rules: &'m [Row], flag: i64, through: &mut Vec<&'m Row>, places: &mut Vec<Place<'m>>) {
    for (at, row) in rules.iter().enumerate().filter(|(_, row)| flag_in(row) == flag) {
        if places.len() >= MAX_PLACES {
            return;
        }
        let leads_to = leads_to(row);
        if let Some(next) = leads_to.filter(|_| row.number("active") != Some(0)) {
            through.push(row);
            walk(rules.get(at + 1..).unwrap_or_default(), next, through, places);
            through.pop();
        }
        places.push(Place { row, through: through.clone(), ends: leads_to.is_some() || row.is_on("apply") });
    }
}

pub(super) fn flag_in(row: &Row) -> i64 {
    row.number("flagin").unwrap_or(0)
}

/// The chain that goes on from there.
fn leads_to(row: &Row) -> Option<i64> {
    let out = row.number("flagout").filter(|out| *out >= 0 && *out != flag_in(row))?;
    (!row.is_on("apply")).then_some(out)
}

/// All that these conditions of rules say together, in one `match`: as they stand where no key is in both, else one of them behind
/// two `not`. `None`: both need a `not` of their own.
pub(super) fn both(outer: &[String], inner: &[String]) -> Option<Vec<String>> {
    let key = |condition: &String| condition.split(':').next().unwrap_or_default().to_owned();
    let rest: Vec<String> = inner.iter().filter(|condition| !outer.contains(condition)).cloned().collect();
    let meet = rest.iter().any(|condition| outer.iter().any(|other| key(other) == key(condition)));
    if !meet {
        return Some([outer, &rest].concat());
    }
    let is_free = |conditions: &[String]| !conditions.iter().any(|condition| key(condition) == "not");
    let doubly = |conditions: &[String]| format!("not: {{not: {{{}}}}}", conditions.join(", "));
    match (is_free(outer), is_free(inner)) {
        (_, true) => Some([inner, &[doubly(outer)]].concat()),
        (true, false) => Some([outer, &[doubly(inner)]].concat()),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_come_together() {
        for (outer, inner, expected) in [
            (&["user: a"][..], &["sql: b"][..], Some("user: a, sql: b")),
            (&[], &["sql: b"], Some("sql: b")),
            (&["user: a"], &["user: a", "sql: b"], Some("user: a, sql: b")),
            (&["user: a", "sql: b"], &["sql: c"], Some("sql: c, not: {not: {user: a, sql: b}}")),
            (&["sql: b"], &["sql: c", "not: {shape: d}"], Some("sql: b, not: {not: {sql: c, not: {shape: d}}}")),
            (&["not: {sql: b}"], &["not: {sql: c}"], None),
        ] {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let together = both(&owned(outer), &owned(inner)).map(|conditions| conditions.join(", "));
            assert_eq!(together.as_deref(), expected, "{outer:?} {inner:?}");
        }
    }
}
