//! `SHOW WARNINGS`.

use super::{Look, Row, Table, number, text};

pub(super) const TABLE: Table = Table {
    name: "warnings",
    about: "What `forebay check` warns of in the configuration in force: what works but is probably not meant.",
    columns: &[
        text("Level", "always `Warning`, as clients want to see it"),
        number("Code", "always 1105, ER_UNKNOWN_ERROR"),
        text("Message", "what is doubtful, with its place"),
    ],
    like: "Message",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let Some(version) = look.operator.reloader.current() else { return Vec::new() };
    let config = &version.config;
    let all = config.warnings.iter().map(ToString::to_string).chain((look.operator.doubts)(config));
    all.map(|warning| vec![Some("Warning".to_owned()), Some("1105".to_owned()), Some(warning)]).collect()
}
