//! Ctrl-C in the command lines kills the running statement; then they go on or end as on a direct
//! connection.

use std::{process::Stdio, time::Duration};

use super::{assert_same, command_line};
use crate::support::{
    bed::{Bed, both},
    cluster::Server,
    process::{self, eventually},
};

both!(kills_a_read, kills_a_write);

fn kills_a_read(bed: &Bed) {
    interrupt(bed, "app_ctrl_c_read", "SELECT SLEEP(100) /* TAG */");
}

fn kills_a_write(bed: &Bed) {
    interrupt(bed, "app_ctrl_c_write", "DO SLEEP(100) /* TAG */");
}

fn interrupt(bed: &Bed, tag: &str, statement: &str) {
    let outputs = bed.both().map(|(_, endpoint)| {
        let text = statement.replace("TAG", tag);
        let mut client = command_line(bed.kind, &endpoint)
            .args(["--comments", "--force", "--execute", &format!("{text}; SELECT 'and on'")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("the statement runs", || running(bed, tag) == 1);
        process::signal(client.id(), "INT");
        let status = process::wait(&mut client, Duration::from_secs(20));
        if status.is_none() {
            client.kill().unwrap();
        }
        let output = client.wait_with_output().unwrap();
        assert!(status.is_some(), "Ctrl-C ended nothing: {}", String::from_utf8_lossy(&output.stderr));
        eventually("the statement is gone", || running(bed, tag) == 0);
        format!("{output:?}")
    });
    assert_same(&outputs);
}

/// Statements with this tag that run on any of the servers.
fn running(bed: &Bed, tag: &str) -> usize {
    // Not information_schema: MySQL's fails where a statement that runs holds what utf8mb3 can't.
    let count = |server: &Server| {
        let rows = bed.cluster.root(server).rows("SHOW FULL PROCESSLIST");
        rows.iter().filter(|row| row[4] != "Sleep" && row[7].contains(tag)).count()
    };
    bed.cluster.servers().map(count).sum()
}
