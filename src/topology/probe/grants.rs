//! What a server grants to all who come, held against what the configuration may take of it.

use mysql_async::{Conn, Result, prelude::Queryable};

use crate::topology::MayTake;

/// A server's own limits.
pub(super) struct Grants {
    connections: usize,
    statements: usize,
}

/// Asks for them. A server that does not tell has none.
pub(super) async fn ask(conn: &mut Conn) -> Result<Grants> {
    let limits: Option<(usize, usize)> =
        conn.query_first("SELECT @@global.max_connections, @@global.max_prepared_stmt_count").await?;
    let (connections, statements) = limits.unwrap_or((usize::MAX, usize::MAX));
    Ok(Grants { connections, statements })
}

impl Grants {
    /// Tells the log where they don't do.
    pub(super) fn say(&self, server: &str, may_take: MayTake) {
        let MayTake { connections, statements } = may_take;
        if connections > self.connections {
            tracing::warn!(
                server,
                limit = self.connections,
                may_need = connections,
                "the server takes fewer connections (max_connections) than pool.max_connections allows: raise its limit, or lower \
                 this, else clients are refused when all are in use"
            );
        }
        if statements > self.statements {
            tracing::warn!(
                server,
                limit = self.statements,
                may_need = statements,
                "the server keeps fewer prepared statements (max_prepared_stmt_count) than pool.max_connections times \
                 pool.max_statements: raise its limit, or lower one of these"
            );
        }
    }
}
