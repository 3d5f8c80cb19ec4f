//! Real clients whose Forebay has two connections to each server for them and for 48 others. Nobody can tell.

use std::{sync::Mutex, thread, time::Duration};

use super::crowd::Crowd;
use crate::{
    clients::{
        command_lines::{script_file, script_says},
        drivers::{mysql2_says, pymysql_says},
        laravel::check_says,
        mysql_async::driver_says,
        run, same_on, script,
    },
    support::{
        bed::{Bed, both, direct_only},
        endpoint::Endpoint,
        paths, process,
    },
};

both!(drivers, laravel, fifty_at_once);

/// Connections to each server, for all.
const CONNECTIONS: usize = 2;
/// The health check's.
const OTHERS: usize = 1;

/// PyMySQL, mysql2, mysql_async and the command line.
fn drivers(bed: &Bed) {
    among_others(bed, |ends| {
        let same = |database: &str, says: &dyn Fn(&Endpoint) -> String| same_on(bed, ends.clone(), database, says);
        let said = same("app_few_python", &|to| pymysql_says(to, "app_few_python", "0"));
        assert!(said.contains("[\"18 MiB\", true]"), "{said}");
        let said = same("app_few_node", &|to| without_bound(&mysql2_says(to, "app_few_node", "0")));
        assert!(said.contains("[\"pool\",5050]"), "{said}");
        let said = same("app_few_rust", &|to| driver_says(to, "app_few_rust", false));
        assert!(said.contains("pool 380"), "{said}");
        let file = script_file();
        let said = same("app_few_cli", &|to| script_says(bed.kind, to, "app_few_cli", &file, &["--batch"]));
        assert!(said.contains("utf8mb4_bin"), "{said}");
    });
}

/// A statement that was prepared once and is executed with a number and then with a text: MySQL goes on to take it for
/// a number on the connection where it was prepared, and not on another.
fn without_bound(said: &str) -> String {
    said.lines().filter(|line| !line.starts_with("[\"bound\"")).collect::<Vec<_>>().join("\n")
}

/// Laravel, PDO and mysqli. The checks need two connections at once themselves, where one session waits for
/// another's lock: all there are.
fn laravel(bed: &Bed) {
    among_others(bed, |ends| {
        let said = same_on(bed, ends, "app_few_check", |to| check_says(to, "app_few_check", "0"));
        assert!(said.contains("Laravel 13"), "{said}");
    });
}

/// Each a process of its own, each with results of its own that it expects.
fn fifty_at_once(bed: &Bed) {
    const DATABASE: &str = "app_few_fifty";
    let _alone = alone(bed);
    let to = bed.crowded_forebay();
    bed.cluster.fresh_database(DATABASE);
    bed.cluster.sql(&[&format!("CREATE TABLE {DATABASE}.own (id INT PRIMARY KEY AUTO_INCREMENT, who INT, n INT)")]);
    bed.cluster.settle();
    let said: Vec<_> = thread::scope(|scope| {
        let start = |who: usize| {
            let to = &to;
            let copy = move || {
                let mut php = script(paths::cache("laravel/bin/php"), to, DATABASE);
                run(php.arg(paths::tests("clients/php/mixed.php")).arg(who.to_string()))
            };
            scope.spawn(copy)
        };
        let copies: Vec<_> = (1..=50).map(start).collect();
        copies.into_iter().map(|copy| copy.join().unwrap()).collect()
    });
    let bad: Vec<_> = said.iter().filter(|run| run.out != "as expected\n").collect();
    assert!(bad.is_empty(), "{} of 50, the first: {:?}", bad.len(), bad[0]);
    let kept =
        bed.cluster.root(&bed.cluster.primary).value(&format!("SELECT COUNT(*) FROM {DATABASE}.own WHERE n < 1000"));
    assert_eq!(kept, "500");
}

/// Runs `work` with a direct connection and the Forebay of a crowd, and looks at how many connections that has.
fn among_others(bed: &Bed, work: impl FnOnce([Endpoint; 2])) {
    let _alone = alone(bed);
    let forebay = bed.crowded_forebay();
    Crowd::during(bed, &forebay, || {
        work([bed.direct(), forebay.clone()]);
        if !direct_only() {
            assert_few_connections(bed);
        }
    });
}

fn assert_few_connections(bed: &Bed) {
    let pid = bed.crowded_pid().unwrap();
    for server in bed.cluster.servers() {
        for _ in 0..20 {
            let open = process::connections_to(pid, server.port);
            assert!((1..=CONNECTIONS + OTHERS).contains(&open), "{open} connections to {}", server.name);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// One of these tests at a time: what two of them hold together may be all there is.
fn alone(bed: &Bed) -> impl Drop {
    static TURNS: [Mutex<()>; 2] = [const { Mutex::new(()) }; 2];
    TURNS[bed.kind.pick(0, 1)].lock().unwrap_or_else(|failed| failed.into_inner())
}
