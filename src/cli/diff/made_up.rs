//! Statements that rules are about: those of their tests, and some made up of what they name.

use crate::{
    cli::explain::{Options, plain},
    routing::rules::{AnyOrAll, Match, OneOrMany, RuleTest, Rules},
};

/// What is done with each table that a rule names.
const SHAPES: [&str; 7] = [
    "SELECT * FROM {t} WHERE id = 1",
    "SELECT a, COUNT(*) FROM {t} JOIN u ON u.id = {t}.id GROUP BY a ORDER BY 2",
    "SELECT * FROM {t} WHERE id = 1 FOR UPDATE",
    "INSERT INTO {t} (id) VALUES (1)",
    "UPDATE {t} SET a = 1",
    "DELETE FROM {t} WHERE id = 1",
    "DROP TABLE {t}",
];

/// Each test's, and some for each rule, each in a session of its own.
pub(super) fn sessions(rules: &Rules) -> Vec<Vec<Options>> {
    let alone = rules.iter().flat_map(|rule| of_match(&rule.definition.matches)).map(|asked| vec![asked]);
    rules.tests().map(of_test).chain(alone).collect()
}

fn of_test(test: &RuleTest) -> Vec<Options> {
    let texts = test.statement.as_ref().map(OneOrMany::words).unwrap_or_default();
    let asked = |text: &String| Options {
        schema: test.schema.clone(),
        client: test.client.as_ref().and_then(|address| address.parse().ok()),
        application: test.application.clone(),
        in_transaction: test.in_transaction,
        prepared: test.prepared,
        ..plain(text.clone(), test.user.clone())
    };
    texts.iter().map(asked).collect()
}

/// In a session as the rule wants it: the first of every list, with nothing for `*`.
fn of_match(matches: &Match) -> Vec<Options> {
    let first = |words: &Option<OneOrMany>| {
        words.as_ref().and_then(|words| words.words().first()).map(|word| word.replace('*', ""))
    };
    let network = first(&matches.client).and_then(|word| word.split('/').next()?.parse().ok());
    let comment = first(&matches.comment).map_or(String::new(), |comment| format!(" /* {comment} */"));
    let names = matches.tables.as_ref().map(|tables| AnyOrAll::words(tables).0.to_vec());
    let names = names.unwrap_or_else(|| vec!["t".to_owned()]);
    let made = names.iter().flat_map(|name| SHAPES.map(|shape| shape.replace("{t}", &name.replace('*', "x"))));
    let named = matches.fingerprint.as_ref().map(OneOrMany::words).unwrap_or_default();
    let asked = |text: String| Options {
        schema: first(&matches.schema),
        client: network,
        application: first(&matches.application),
        in_transaction: matches.in_transaction == Some(true),
        prepared: matches.prepared == Some(true),
        ..plain(text + &comment, first(&matches.user).unwrap_or_default())
    };
    made.chain(named.iter().cloned()).map(asked).collect()
}
