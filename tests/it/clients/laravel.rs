//! Laravel: Eloquent, PDO and mysqli by check.php, then an application's migrations and queue.

use super::{assert_same, run, same_twice, script};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
};

both!(check, check_from_memory, migrations_and_queue);

/// As one host, with and without TLS (one after the other: it takes a user lock by name).
fn check(bed: &Bed) {
    for tls in ["0", "1"] {
        let said = same_twice(bed, "app_check", |to| check_says(to, "app_check", tls));
        assert!(said.contains("Laravel 13"), "{said}");
    }
}

/// The same 90 checks where whatever may be is answered from memory.
fn check_from_memory(bed: &Bed) {
    bed.cluster.fresh_database("app_check_cached");
    check_says(&bed.caching_forebay(), "app_check_cached", "0");
}

pub fn check_says(to: &Endpoint, database: &str, tls: &str) -> String {
    let mut php = script(paths::cache("laravel/bin/php"), to, database);
    let done = run(php.arg(paths::cache("laravel/app/check.php")).env("DB_SSL", tls));
    let failed: Vec<_> = done.out.lines().filter(|line| !line.starts_with("OK ")).collect();
    assert!(done.out.contains("90 passed, 0 failed"), "DB_SSL={tls}: {}\n{}", failed.join("\n"), done.err);
    done.out
}

fn migrations_and_queue(bed: &Bed) {
    // What one process wrote the next must see.
    let outputs = [bed.direct(), bed.global_forebay()].map(|to| {
        bed.cluster.fresh_database("app_artisan");
        let app = super::web::copy_of_the_app();
        let artisan = |command: &str| {
            let mut php = script(paths::cache("laravel/bin/php"), &to, "app_artisan");
            run(php.arg(app.join("artisan")).arg(command)).good()
        };
        let migrated = artisan("migrate:fresh")
            .replace(|c: char| c.is_ascii_digit() || ".".contains(c), "")
            .replace(" ms ", " s ");
        let again = artisan("migrate:fresh")
            .replace(|c: char| c.is_ascii_digit() || ".".contains(c), "")
            .replace(" ms ", " s ");
        [migrated, again, artisan("check:queue")].join("\n")
    });
    assert_same(&outputs);
    assert!(outputs[0].contains("OK   queue: 20 jobs"), "{}", outputs[0]);
}
