//! SHOW WARNINGS, GET DIAGNOSTICS and their like, word by word.

use super::{
    lexer::{Dialect, Lexer, TokenKind},
    user_variable,
};

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
    let mut words = Words::of(text, dialect);
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

/// `GET [CURRENT] DIAGNOSTICS …` into user variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetDiagnostics {
    /// Which condition's items, from 1; `None`: what is said of the statement.
    pub condition: Option<usize>,
    /// Names of user variables in lower case, each with the name of what it gets, in upper case.
    pub items: Vec<(Box<str>, String)>,
}

/// What a text asks for, if it is GET DIAGNOSTICS, names its condition by a number, and its variables by plain names.
pub fn get_diagnostics(text: &[u8], dialect: Dialect) -> Option<GetDiagnostics> {
    if !text.is_ascii() {
        return None;
    }
    let mut words = Words::of(text, dialect);
    if !words.next()?.eq_ignore_ascii_case("get") {
        return None;
    }
    let mut next = words.next()?;
    if next.eq_ignore_ascii_case("current") {
        next = words.next()?;
    }
    next.eq_ignore_ascii_case("diagnostics").then_some(())?;
    next = words.next()?;
    let condition = match next.eq_ignore_ascii_case("condition") {
        true => {
            let number = words.next()?.parse().ok()?;
            next = words.next()?;
            Some(number)
        }
        false => None,
    };
    let mut items = Vec::new();
    loop {
        let name = user_variable(next.strip_prefix('@')?.as_bytes())?;
        (words.next()? == "=").then_some(())?;
        items.push((name, words.next()?.to_ascii_uppercase()));
        next = match words.next() {
            Some(",") => words.next()?,
            None => break,
            Some(";") if words.next().is_none() => break,
            Some(_) => return None,
        };
    }
    words.are_read().then_some(GetDiagnostics { condition, items })
}

struct Words<'a> {
    lexer: Lexer<'a>,
    text: &'a [u8],
    ended: bool,
}

impl<'a> Words<'a> {
    fn of(text: &'a [u8], dialect: Dialect) -> Self {
        Words { lexer: Lexer::new(text, dialect), text, ended: false }
    }

    /// To the text's end, and none stands in a comment that only some servers read.
    fn are_read(&self) -> bool {
        self.ended && self.lexer.marks == 0
    }

    fn next(&mut self) -> Option<&'a str> {
        let token = self.lexer.next_token();
        self.ended = token.kind == TokenKind::End;
        let told =
            matches!(token.kind, TokenKind::Word | TokenKind::Number | TokenKind::UserVariable | TokenKind::Punct(_));
        std::str::from_utf8(self.text.get(token.range())?).ok().filter(|_| told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lexer::Flavor;

    #[test]
    fn get_diagnostics_is_read() {
        let dialect = Dialect::under(b"", Flavor::MariaDb { version: 101_100 });
        let read = |text: &'static str| get_diagnostics(text.as_bytes(), dialect);
        let items = |items: &[(&str, &str)]| items.iter().map(|(to, of)| ((*to).into(), (*of).to_owned())).collect();
        assert_eq!(
            read("GET DIAGNOSTICS @N = NUMBER, @`r.c` = row_count;"),
            Some(GetDiagnostics { condition: None, items: items(&[("n", "NUMBER"), ("r.c", "ROW_COUNT")]) })
        );
        assert_eq!(
            read("get current diagnostics /* the second */ condition 2 @'s' = RETURNED_SQLSTATE"),
            Some(GetDiagnostics { condition: Some(2), items: items(&[("s", "RETURNED_SQLSTATE")]) })
        );
        for other in [
            "",
            "GET DIAGNOSTICS",
            "GET DIAGNOSTICS @n",
            "GET DIAGNOSTICS n = NUMBER",
            "GET DIAGNOSTICS @`r c` = NUMBER",
            "GET STACKED DIAGNOSTICS @n = NUMBER",
            "GET DIAGNOSTICS CONDITION @i @s = MESSAGE_TEXT",
            "GET DIAGNOSTICS CONDITION -1 @s = MESSAGE_TEXT",
            "GET DIAGNOSTICS @n = NUMBER @m = ROW_COUNT",
            "GET DIAGNOSTICS @n = NUMBER; SELECT 1",
            "GET DIAGNOSTICS @n = NUMBER 'x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

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
