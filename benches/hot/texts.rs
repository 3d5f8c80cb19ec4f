//! What a text is: its tokens, its facts.

use std::hint::black_box;

use forebay::sql::{
    self, Dialect, Flavor,
    lexer::{Lexer, TokenKind},
};

use crate::Case;

pub const DIALECT: Dialect = Dialect {
    flavor: Flavor::MariaDb { version: 101_100 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: false,
};

/// What applications send, from the shortest to the longest.
pub fn texts() -> Vec<(&'static str, String)> {
    let point = "SELECT c FROM sbtest1 WHERE id=34567";
    let orm = "select * from `users` where `email` = 'someone@example.com' and `users`.`deleted_at` is null limit 1";
    let report = "SELECT d.name, COUNT(*) AS orders, SUM(o.total) AS total, MAX(o.created_at) AS newest FROM orders o \
                  JOIN customers c ON c.id = o.customer_id LEFT JOIN districts d ON d.id = c.district_id \
                  WHERE o.created_at >= '2026-01-01' AND o.created_at < '2026-02-01' AND o.status NOT IN ('cancelled', 'draft') \
                  AND (c.country = 'DE' OR c.country = 'AT') GROUP BY d.id HAVING total > 1000 ORDER BY total DESC, d.name LIMIT 50";
    let list: Vec<_> = (0..200).map(|i| (i * 37 + 1000).to_string()).collect();
    let rows: Vec<_> =
        (0..100).map(|i| format!("({i}, 'name of the row {i}', 'it''s a \\'text\\'', NOW(), {i}.25)")).collect();
    vec![
        ("begin", "BEGIN".to_owned()),
        ("point", point.to_owned()),
        ("orm", orm.to_owned()),
        ("report", report.to_owned()),
        ("in 200", format!("SELECT id, name FROM items WHERE id IN ({})", list.join(", "))),
        ("insert 100 rows", format!("INSERT INTO items (id, name, note, made, price) VALUES {}", rows.join(", "))),
        ("set names", "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci".to_owned()),
        ("update", "UPDATE sbtest1 SET k=k+1 WHERE id=34567".to_owned()),
    ]
}

pub fn cases() -> Vec<Case> {
    let tokens = texts().into_iter().map(|(what, text)| {
        Case::new("lexer", what, text.len(), move || {
            let mut lexer = Lexer::new(black_box(text.as_bytes()), DIALECT);
            while black_box(lexer.next_token()).kind != TokenKind::End {}
        })
    });
    let facts = texts().into_iter().map(|(what, text)| {
        Case::new("facts", what, text.len(), move || {
            black_box(sql::facts(black_box(text.as_bytes()), DIALECT));
        })
    });
    tokens.chain(facts).collect()
}
