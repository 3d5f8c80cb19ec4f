//! `rewrite`: what a rule makes of a statement's text.

use regex::bytes::Regex;

use crate::sql::{Dialect, Kind, Outline, facts, outline::Parts};

/// Compiled.
#[derive(Debug)]
pub struct Rewriting {
    pub(super) pattern: Option<(Regex, Vec<u8>)>,
    pub(super) hint: Option<String>,
    pub(super) limit: Option<u64>,
}

impl Rewriting {
    /// The text that runs instead; `None`: nothing of it changes.
    pub fn rewrite(&self, text: &[u8], dialect: Dialect) -> Option<Vec<u8>> {
        let mut new = None;
        if let Some((pattern, with)) = &self.pattern
            && pattern.is_match(text)
        {
            new = Some(pattern.replace_all(text, with.as_slice()).into_owned());
        }
        if let Some(hint) = &self.hint
            && let Some(hinted) = with_hint(new.as_deref().unwrap_or(text), hint, dialect)
        {
            new = Some(hinted);
        }
        if let Some(limit) = self.limit
            && let Some(limited) = with_limit(new.as_deref().unwrap_or(text), limit, dialect)
        {
            new = Some(limited);
        }
        new.filter(|new| new != text)
    }
}

/// Behind the first word of a SELECT that begins the text.
fn with_hint(text: &[u8], hint: &str, dialect: Dialect) -> Option<Vec<u8>> {
    let start = text.len() - text.trim_ascii_start().len();
    let word = text.get(start..start + 6)?;
    if !word.eq_ignore_ascii_case(b"select") || facts(text, dialect).kind != Kind::Select {
        return None;
    }
    let (head, tail) = text.split_at(start + 6);
    Some([head, b" /*+ ", hint.as_bytes(), b" */", tail].concat())
}

/// At the end of a SELECT that has no LIMIT, locks nothing, and is the only statement.
fn with_limit(text: &[u8], limit: u64, dialect: Dialect) -> Option<Vec<u8>> {
    let facts = facts(text, dialect);
    let Outline { parts, .. } = crate::sql::outline(text, dialect);
    let has_comment = !crate::sql::comments(text, dialect).is_empty();
    if facts.kind != Kind::Select || !facts.is_read() || parts.contains(Parts::LIMIT) || has_comment {
        return None;
    }
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b";").unwrap_or(text);
    Some([text, format!(" LIMIT {limit}").as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::fuzz::MYSQL;

    fn text(rewriting: &Rewriting, text: &str) -> Option<String> {
        rewriting.rewrite(text.as_bytes(), MYSQL).map(|new| String::from_utf8(new).unwrap())
    }

    #[test]
    fn texts_change_where_they_should_and_nowhere_else() {
        let nothing = Rewriting { pattern: None, hint: None, limit: None };
        assert_eq!(text(&nothing, "SELECT 1"), None);

        let pattern = Some((Regex::new(r"(?i)from\s+old_(\w+)").unwrap(), b"FROM new_$1".to_vec()));
        let renaming = Rewriting { pattern, ..nothing };
        assert_eq!(text(&renaming, "SELECT a from  old_t").as_deref(), Some("SELECT a FROM new_t"));
        assert_eq!(text(&renaming, "SELECT a FROM t"), None);

        let hinting = Rewriting { pattern: None, hint: Some("MAX_EXECUTION_TIME(9)".into()), limit: None };
        assert_eq!(text(&hinting, " select 1").as_deref(), Some(" select /*+ MAX_EXECUTION_TIME(9) */ 1"));
        assert_eq!(text(&hinting, "UPDATE t SET a = 1"), None);
        assert_eq!(text(&hinting, "(SELECT 1)"), None);

        let limiting = Rewriting { pattern: None, hint: None, limit: Some(10) };
        assert_eq!(text(&limiting, "SELECT a FROM t; ").as_deref(), Some("SELECT a FROM t LIMIT 10"));
        for same in [
            "SELECT a FROM t LIMIT 5",
            "SELECT a FROM t FOR UPDATE",
            "SELECT a -- x",
            "DELETE FROM t",
            "SELECT 1 INTO @a",
        ] {
            assert_eq!(text(&limiting, same), None, "{same}");
        }
    }
}
