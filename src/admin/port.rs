//! The admin port: commands as statements of MySQL's protocol, so that every client there is can send them.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlIntermediary, AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, InitWriter, OkResponse,
    ParamParser, QueryResultWriter, StatementMetaWriter,
};
use tokio::{
    io::AsyncWrite,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::{
    commands::{self, Answer, Call, Failure},
    operator::Operator,
};
use crate::{
    auth::native,
    config::{OperatorUser, Role},
};

/// Operators at once.
const MAX_CLIENTS: usize = 64;
/// For a login.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// What a wrong password costs.
const LOGIN_DELAY: Duration = Duration::from_secs(1);

/// Serves until Forebay stops.
pub(super) async fn serve(listener: TcpListener, users: Arc<[OperatorUser]>, operator: Arc<Operator>) {
    let room = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = operator.shared().stopping() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the admin port can't take a client");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            if let Some(unsaid) = operator.said.full.due() {
                tracing::warn!(%peer, unsaid, "the admin port is full: {MAX_CLIENTS} clients are on it");
            }
            continue;
        };
        let (users, operator) = (Arc::clone(&users), Arc::clone(&operator));
        tokio::spawn(async move {
            if let Err(error) = talk(stream, users, operator).await {
                tracing::debug!(%peer, %error, "a client of the admin port is gone");
            }
            drop(place);
        });
    }
}

async fn talk(stream: TcpStream, users: Arc<[OperatorUser]>, operator: Arc<Operator>) -> io::Result<()> {
    let peer = stream.peer_addr()?.to_string();
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let is_in = Arc::new(AtomicBool::new(false));
    let session = Session {
        users,
        operator: Arc::clone(&operator),
        peer,
        salt: salt(),
        is_in: Arc::clone(&is_in),
        user: OnceLock::new(),
    };
    let mut talk = std::pin::pin!(AsyncMysqlIntermediary::run_on(session, reader, writer));
    if let Ok(ended) = tokio::time::timeout(LOGIN_TIMEOUT, &mut talk).await {
        return ended;
    }
    if !is_in.load(Ordering::Relaxed) {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not log in"));
    }
    tokio::select! {
        ended = talk => ended,
        () = operator.shared().stopping() => Ok(()),
    }
}

/// Without NUL, which would end it for some clients.
fn salt() -> [u8; 20] {
    std::array::from_fn(|_| rand::random_range(1..=127))
}

struct Session {
    users: Arc<[OperatorUser]>,
    operator: Arc<Operator>,
    peer: String,
    salt: [u8; 20],
    is_in: Arc<AtomicBool>,
    /// Who has logged in.
    user: OnceLock<OperatorUser>,
}

#[async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for Session {
    type Error = io::Error;

    fn version(&self) -> String {
        concat!("8.0.0-forebay-", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn salt(&self) -> [u8; 20] {
        self.salt
    }

    async fn authenticate(&self, plugin: &str, name: &[u8], salt: &[u8], answer: &[u8]) -> bool {
        let user = self.users.iter().find(|user| user.user.name.as_bytes() == name);
        let proves = |secret| native::verify(secret, answer, salt).is_some();
        let good = plugin == "mysql_native_password" && user.is_some_and(|user| user.user.secrets.iter().any(proves));
        let name = String::from_utf8_lossy(name);
        if good {
            self.is_in.store(true, Ordering::Relaxed);
            // One login for each connection.
            let _ = user.map(|user| self.user.set(user.clone()));
            tracing::info!(peer = self.peer, user = %name, "somebody is on the admin port");
        } else {
            if let Some(unsaid) = self.operator.said.refused.due() {
                tracing::warn!(peer = self.peer, user = %name, unsaid, "the admin port refused a login");
            }
            tokio::time::sleep(LOGIN_DELAY).await;
        }
        good
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
        let (user, role) = self.user.get().map_or(("", Role::ReadOnly), |user| (&user.user.name, user.role));
        let call = Call { operator: &self.operator, user, role, peer: &self.peer };
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
