//! `sqlparser` as a second opinion: where it parses a text, the lexer must be at least as cautious as the syntax tree.
use regex::Regex;
use sqlparser::ast::Statement;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::*;

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
        let call = Regex::new(r"Function \{ name: ObjectName\(\[(.*?)\]\)").unwrap();
        let part = Regex::new(r#"Ident \{ value: "([^"]*)""#).unwrap();
        let names = |list: &str| part.captures_iter(list).map(|found| found[1].to_lowercase()).collect();
        call.captures_iter(&self.text).map(|found| names(&found[1])).collect()
    }
}

/// Panics if the lexer is less cautious than the tree.
pub(super) fn compare(text: &[u8], dialect: Dialect) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    // sqlparser takes every version comment for code.
    let Some(tree) = parse(text).filter(|_| !text.contains("/*!")) else { return };
    let effects = facts(text.as_bytes(), dialect).effects;
    let needs = |needed: bool, effect: Effects| {
        assert!(!needed || effects.contains(effect), "{effect:?} missing: {text}\n{effects:?}\n{}", tree.text);
    };
    needs(tree.must_be_write(), Effects::WRITE);
    needs(tree.locks(), Effects::WRITE | Effects::LOCKING_READ);
    needs(tree.has_into(), Effects::WRITE);
    needs(tree.assigns(), Effects::WRITE | Effects::ASSIGNS_USER_VARIABLE);
    // Definitions are not run; what is opaque is not looked into.
    let defines = |statement: &Statement| matches!(statement, Statement::CreateTable(_) | Statement::CreateView { .. });
    let definition = tree.statements.iter().any(defines);
    let seen = definition || effects.contains(Effects::OPAQUE);
    for name in tree.calls() {
        let known = match &name[..] {
            [name] => functions::find(name.as_bytes()).is_some() || words::find(name.as_bytes()).is_reserved(),
            _ => false,
        };
        needs(!known && !seen, Effects::WRITE | Effects::UNKNOWN_FUNCTION);
        let acts = ["get_lock", "release_lock", "release_all_locks", "nextval", "setval"];
        needs(name.iter().any(|name| acts.contains(&name.as_str())), Effects::WRITE);
    }
}

#[test]
fn lexer_is_never_less_cautious_over_the_corpus() {
    let mut parsed = 0;
    for case in corpus::cases() {
        let plain = |dialect: &&Dialect| !dialect.ansi_quotes && !dialect.no_backslash_escapes;
        for dialect in case.dialects.iter().filter(plain) {
            compare(&case.text, *dialect);
            parsed += usize::from(std::str::from_utf8(&case.text).ok().and_then(parse).is_some());
        }
    }
    assert!(parsed > 300, "{parsed} texts parsed");
}
