//! What texts do not name: the tables behind views, those that triggers write and that cascades of foreign keys reach.

use std::collections::{HashMap, HashSet};

use super::{
    stamps::{EVERYTHING, Slot, slot},
    tables::{self, sorted},
};
use crate::sql::{self, Dialect, Effects, Kind};

/// What one server says of its schemas.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Views: schema, name, the SELECT.
    pub views: Vec<[String; 3]>,
    /// Triggers: the table's schema, the table, what it does.
    pub triggers: Vec<[String; 3]>,
    /// Foreign keys that change their table when the other's row changes: the other's schema and table, its own schema and
    /// table.
    pub cascades: Vec<[String; 4]>,
}

/// What else is written when something is, and what must not be cached.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    also: HashMap<Slot, Box<[Slot]>>,
    never: HashSet<Slot>,
}

/// A view with one of these gives another answer without a write.
const UNSTEADY: Effects = Effects::NOT_DETERMINISTIC
    .union(Effects::UNKNOWN_FUNCTION)
    .union(Effects::HOST_DEPENDENT)
    .union(Effects::SERVER_STATE)
    .union(Effects::SYSTEM_VARIABLE)
    .union(Effects::USER_VARIABLE)
    .union(Effects::LAST_INSERT_ID)
    .union(Effects::LAST_STATEMENT)
    .union(Effects::RAND)
    .union(Effects::CURRENT_TIME)
    .union(Effects::CONNECTION_ID)
    .union(Effects::SEQUENCE)
    .union(Effects::WRITE);

impl Dependencies {
    /// Of what a server says of its schemas.
    pub fn of(definitions: &Definitions, dialect: Dialect) -> Dependencies {
        let mut edges: HashMap<Slot, Vec<Slot>> = HashMap::new();
        let mut never = HashSet::new();
        for [schema, name, select] in &definitions.views {
            let view = slot(schema.as_bytes(), name.as_bytes());
            let facts = sql::facts(select.as_bytes(), dialect);
            let read = tables::read_by(select.as_bytes(), Some(schema.as_bytes()), dialect);
            let names = tables::names_in(select.as_bytes(), schema.as_bytes(), dialect);
            match read.zip(names) {
                // Without the right to see it, the definition is empty.
                Some((read, names))
                    if !select.is_empty() && facts.kind == Kind::Select && !facts.effects.intersects(UNSTEADY) =>
                {
                    for table in read.into_iter().filter(|table| *table != EVERYTHING && *table != view) {
                        edges.entry(table).or_default().push(view);
                    }
                    // Through a view, too, tables are written.
                    edges.entry(view).or_default().extend(names.into_iter().filter(|table| *table != view));
                }
                _ => drop(never.insert(view)),
            }
        }
        for [schema, table, does] in &definitions.triggers {
            let written = edges.entry(slot(schema.as_bytes(), table.as_bytes())).or_default();
            written.extend(written_by(does, schema, dialect));
            if does.contains('"') {
                // It may have been made under ANSI_QUOTES.
                written.extend(written_by(does, schema, Dialect { ansi_quotes: !dialect.ansi_quotes, ..dialect }));
            }
        }
        for [parent_schema, parent, schema, table] in &definitions.cascades {
            let parent = slot(parent_schema.as_bytes(), parent.as_bytes());
            edges.entry(parent).or_default().push(slot(schema.as_bytes(), table.as_bytes()));
        }
        Dependencies { also: closed(&edges), never: closed_never(&edges, never) }
    }

    /// With everything that is written when these are.
    pub fn with_also(&self, slots: Vec<Slot>) -> Vec<Slot> {
        if self.also.is_empty() {
            return slots;
        }
        let more: Vec<Slot> = slots.iter().filter_map(|slot| self.also.get(slot)).flatten().copied().collect();
        if more.is_empty() { slots } else { sorted([slots, more].concat()) }
    }

    /// Whether an answer that depends on these may be kept.
    pub fn may_keep(&self, slots: &[Slot]) -> bool {
        self.never.is_empty() || !slots.iter().any(|slot| self.never.contains(slot))
    }
}

