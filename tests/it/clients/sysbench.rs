//! sysbench, for some hundred transactions over several connections.

use std::process::Command;

use super::{run, same_twice};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
};

both!(read_write, reads, text_protocol);

fn read_write(bed: &Bed) {
    bench(bed, "app_sysbench_rw", "oltp_read_write", &[]);
}

fn reads(bed: &Bed) {
    bench(bed, "app_sysbench_ro", "oltp_read_only", &["--skip-trx"]);
}

fn text_protocol(bed: &Bed) {
    bench(bed, "app_sysbench_text", "oltp_read_write", &["--db-ps-mode=disable"]);
}

/// Prepares tables and runs a script of sysbench's; every event must come to its end.
fn bench(bed: &Bed, database: &str, script: &str, more: &[&str]) {
    same_twice(bed, database, |to: &Endpoint| {
        let sysbench = |action: &[&str]| {
            let mut command = Command::new("sysbench");
            command
                .args([
                    script,
                    "--db-driver=mysql",
                    "--mysql-host=127.0.0.1",
                    "--mysql-user=app",
                    "--mysql-password=secret",
                ])
                .args([format!("--mysql-port={}", to.port), format!("--mysql-db={database}")])
                .args(["--tables=2", "--table-size=2000", "--rand-seed=7"])
                .args(more)
                .args(action);
            run(&mut command).good()
        };
        sysbench(&["prepare"]);
        // sysbench opens its tables on other connections than the one that filled them.
        bed.cluster.settle();
        let said = sysbench(&["--threads=4", "--events=400", "--time=0", "run"]);
        sysbench(&["cleanup"]);
        let events = said.lines().find(|line| line.contains("total number of events")).unwrap_or(&said).to_owned();
        assert!(events.ends_with(" 400"), "{said}");
        let reconnects = said.lines().find(|line| line.contains("reconnects:")).unwrap_or_default();
        assert!(reconnects.contains(" 0 "), "{said}");
        events
    });
}
