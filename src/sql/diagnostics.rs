//! SHOW WARNINGS and its like, word by word.

use super::lexer::{Dialect, Lexer, TokenKind};

/// A question about the conditions that the last statement raised.
/// <https://dev.mysql.com/doc/refman/en/show-warnings.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiagnosticsQuestion {
    /// SHOW ERRORS.
    pub errors_only: bool,
    /// SHOW COUNT(*) …
    pub count: bool,
    /// Rows to leave out.
    pub offset: usize,
    /// Rows at most.
    pub limit: usize,
}

/// What a text asks for, if it is `SHOW WARNINGS | ERRORS [LIMIT [offset,] rows]` or `SHOW COUNT(*) WARNINGS | ERRORS`.
pub fn diagnostics_question(text: &[u8], dialect: Dialect) -> Option<DiagnosticsQuestion> {
    let mut words = Words { lexer: Lexer::new(text, dialect), text };
    if !words.next()?.eq_ignore_ascii_case("show") {
        return None;
    }
    let mut word = words.next()?.to_ascii_lowercase();
    let count = word == "count";
    if count {
        for expected in ["(", "*", ")"] {
            (words.next()? == expected).then_some(())?;
        }
        word = words.next()?.to_ascii_lowercase();
    }
    let errors_only = match word.as_str() {
        "warnings" => false,
        "errors" => true,
        _ => return None,
    };
    let mut question = DiagnosticsQuestion { errors_only, count, offset: 0, limit: usize::MAX };
    match words.next().map(str::to_ascii_lowercase).as_deref() {
        None => return Some(question),
        Some(";") => return words.next().is_none().then_some(question),
        Some("limit") if !count => {}
        Some(_) => return None,
    }
    let first = words.next()?.parse().ok()?;
    (question.offset, question.limit) = match words.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some(";") => (0, first),
        Some(",") => (first, words.next()?.parse().ok()?),
        Some("offset") => (words.next()?.parse().ok()?, first),
        Some(_) => return None,
    };
    Some(question)
}

struct Words<'a> {
    lexer: Lexer<'a>,
    text: &'a [u8],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let token = self.lexer.next_token();
        let told = matches!(token.kind, TokenKind::Word | TokenKind::Number | TokenKind::Punct(_));
        std::str::from_utf8(self.text.get(token.range())?).ok().filter(|_| told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lexer::Flavor;

    #[test]
    fn questions_are_read() {
        let dialect = Dialect::under(b"", Flavor::MariaDb { version: 101_100 });
        let asked = |text: &str| diagnostics_question(text.as_bytes(), dialect);
        let all = DiagnosticsQuestion { errors_only: false, count: false, offset: 0, limit: usize::MAX };
        assert_eq!(asked("SHOW WARNINGS"), Some(all));
        assert_eq!(asked(" show /* all */ warnings ;"), Some(all));
        assert_eq!(asked("SHOW ERRORS LIMIT 3"), Some(DiagnosticsQuestion { errors_only: true, limit: 3, ..all }));
        assert_eq!(asked("SHOW WARNINGS LIMIT 2, 3"), Some(DiagnosticsQuestion { offset: 2, limit: 3, ..all }));
        assert_eq!(asked("SHOW WARNINGS LIMIT 3 OFFSET 2"), Some(DiagnosticsQuestion { offset: 2, limit: 3, ..all }));
        assert_eq!(asked("SHOW COUNT(*) WARNINGS"), Some(DiagnosticsQuestion { count: true, ..all }));
        assert_eq!(
            asked("SHOW COUNT( * ) ERRORS"),
            Some(DiagnosticsQuestion { count: true, errors_only: true, ..all })
        );
        for other in
            ["", "SHOW", "SHOW TABLES", "SHOW WARNINGS LIMIT ?", "SHOW COUNT(*) WARNINGS LIMIT 1", "SHOW WARNINGS 1"]
        {
            assert_eq!(asked(other), None, "{other}");
        }
    }
}