/// What a trigger may write.
fn written_by(does: &str, schema: &str, dialect: Dialect) -> Vec<Slot> {
    let facts = sql::facts(does.as_bytes(), dialect);
    let known = tables::names_in(does.as_bytes(), schema.as_bytes(), dialect);
    let calls = facts.effects.intersects(Effects::UNKNOWN_FUNCTION) || mentions_call(does, dialect);
    known.filter(|_| !calls).unwrap_or_else(|| vec![EVERYTHING])
}

/// A body that calls a procedure may write anything.
fn mentions_call(text: &str, dialect: Dialect) -> bool {
    sql::mentions(text.as_bytes(), dialect, &|word| {
        [&b"call"[..], b"execute", b"prepare"].iter().any(|call| word.eq_ignore_ascii_case(call))
    })
}

/// What is reached over any number of edges.
fn closed(edges: &HashMap<Slot, Vec<Slot>>) -> HashMap<Slot, Box<[Slot]>> {
    edges.keys().map(|from| (*from, reached(edges, *from).into_boxed_slice())).collect()
}

fn reached(edges: &HashMap<Slot, Vec<Slot>>, from: Slot) -> Vec<Slot> {
    let (mut seen, mut left) = (HashSet::new(), vec![from]);
    while let Some(slot) = left.pop() {
        for next in edges.get(&slot).into_iter().flatten() {
            if *next != from && seen.insert(*next) {
                left.push(*next);
            }
        }
    }
    sorted(seen.into_iter().collect())
}

/// A view over a view that must not be cached must not be either.
fn closed_never(edges: &HashMap<Slot, Vec<Slot>>, never: HashSet<Slot>) -> HashSet<Slot> {
    let over = never.iter().flat_map(|view| reached(edges, *view));
    over.chain(never.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn dialect() -> Dialect {
        Dialect::under(b"", Flavor::MySql { version: 90_000 })
    }

    fn app(name: &str) -> Slot {
        slot(b"app", name.as_bytes())
    }

    fn of(definitions: Definitions) -> Dependencies {
        Dependencies::of(&definitions, dialect())
    }

    fn three(of: [&str; 3]) -> [String; 3] {
        of.map(str::to_owned)
    }

    #[test]
    fn views_triggers_and_cascades_are_followed_over_any_number_of_steps() {
        let made = of(Definitions {
            views: vec![
                three(["app", "v", "select `app`.`t`.`n` AS `n` from `app`.`t`"]),
                three(["app", "vv", "select `v`.`n` AS `n` from `app`.`v`"]),
            ],
            triggers: vec![three(["app", "x", "BEGIN INSERT INTO log VALUES (NEW.n); END"])],
            cascades: vec![["app", "parent", "app", "x"].map(str::to_owned)],
        });
        let also = |name: &str| made.with_also(vec![app(name)]);
        for (written, reached) in
            [("t", "v"), ("t", "vv"), ("vv", "t"), ("x", "log"), ("parent", "x"), ("parent", "log")]
        {
            assert!(also(written).contains(&app(reached)), "{written} {reached}");
        }
        assert_eq!(also("other"), [app("other")]);
        assert!(!also("log").contains(&app("x")));
        assert!(made.may_keep(&[app("v"), app("vv")]));
    }

    #[test]
    fn what_is_not_known_is_not_kept_or_voids_everything() {
        let made = of(Definitions {
            views: vec![
                three(["app", "now_v", "select now() AS `n` from `app`.`t`"]),
                three(["app", "over", "select `n` from `app`.`now_v`"]),
                three(["app", "hidden", ""]),
                three(["app", "f_v", "select `app`.`f`(1) AS `n`"]),
            ],
            triggers: vec![three(["app", "x", "CALL p(NEW.n)"])],
            cascades: Vec::new(),
        });
        for view in ["now_v", "over", "hidden", "f_v"] {
            assert!(!made.may_keep(&[EVERYTHING, app(view)]), "{view}");
        }
        assert!(made.with_also(vec![app("x")]).contains(&EVERYTHING));
    }
}
