//! `EXPLAIN ROUTE … FOR statement`.

use super::{Answer, Failure};
use crate::{
    admin::operator::Operator,
    config,
    routing::{
        Question, SessionView,
        explain::{Explanation, explain as told},
    },
    sql,
};

const SYNTAX: &str = "EXPLAIN ROUTE [USER u] [SCHEMA s] [IN TRANSACTION] FOR statement";

/// What it answers.
pub const COLUMNS: [&str; 2] = ["what", "says"];

pub(super) fn explain(operator: &Operator, text: &str) -> Result<Answer, Failure> {
    let asked_for = parse(text).ok_or_else(|| Failure::Wrong(format!("not understood: write {SYNTAX}")))?;
    let text = now(operator, &asked_for).to_string();
    let row = |line: &str| {
        let (what, says) = line.split_once(": ").unwrap_or((line, ""));
        vec![Some(what.to_owned()), Some(says.to_owned())]
    };
    Ok(Answer::table(&COLUMNS, text.lines().map(row).collect()))
}

/// As it would be decided at this moment, by the rules in force and the servers as they are.
fn now(operator: &Operator, asked: &Asked<'_>) -> Explanation {
    let (shared, live) = (operator.shared(), operator.shared().live());
    let view = shared.topology.view();
    let primary = view.primary.and_then(|id| view.server(id));
    let version = primary
        .and_then(|server| Some(String::from_utf8_lossy(&server.greeting.as_ref()?.server_version).into_owned()));
    let dialect = config::dialect(version.or_else(|| live.settings.server_version.clone()).as_deref());
    let text = asked.statement.as_bytes();
    told(&Question {
        facts: &sql::facts(text, dialect),
        text,
        dialect,
        user: asked.user,
        schema: asked.schema.map(str::as_bytes),
        client: None,
        application: &|| None,
        prepared: false,
        session: SessionView { in_transaction: asked.in_transaction, ..SessionView::default() },
        mentions_primary_only: sql::mentions(text, dialect, &|name| live.settings.is_primary_only(name)),
        rules: &live.rules,
        verdict: None,
        view: &view,
        consistency: live.consistency.get(asked.user).copied().unwrap_or(live.settings.consistency),
        max_lag: live.max_lag.get(asked.user).copied().or(live.settings.max_lag),
        has_seen: &|_| true,
        hints_may_loosen: live.settings.hints_may_loosen,
        balance: live.settings.balance,
        turn: 0,
        cost: &|digest| shared.cost(digest),
        latency_us: &|server| shared.latencies.get_us(server),
        load: &|server| shared.pools.in_use(server),
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Asked<'a> {
    user: &'a str,
    schema: Option<&'a str>,
    in_transaction: bool,
    statement: &'a str,
}

fn parse(text: &str) -> Option<Asked<'_>> {
    let mut asked = Asked { user: "", schema: None, in_transaction: false, statement: "" };
    let (_, rest) = word(text)?;
    let (_, mut rest) = word(rest)?;
    loop {
        let (keyword, after) = word(rest)?;
        rest = match keyword.to_ascii_uppercase().as_str() {
            "FOR" => {
                asked.statement = after.trim();
                return (!asked.statement.is_empty()).then_some(asked);
            }
            "USER" => {
                let (user, after) = word(after)?;
                asked.user = unquoted(user);
                after
            }
            "SCHEMA" => {
                let (schema, after) = word(after)?;
                asked.schema = Some(unquoted(schema));
                after
            }
            "IN" => {
                let (transaction, after) = word(after)?;
                asked.in_transaction = transaction.eq_ignore_ascii_case("TRANSACTION");
                asked.in_transaction.then_some(after)?
            }
            _ => return None,
        };
    }
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['\'', '"', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked() {
        let asked = |text| parse(text).map(|asked| (asked.user, asked.schema, asked.in_transaction, asked.statement));
        assert_eq!(asked("explain route for SELECT 1"), Some(("", None, false, "SELECT 1")));
        assert_eq!(
            asked("EXPLAIN ROUTE USER 'app' SCHEMA shop IN TRANSACTION FOR SELECT *\nFROM t FOR UPDATE"),
            Some(("app", Some("shop"), true, "SELECT *\nFROM t FOR UPDATE"))
        );
        for wrong in ["EXPLAIN ROUTE", "EXPLAIN ROUTE FOR", "EXPLAIN ROUTE USER FOR", "EXPLAIN ROUTE IN x FOR SELECT 1"]
        {
            assert_eq!(asked(wrong), None, "{wrong}");
        }
    }
}
