//! What a statement is made of, for rules that ask: its parts, how many joins, which functions. Another pass over the
//! text, made only when a rule wants to know.

use super::{
    lexer::{Dialect, TokenKind},
    reader::Classifier,
    words::Word,
};

bitflags::bitflags! {
    /// Parts that a statement can have.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Parts: u16 {
        /// WHERE, of the outermost statement: a subquery's does not count.
        const WHERE    = 1 << 0;
        /// LIMIT, of the outermost statement.
        const LIMIT    = 1 << 1;
        /// JOIN of any kind, or several tables in one FROM.
        const JOIN     = 1 << 2;
        /// GROUP BY.
        const GROUP_BY = 1 << 3;
        /// HAVING.
        const HAVING   = 1 << 4;
        /// ORDER BY.
        const ORDER_BY = 1 << 5;
        /// SELECT DISTINCT.
        const DISTINCT = 1 << 6;
        /// UNION, EXCEPT, INTERSECT.
        const UNION    = 1 << 7;
        /// A SELECT within a statement, in a common table expression too.
        const SUBQUERY = 1 << 8;
        /// A window function: OVER.
        const WINDOW   = 1 << 9;
        /// A common table expression: WITH.
        const WITH     = 1 << 10;
    }
}

/// The words for [`Parts`] in rules.
pub const PARTS: [(&str, Parts); 11] = [
    ("where", Parts::WHERE),
    ("limit", Parts::LIMIT),
    ("join", Parts::JOIN),
    ("group_by", Parts::GROUP_BY),
    ("having", Parts::HAVING),
    ("order_by", Parts::ORDER_BY),
    ("distinct", Parts::DISTINCT),
    ("union", Parts::UNION),
    ("subquery", Parts::SUBQUERY),
    ("window", Parts::WINDOW),
    ("with", Parts::WITH),
];

/// From this score on a statement is heavy.
pub const HEAVY: u32 = 5;

/// What a statement is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// Its parts.
    pub parts: Parts,
    /// JOINs, and commas between the tables of a FROM.
    pub joins: u32,
    /// SELECTs below the outermost.
    pub subqueries: u32,
    /// UNION, EXCEPT and INTERSECT.
    pub unions: u32,
    /// OVER.
    pub windows: u32,
    /// It reads a table.
    pub has_from: bool,
    /// Names that stand before a parenthesis, in lower case.
    pub functions: Vec<Box<[u8]>>,
}

impl Outline {
    /// How much work it looks like: one for each join, subquery, UNION, for DISTINCT, for HAVING, for an ORDER BY without
    /// LIMIT, for a read of whole tables (neither WHERE nor LIMIT); two for GROUP BY; three for each window function.
    pub fn complexity(&self) -> u32 {
        let has = |part: Parts| u32::from(self.parts.contains(part));
        let unsorted = has(Parts::ORDER_BY) * (1 - has(Parts::LIMIT));
        let whole = u32::from(self.has_from && !self.parts.intersects(Parts::WHERE | Parts::LIMIT));
        self.joins
            .saturating_add(self.subqueries)
            .saturating_add(self.unions)
            .saturating_add(self.windows.saturating_mul(3))
            .saturating_add(2 * has(Parts::GROUP_BY) + has(Parts::HAVING) + has(Parts::DISTINCT) + unsorted + whole)
    }
}

/// Reads a statement's outline. Of a text that can't be read to its end: what came before.
pub fn outline(text: &[u8], dialect: Dialect) -> Outline {
    let mut reading = Reading::default();
    let mut tokens = Classifier::new(text, dialect);
    loop {
        let (seen, lower) = tokens.next_token();
        let token = seen.token;
        match token.kind {
            TokenKind::End | TokenKind::Bad => return reading.finish(),
            TokenKind::Punct(b'(') => reading.open(),
            TokenKind::Punct(b')') => reading.close(),
            TokenKind::Punct(b',') if reading.level().in_from => reading.outline.joins += 1,
            TokenKind::Word => reading.word(seen.word, lower.as_slice()),
            _ => {}
        }
        let content = text.get(token.range()).unwrap_or_default();
        reading.name = match token.kind {
            TokenKind::Word if seen.word == Word::Other || token.dotted || !seen.word.is_reserved() => {
                Some(content.to_ascii_lowercase())
            }
            TokenKind::Quoted => Some(super::unquote(content).to_ascii_lowercase()),
            _ => None,
        };
    }
}

