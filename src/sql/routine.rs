//! What a stored routine does to the session that calls it, read from its body. What can't be read for sure is `None`.
//!
//! The body is cut into its statements, and each of them is read as if it were sent alone. What stands between them (IF,
//! loops, handlers) only says whether they run: all are taken to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Dialect, Effects, Facts, Kind, Routine, Transaction, facts,
    facts::Target,
    lexer::{Lexer, Token, TokenKind, unquote},
    user_variables,
};

/// Longer bodies are not read.
pub const MAX_BODY_BYTES: usize = 64 << 10;

/// What calling a routine may leave in the session, beyond what the servers report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Names of user variables that it assigns, or only reads.
    pub user_variables: BTreeSet<Box<str>>,
    /// Names of temporary tables that it makes.
    pub temporary_tables: BTreeSet<Vec<u8>>,
    /// Those of them that it has dropped again where it succeeds.
    pub dropped: BTreeSet<Vec<u8>>,
    /// It calls GET_LOCK().
    pub takes_user_lock: bool,
    /// It changes rows: a trigger may do more.
    pub changes_rows: bool,
    /// The routines that it calls.
    pub calls: Vec<Routine>,
}

/// Whether everything that a statement may do beyond what its facts say is done by [`Facts::routines`].
pub fn does_the_rest(facts: &Facts, text: &[u8], dialect: Dialect) -> bool {
    if facts.routines.is_empty() || facts.effects.contains(Effects::SEVERAL_STATEMENTS) {
        return false;
    }
    match facts.kind {
        Kind::Call => facts.routines.iter().any(|routine| routine.is_procedure) && is_plain(text, dialect),
        Kind::Execute | Kind::Prepare | Kind::Unknown => false,
        _ => !facts.effects.contains(Effects::OPAQUE),
    }
}

/// Whether a text is read here as the servers read it. (A CALL, and what defines a routine, is opaque anyhow.)
pub fn is_plain(text: &[u8], dialect: Dialect) -> bool {
    if dialect.ascii_in_multibyte && !text.is_ascii() {
        return false;
    }
    let mut lexer = Lexer::new(text, dialect);
    loop {
        let token = lexer.next_token();
        match token.kind {
            TokenKind::End => return lexer.marks == 0,
            TokenKind::Bad => return false,
            TokenKind::Word if !text.get(token.range()).is_some_and(<[u8]>::is_ascii) => return false,
            _ => {}
        }
    }
}

/// Reads the body of a routine. `parameters`: their names. `dialect`: of the `sql_mode` that it was made under.
pub fn deeds(body: &[u8], parameters: &[&[u8]], dialect: Dialect) -> Option<Deeds> {
    let dialect = Dialect { multi_statements: false, ascii_in_multibyte: false, ..dialect };
    let mut reader = Body {
        text: body,
        dialect,
        tokens: tokens(body, dialect)?,
        at: 0,
        depth: 0,
        leaves_early: false,
        locals: parameters.iter().map(|name| (name.to_ascii_lowercase(), 0)).collect(),
        deeds: Deeds { user_variables: user_variables(body, dialect)?, ..Deeds::default() },
    };
    while !reader.at_end() {
        reader.statement()?;
    }
    Some(reader.deeds)
}

fn tokens(body: &[u8], dialect: Dialect) -> Option<Vec<Token>> {
    if body.len() > MAX_BODY_BYTES {
        return None;
    }
    let mut lexer = Lexer::new(body, dialect);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token();
        match token.kind {
            TokenKind::Bad | TokenKind::Param => return None,
            // They are part of the statements that they stand in.
            TokenKind::Hint => {}
            TokenKind::End => return (lexer.marks == 0).then_some(tokens),
            TokenKind::Word if !body.get(token.range())?.is_ascii() => return None,
            _ => tokens.push(token),
        }
    }
}

struct Body<'a> {
    text: &'a [u8],
    dialect: Dialect,
    tokens: Vec<Token>,
    at: usize,
    /// How many blocks, branches and loops are open.
    depth: usize,
    /// Something may jump over what follows.
    leaves_early: bool,
    /// Parameters and declared variables, in lower case, and how deep they were declared.
    locals: BTreeMap<Vec<u8>, usize>,
    deeds: Deeds,
}

