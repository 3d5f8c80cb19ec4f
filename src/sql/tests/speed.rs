//! `cargo test --release --lib sql::tests::speed -- --ignored --nocapture`
use std::hint::black_box;
use std::time::Instant;

use super::*;

#[test]
#[ignore = "prints times; meaningful in release mode only"]
fn time_per_statement() {
    let join = "SELECT `t`.`id`, `t`.`name`, COUNT(*) AS `n` FROM `topics` AS `t` LEFT JOIN `feedback` AS `f` ON \
        `f`.`topic_id` = `t`.`id` AND `f`.`deleted_at` IS NULL WHERE `t`.`user_id` IN (1, 2, 3) GROUP BY `t`.`id` \
        ORDER BY `n` DESC LIMIT 20 OFFSET 40";
    let rows = format!("INSERT INTO t (a, b, c) VALUES {}", vec!["(1, 'some text', NULL)"; 1000].join(", "));
    for (name, text) in
        [("point select", "SELECT * FROM users WHERE id = 12345"), ("ORM join", join), ("1,000 rows", &rows)]
    {
        let rounds = 20_000_000 / text.len();
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(facts(black_box(text.as_bytes()), MYSQL));
        }
        println!("{name}: {} ns", start.elapsed().as_nanos() / u128::try_from(rounds).unwrap());
    }
}
