//! The servers' general logs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::cluster::Cluster;

/// Switched on as long as this lives; of a cluster by one test at a time, since who begins clears them.
pub struct GeneralLogs<'a> {
    cluster: &'a Cluster,
    _alone: MutexGuard<'static, ()>,
}

/// A statement that a client has sent.
#[derive(Debug)]
pub struct Line {
    pub server: String,
    pub text: String,
}

impl<'a> GeneralLogs<'a> {
    pub fn on(cluster: &'a Cluster) -> GeneralLogs<'a> {
        static ALONE: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
        let alone = ALONE[cluster.kind.pick(0, 1)].lock().unwrap_or_else(PoisonError::into_inner);
        for server in cluster.servers() {
            let mut root = cluster.root(server);
            root.ok("SET GLOBAL general_log = OFF");
            root.ok("SET sql_log_bin = 0"); // on a replica this would be a transaction of its own
            root.ok("TRUNCATE TABLE mysql.general_log");
            root.ok("SET GLOBAL log_output = 'TABLE'");
            if cluster.kind.pick(false, true) {
                // Else MySQL leaves out what it can't parse.
                root.ok("SET GLOBAL log_raw = ON");
            }
            root.ok("SET GLOBAL general_log = ON");
        }
        GeneralLogs { cluster, _alone: alone }
    }

    /// What the tests' user had executed that holds this text, server by server. Replication runs as somebody else, and
    /// what is only prepared runs nowhere yet.
    pub fn with(&self, text: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        for server in self.cluster.servers() {
            let query = format!(
                "SELECT argument FROM mysql.general_log WHERE (user_host LIKE 'app[%' OR user_host LIKE 'other[%') \
                 AND command_type IN ('Query', 'Execute') AND argument LIKE '%{text}%' ORDER BY event_time"
            );
            for row in self.cluster.root(server).rows(&query) {
                lines.push(Line { server: server.name.clone(), text: row[0].clone() });
            }
        }
        lines
    }
}

impl Drop for GeneralLogs<'_> {
    fn drop(&mut self) {
        for server in self.cluster.servers() {
            self.cluster.root(server).query("SET GLOBAL general_log = OFF");
        }
    }
}