impl<'a> Body<'a> {
    /// Reads one statement, or the head or the end of one that holds others.
    fn statement(&mut self) -> Option<()> {
        if self.tokens.get(self.at + 1).is_some_and(|next| next.is(b':')) {
            // A label.
            self.at += 2;
            return Some(());
        }
        match self.word(0).as_slice() {
            b"" => self.end_of_statement(),
            b"begin" | b"loop" | b"repeat" => self.opens(),
            b"if" | b"while" | b"case" => {
                self.depth += 1;
                self.head()
            }
            b"elseif" | b"when" | b"until" => self.head(),
            b"return" => {
                self.leaves_early = true;
                self.head()
            }
            b"else" => self.skip(1),
            b"end" => {
                self.depth = self.depth.checked_sub(1)?;
                self.locals.retain(|_, depth| *depth <= self.depth);
                self.skips_rest()
            }
            b"leave" | b"iterate" => {
                self.leaves_early = true;
                self.skips_rest()
            }
            b"open" | b"close" | b"fetch" | b"signal" | b"resignal" | b"get" => self.skips_rest(),
            b"declare" => self.declare(),
            b"set" => self.set(),
            _ => self.simple(),
        }
    }

    fn opens(&mut self) -> Option<()> {
        self.depth += 1;
        self.skip(1)
    }

    fn skip(&mut self, words: usize) -> Option<()> {
        self.at += words;
        Some(())
    }

    /// A word and the expression behind it, up to what ends it.
    fn head(&mut self) -> Option<()> {
        let end: &[u8] = match self.word(0).as_slice() {
            b"if" | b"elseif" | b"when" => b"then",
            b"while" => b"do",
            b"case" => b"when",
            b"until" => b"end",
            _ => b";",
        };
        let (from, mut nested) = (self.at + 1, 0_usize);
        let mut at = from;
        while let Some(token) = self.tokens.get(at) {
            match self.word_at(at).as_slice() {
                _ if token.is(b';') => break,
                word if nested == 0 && word == end => break,
                // CASE … END in an expression.
                b"case" => nested += 1,
                b"end" => nested = nested.checked_sub(1)?,
                _ => {}
            }
            at += 1;
        }
        let ends = if end == b";" { self.is_over(at) } else { self.word_at(at) == end };
        ends.then_some(())?;
        if at > from {
            let expression = [b"SELECT ", self.slice(from, at)?].concat();
            let facts = self.facts_of(&expression)?;
            self.does(&facts)?;
        }
        // The END behind UNTIL and the WHEN behind CASE are read next.
        self.at = if matches!(end, b"end" | b"when") { at } else { at + 1 };
        Some(())
    }

    /// A statement of which only its user variables matter, which are known.
    fn skips_rest(&mut self) -> Option<()> {
        while let Some(token) = self.tokens.get(self.at).copied() {
            self.at += 1;
            if token.is(b';') {
                break;
            }
            (!token.is(b'(')).then_some(())?;
        }
        Some(())
    }

    fn end_of_statement(&mut self) -> Option<()> {
        self.tokens.get(self.at)?.is(b';').then_some(())?;
        self.skip(1)
    }

    /// `DECLARE names type [DEFAULT value]`, `… CONDITION FOR …`, `… CURSOR FOR query`, `… HANDLER FOR conditions statement`.
    fn declare(&mut self) -> Option<()> {
        self.at += 1;
        match self.word(1).as_slice() {
            b"handler" => return self.handler(),
            b"condition" => return self.skips_rest(),
            b"cursor" => {
                (self.word(2) == b"for").then_some(())?;
                self.at += 3;
                return self.simple();
            }
            _ => {}
        }
        loop {
            let name = self.tokens.get(self.at).filter(|token| token.is_name())?;
            self.locals.insert(unquote(self.text.get(name.range())?).to_ascii_lowercase(), self.depth);
            self.at += 1;
            if !self.tokens.get(self.at)?.is(b',') {
                break;
            }
            self.at += 1;
        }
        while !self.is_over(self.at) && self.word(0) != b"default" {
            // `TYPE OF` and rows hold other names, of nothing that is called.
            self.at += 1;
        }
        if self.word(0) == b"default" { self.head() } else { self.skip(1) }
    }

    fn handler(&mut self) -> Option<()> {
        // Where it ends, what follows in its block is left out.
        self.leaves_early = true;
        self.at += 2;
        (self.word(0) == b"for").then_some(())?;
        loop {
            self.at += match (self.word(1).as_slice(), self.word(2).as_slice()) {
                (b"sqlstate", b"value") => 4,
                (b"sqlstate", _) => 3,
                (b"not", b"found") => 3,
                _ => 2,
            };
            if !self.tokens.get(self.at)?.is(b',') {
                return Some(());
            }
        }
    }