/// What is known of one depth of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Statements that begin here: SELECT and its like.
    statements: u32,
    selects: u32,
    has_where: bool,
    has_limit: bool,
    in_from: bool,
}

/// Deeper levels count as this one.
const LEVELS: usize = 32;

#[derive(Default)]
struct Reading {
    outline: Outline,
    levels: [Level; LEVELS],
    depth: usize,
    /// The name that stands before the present token.
    name: Option<Vec<u8>>,
}

impl Reading {
    fn level(&mut self) -> &mut Level {
        &mut self.levels[self.depth.min(LEVELS - 1)]
    }

    fn open(&mut self) {
        if let Some(name) = self.name.take()
            && !self.outline.functions.iter().any(|known| **known == *name)
        {
            self.outline.functions.push(name.into());
        }
        self.depth += 1;
        self.level().in_from = false;
    }

    fn close(&mut self) {
        self.level().in_from = false;
        self.depth = self.depth.saturating_sub(1);
    }

    fn word(&mut self, word: Word, lower: &[u8]) {
        let level = self.level();
        match word {
            Word::Select | Word::Insert | Word::Replace | Word::Update | Word::Delete => {
                level.statements += 1;
                level.selects += u32::from(word == Word::Select);
                level.in_from = false;
            }
            Word::From if level.statements > 0 => {
                (level.in_from, self.outline.has_from) = (true, true);
            }
            Word::Where => (level.in_from, level.has_where) = (false, true),
            Word::Limit => (level.in_from, level.has_limit) = (false, true),
            Word::Group => self.clause(Parts::GROUP_BY),
            Word::Having => self.clause(Parts::HAVING),
            Word::Order => self.clause(Parts::ORDER_BY),
            Word::With => self.outline.parts |= Parts::WITH,
            Word::Union | Word::Except => self.union(),
            Word::Join => self.outline.joins += 1,
            Word::Set | Word::For | Word::Into | Word::Window => level.in_from = false,
            _ => match lower {
                b"distinct" | b"distinctrow" => self.outline.parts |= Parts::DISTINCT,
                b"straight_join" if level.in_from => self.outline.joins += 1,
                b"intersect" | b"minus" if level.statements > 0 => self.union(),
                b"over" => self.outline.windows += 1,
                _ => {}
            },
        }
    }

    fn clause(&mut self, part: Parts) {
        let level = self.level();
        level.in_from = false;
        if level.statements > 0 {
            self.outline.parts |= part;
        }
    }

    fn union(&mut self) {
        self.level().in_from = false;
        self.outline.unions += 1;
    }

    fn finish(self) -> Outline {
        let mut outline = self.outline;
        let outermost = self.levels.iter().position(|level| level.statements > 0).unwrap_or(0);
        let (top, below) = (self.levels[outermost], self.levels.get(outermost + 1..).unwrap_or_default());
        outline.subqueries = below.iter().map(|level| level.selects).sum();
        let parts = [
            (Parts::WHERE, top.has_where),
            (Parts::LIMIT, top.has_limit),
            (Parts::JOIN, outline.joins > 0),
            (Parts::UNION, outline.unions > 0),
            (Parts::SUBQUERY, outline.subqueries > 0),
            (Parts::WINDOW, outline.windows > 0),
        ];
        for (part, is_there) in parts {
            outline.parts.set(part, is_there);
        }
        outline
    }
}

/// The comments of a text, without their signs, each trimmed; not those that are code or optimizer hints.
pub fn comments(text: &[u8], dialect: Dialect) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut tokens, mut end) = (Classifier::new(text, dialect), 0);
    loop {
        let (seen, _) = tokens.next_token();
        in_gap(text.get(end..seen.token.start).unwrap_or_default(), &mut found);
        match seen.token.kind {
            TokenKind::End | TokenKind::Bad => return found,
            _ => end = seen.token.end,
        }
    }
}

