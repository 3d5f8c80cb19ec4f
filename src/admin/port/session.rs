//! A client that is on the admin port, and its commands.

use std::{io, sync::Arc};

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, InitWriter, OkResponse, ParamParser, QueryResultWriter,
    StatementMetaWriter,
};
use tokio::io::AsyncWrite;

use crate::{
    admin::{
        VERSION,
        commands::{self, Answer, Call, Failure},
        operator::Operator,
    },
    config::Role,
};

pub(super) struct Session {
    pub operator: Arc<Operator>,
    pub user: String,
    pub role: Role,
    pub peer: String,
}

#[async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for Session {
    type Error = io::Error;

    fn version(&self) -> String {
        VERSION.to_owned()
    }

    /// Asked about the login that [`Admitted`](super::admitted::Admitted) pretends; the client has proven itself before.
    async fn authenticate(&self, _: &str, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }

    async fn on_prepare<'a>(&'a mut self, _: &'a str, info: StatementMetaWriter<'a, W>) -> io::Result<()> {
        info.error(ErrorKind::ER_UNSUPPORTED_PS, b"The admin port takes plain statements only, none that are prepared")
            .await
    }

    async fn on_execute<'a>(
        &'a mut self,
        _: u32,
        _: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        results.error(ErrorKind::ER_UNKNOWN_STMT_HANDLER, b"Unknown prepared statement handler").await
    }

    async fn on_close<'a>(&'a mut self, _: u32)
    where
        W: 'async_trait,
    {
    }

    async fn on_init<'a>(&'a mut self, _: &'a str, writer: InitWriter<'a, W>) -> io::Result<()> {
        // There is one schema as good as another: none.
        writer.ok().await
    }

    async fn on_query<'a>(&'a mut self, text: &'a str, results: QueryResultWriter<'a, W>) -> io::Result<()> {
        let call = Call { operator: &self.operator, user: &self.user, role: self.role, peer: &self.peer };
        match commands::run(&call, text).await {
            Ok(Answer::Done(info)) => results.completed(OkResponse { info, ..OkResponse::default() }).await,
            Ok(Answer::Table { columns, rows }) => {
                let column = |name: &String| Column {
                    table: String::new(),
                    column: name.clone(),
                    coltype: ColumnType::MYSQL_TYPE_VAR_STRING,
                    colflags: ColumnFlags::empty(),
                };
                let columns: Vec<Column> = columns.iter().map(column).collect();
                let mut writer = results.start(&columns).await?;
                for row in rows {
                    writer.write_row(row).await?;
                }
                writer.finish().await
            }
            Err(Failure::Unknown(message)) => results.error(ErrorKind::ER_PARSE_ERROR, message.as_bytes()).await,
            Err(Failure::Forbidden(message)) => {
                results.error(ErrorKind::ER_SPECIFIC_ACCESS_DENIED_ERROR, message.as_bytes()).await
            }
            Err(Failure::Wrong(message)) => results.error(ErrorKind::ER_WRONG_ARGUMENTS, message.as_bytes()).await,
        }
    }
}