    /// Only what is declared may be set: the servers report variables, but not always of a whole routine.
    fn set(&mut self) -> Option<()> {
        let text = self.rest_of_statement()?;
        let facts = self.facts_of(text)?;
        (!facts.assignments.is_empty()).then_some(())?;
        for assignment in &facts.assignments {
            match &assignment.target {
                Target::User(_) => {}
                Target::Variable { name, global: false, next_only: false } => {
                    let span = text.get(assignment.span.clone())?;
                    let is_bare =
                        span.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
                            || span.first() == Some(&b'`');
                    (is_bare && self.locals.contains_key(name.as_bytes())).then_some(())?;
                }
                _ => return None,
            }
        }
        self.does(&facts)
    }

    fn simple(&mut self) -> Option<()> {
        let text = self.rest_of_statement()?;
        let facts = self.facts_of(text)?;
        let is_known = match facts.kind {
            Kind::Select | Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete | Kind::Do | Kind::Show => true,
            Kind::Call => !facts.routines.is_empty(),
            Kind::Ddl => !facts.effects.contains(Effects::OPAQUE),
            Kind::Transaction => !matches!(facts.transaction, None | Some(Transaction::Xa)),
            _ => false,
        };
        is_known.then_some(())?;
        self.deeds.changes_rows |= matches!(facts.kind, Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete);
        self.tables(&facts)?;
        self.does(&facts)
    }

    fn tables(&mut self, facts: &Facts) -> Option<()> {
        let names = &facts.tables_made_or_dropped;
        if facts.effects.contains(Effects::CREATES_TEMPORARY_TABLE) {
            (!names.is_empty()).then_some(())?;
            for name in names.iter().map(|name| name.to_ascii_lowercase()) {
                self.deeds.dropped.remove(&name);
                self.deeds.temporary_tables.insert(name);
            }
        } else if facts.effects.contains(Effects::DROPS_TABLE) && self.depth <= 1 && !self.leaves_early {
            let made = |name: &Vec<u8>| self.deeds.temporary_tables.contains(name);
            self.deeds.dropped.extend(names.iter().map(|name| name.to_ascii_lowercase()).filter(made));
        }
        Some(())
    }

    /// Takes in what one of its statements does.
    fn does(&mut self, facts: &Facts) -> Option<()> {
        let unknown = Effects::SEVERAL_STATEMENTS
            | Effects::ROLE
            | Effects::STATEMENT_VARIABLES
            | Effects::SESSION_TRACK
            | if facts.kind == Kind::Call { Effects::empty() } else { Effects::OPAQUE };
        let unnamed = facts.effects.contains(Effects::UNKNOWN_FUNCTION) && facts.routines.is_empty();
        (!facts.effects.intersects(unknown) && !unnamed).then_some(())?;
        self.deeds.takes_user_lock |= facts.effects.contains(Effects::TAKES_USER_LOCK);
        for routine in &facts.routines {
            if !self.deeds.calls.contains(routine) {
                self.deeds.calls.push(routine.clone());
            }
        }
        Some(())
    }

    fn facts_of(&self, text: &[u8]) -> Option<Facts> {
        Some(facts(text, self.dialect)).filter(|facts| facts.kind != Kind::Empty)
    }

    /// The text up to the `;`, and goes past that.
    fn rest_of_statement(&mut self) -> Option<&'a [u8]> {
        let from = self.at;
        while !self.is_over(self.at) {
            self.at += 1;
        }
        let text = self.slice(from, self.at);
        self.at += 1;
        text
    }

    fn slice(&self, from: usize, to: usize) -> Option<&'a [u8]> {
        let (first, last) = (self.tokens.get(from)?, self.tokens.get(to.checked_sub(1)?)?);
        self.text.get(first.start..last.end)
    }

    fn is_over(&self, at: usize) -> bool {
        self.tokens.get(at).is_none_or(|token| token.is(b';'))
    }

    fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The unquoted word so many tokens ahead, in lower case.
    fn word(&self, ahead: usize) -> Vec<u8> {
        self.word_at(self.at + ahead)
    }

    fn word_at(&self, at: usize) -> Vec<u8> {
        let word = self.tokens.get(at).filter(|token| token.kind == TokenKind::Word && !token.dotted);
        word.and_then(|token| self.text.get(token.range())).unwrap_or_default().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests;