/// Between two tokens there are only white space and comments.
fn in_gap<'t>(mut gap: &'t [u8], found: &mut Vec<&'t [u8]>) {
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|window| window == what);
    while let Some(first) = gap.iter().position(|byte| matches!(byte, b'/' | b'#' | b'-')) {
        gap = gap.get(first..).unwrap_or_default();
        let (start, length, closer) = match gap {
            [b'/', b'*', b'!' | b'+', ..] | [b'/', b'*', b'M', b'!', ..] => (2, 0, 0),
            [b'/', b'*', rest @ ..] => (2, find(rest, b"*/").unwrap_or(rest.len()), 2),
            [b'#', rest @ ..] => (1, find(rest, b"\n").unwrap_or(rest.len()), 1),
            [b'-', b'-', rest @ ..] => (2, find(rest, b"\n").unwrap_or(rest.len()), 1),
            _ => (1, 0, 0),
        };
        let comment = gap.get(start..start + length).unwrap_or_default().trim_ascii();
        if !comment.is_empty() {
            found.push(comment);
        }
        gap = gap.get(start + length + closer..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sql::fuzz::{MARIADB, MYSQL};

    fn of(text: &str) -> Outline {
        outline(text.as_bytes(), MYSQL)
    }

    #[test]
    fn parts_are_those_of_the_statement() {
        for (text, parts) in [
            ("SELECT 1", Parts::empty()),
            ("DELETE FROM t", Parts::empty()),
            ("DELETE FROM t WHERE id = 1 LIMIT 5", Parts::WHERE | Parts::LIMIT),
            ("UPDATE t SET n = (SELECT m FROM u WHERE u.id = 1 LIMIT 1)", Parts::SUBQUERY),
            ("(SELECT a FROM t WHERE b) UNION (SELECT 1 FROM t)", Parts::WHERE | Parts::UNION),
            (
                "SELECT a, b FROM t JOIN u USING (id) GROUP BY a HAVING b ORDER BY a",
                Parts::JOIN | Parts::GROUP_BY | Parts::HAVING | Parts::ORDER_BY,
            ),
            ("SELECT DISTINCT a FROM t, u", Parts::DISTINCT | Parts::JOIN),
            ("SELECT SUM(n) OVER (PARTITION BY a, b ORDER BY c) FROM t", Parts::WINDOW),
            (
                "WITH x AS (SELECT a, b FROM t) SELECT * FROM x WHERE 'where' = `limit`",
                Parts::WITH | Parts::SUBQUERY | Parts::WHERE,
            ),
            ("SELECT EXTRACT(DAY FROM a), b FROM t -- WHERE", Parts::empty()),
            ("INSERT INTO t (a, b) SELECT a, b FROM u, v", Parts::JOIN),
        ] {
            assert_eq!(of(text).parts, parts, "{text}");
        }
    }

    #[test]
    fn joins_and_functions_are_counted_and_named() {
        let outline = of("SELECT COUNT(*), app.f(x), `G`(1) FROM a, b LEFT JOIN c ON (c.id IN (1, 2)) NATURAL JOIN d");
        assert_eq!(outline.joins, 3);
        let names: Vec<_> = outline.functions.iter().map(|name| String::from_utf8_lossy(name)).collect();
        assert_eq!(names, ["count", "f", "g"]);
    }

    #[test]
    fn what_looks_like_a_report_is_heavy_and_a_page_is_not() {
        for page in [
            "SELECT * FROM users WHERE id = 7 LIMIT 1",
            "SELECT * FROM posts JOIN users ON users.id = posts.user_id WHERE posts.id = 1 ORDER BY x LIMIT 15",
            "SELECT u.*, (SELECT COUNT(*) FROM posts p WHERE p.user_id = u.id) FROM users u WHERE a ORDER BY b LIMIT 20",
            "SELECT COUNT(*) FROM users",
        ] {
            assert!(of(page).complexity() < HEAVY, "{page}: {}", of(page).complexity());
        }
        for report in [
            "SELECT day, SUM(n) FROM sales JOIN items USING (item) JOIN shops USING (shop) GROUP BY day ORDER BY day",
            "SELECT *, RANK() OVER (ORDER BY n), LAG(n) OVER w FROM sales",
            "SELECT DISTINCT a FROM t WHERE a IN (SELECT b FROM u) GROUP BY a HAVING COUNT(*) > 1",
        ] {
            assert!(of(report).complexity() >= HEAVY, "{report}: {}", of(report).complexity());
        }
    }

    #[test]
    fn comments_are_found_and_code_is_not() {
        let text = b"/* one */ SELECT /*+ hint */ 1 -- two \n, '/* no */' # three\n /*!50000 + 1 */ /*a='b'*/";
        let found: Vec<_> = comments(text, MARIADB).into_iter().map(String::from_utf8_lossy).collect();
        assert_eq!(found, ["one", "two", "three", "a='b'"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            outline(&text, MYSQL).complexity();
            comments(&text, MARIADB);
        }
    }
}
