//! `sqlparser` as a second opinion: where it parses a text, the lexer must be at least as cautious as the syntax tree.
use std::sync::LazyLock;

use regex::Regex;
use sqlparser::{ast::Statement, dialect::MySqlDialect, parser::Parser};

use crate::sql::{Dialect, Effects, facts, functions, words};

static CALL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"Function \{ name: ObjectName\(\[(.*?)\]\)").unwrap());
static PART: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"Ident \{ value: "([^"]*)""#).unwrap());

/// What a syntax tree shows. It is searched as its debug text: that reaches every node, however deep.
struct Tree {
    text: String,
    statements: Vec<Statement>,
}

/// The tree, where sqlparser makes one of it. Deep texts are left out: its parser is recursive.
fn parse(text: &str) -> Option<Tree> {
    let statements = Parser::parse_sql(&MySqlDialect {}, text).ok()?;
    Some(Tree { text: format!("{statements:?}"), statements })
}

impl Tree {
    fn must_be_write(&self) -> bool {
        let harmless = |statement: &Statement| {
            let text = format!("{statement:?}");
            ["Query", "Explain", "Show"].iter().any(|name| text.starts_with(name))
        };
        !self.statements.iter().all(harmless)
            || ["body: Update(", "body: Insert(", "body: Delete(", "body: Merge("]
                .iter()
                .any(|body| self.text.contains(body))
    }

    fn locks(&self) -> bool {
        self.text.contains("LockClause { lock_type: ")
    }

    fn has_into(&self) -> bool {
        self.text.contains("into: Some(")
    }

    fn assigns(&self) -> bool {
        self.text.contains("op: Assignment")
    }

    /// The names of the functions called, with their schemas.
    fn calls(&self) -> Vec<Vec<String>> {
        let names = |list: &str| PART.captures_iter(list).map(|found| found[1].to_lowercase()).collect();
        CALL.captures_iter(&self.text).map(|found| names(&found[1])).collect()
    }
}

/// Texts that are left out: what the tree is searched for would be misread in a statement that says it itself, and `@#` is a
/// name to `sqlparser`, but to the servers a comment begins there.
const MARKS: [&str; 7] = ["/*!", "@#", "LockClause", "into: Some", "op: Assign", "body: ", "Function {"];

/// Panics if the lexer is less cautious than the tree.
pub fn compare(text: &[u8], dialect: Dialect) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    // sqlparser takes every version comment for code.
    let misread = MARKS.iter().any(|mark| text.contains(mark));
    let Some(tree) = parse(text).filter(|_| !misread) else { return };
    let effects = facts(text.as_bytes(), dialect).effects;
    let needs = |needed: bool, effect: Effects| {
        assert!(!needed || effects.contains(effect), "{effect:?} missing: {text}\n{effects:?}\n{}", tree.text);
    };
    needs(tree.must_be_write(), Effects::WRITE);
    // Of what is opaque nothing more is claimed than that it may do anything.
    let opaque = effects.contains(Effects::OPAQUE);
    let or_opaque = |effect: Effects| if opaque { Effects::WRITE } else { Effects::WRITE | effect };
    needs(tree.locks(), or_opaque(Effects::LOCKING_READ));
    needs(tree.has_into(), Effects::WRITE);
    needs(tree.assigns(), or_opaque(Effects::ASSIGNS_USER_VARIABLE));
    // Definitions are not run; what is opaque is not looked into.
    let defines = |statement: &Statement| matches!(statement, Statement::CreateTable(_) | Statement::CreateView { .. });
    let definition = tree.statements.iter().any(defines);
    let seen = definition || opaque;
    // `@a(…)`, `a@b(…)` and `2.5f(…)` are calls to `sqlparser` alone.
    for name in tree.calls().into_iter().filter(|name| !name.iter().any(|part| part.contains(['@', '.']))) {
        let known = match &name[..] {
            [name] => functions::find(name.as_bytes()).is_some() || words::find(name.as_bytes()).is_reserved(),
            _ => false,
        };
        needs(!known && !seen, Effects::WRITE | Effects::UNKNOWN_FUNCTION);
        let acts = ["get_lock", "release_lock", "release_all_locks", "nextval", "setval"];
        needs(name.iter().any(|name| acts.contains(&name.as_str())), Effects::WRITE);
    }
}

/// Whether `sqlparser` can make a tree of the text.
#[cfg(test)]
pub fn parses(text: &[u8]) -> bool {
    std::str::from_utf8(text).ok().and_then(parse).is_some()
}
