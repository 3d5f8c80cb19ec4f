//! One authenticated connection to a server, and what it still owes.

use std::{
    sync::Arc,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{birth::Born, connect::Connected, pools::Permit, statements::Prepared};
use crate::{
    net::{Channel, ChannelError},
    session::{Image, user_variables::Type, variables::Version},
    topology::ServerId,
    wire::{
        Malformed,
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        column::Column,
        command, err, ok,
        packet::{HEADER_BYTES, Header},
        reply::{Expect, Kind, Packet, ReplyTracker},
        row,
    },
};

/// The largest reply packet that Forebay's own questions may bring.
const MAX_CONTROL_BYTES: usize = 1 << 20;

/// A connection to one server, used by one session.
#[derive(Debug)]
pub struct ServerConnection {
    /// Its packets.
    pub channel: Channel,
    /// Which server.
    pub id: ServerId,
    /// The server's name, for logs.
    pub name: Arc<str>,
    /// The server's id of this connection, for KILL.
    pub thread_id: u32,
    /// Negotiated with the server.
    pub capabilities: CapabilityFlags,
    /// Likewise of MariaDB's.
    pub extended: MariaDbCapabilities,
    /// The session's version that it has been brought to; of no meaning while there is an image.
    pub version: Version,
    /// What another session made of it, until it is brought to this one's state.
    pub image: Option<Image>,
    /// What its session began with.
    pub born: Option<Born>,
    /// What LAST_INSERT_ID() is on it, where that is known.
    pub insert_id: Option<u64>,
    /// Its place in its server's pool; without one it is not shared.
    pub permit: Option<Permit>,
    /// The server's globals when it was opened, as [`crate::topology::view::Server::globals`].
    pub globals: Option<u64>,
    /// How often the pools had been flushed when it was opened: see [`super::Pools::generation`].
    pub generation: u64,
    /// When it was opened.
    pub opened_at: Instant,
    /// The thread whose reactor it belongs to.
    pub opened_on: ThreadId,
    /// What is prepared on it.
    pub statements: Prepared,
    /// Statements of its session have left warnings or errors on it.
    pub warned: bool,
    /// Replies that are still to be read.
    pub owed: usize,
    /// Session transactions are READ ONLY here.
    pub replica: bool,
    /// The sequence id with which the reply to the command pushed last begins (a long command takes several packets).
    pub reply_seq: u8,
    /// The OK that ended the login.
    pub login_ok: Vec<u8>,
    /// Its session's user variables are on it.
    pub has_user_variables: bool,
    /// Forebay has left user variables of its own on it.
    pub is_littered: bool,
    /// The types of the columns in the answer to one of Forebay's own questions.
    pub column_types: Vec<Type>,
    /// The collation of the last column in the answer to one of Forebay's own questions.
    pub column_charset: u16,
    /// The status flags of the last OK to one of Forebay's own questions.
    pub status: StatusFlags,
    /// How long the next packet of an answer to one of Forebay's own questions may take: a server may have fallen silent.
    pub patience: Duration,
}

/// Why one of Forebay's own questions failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The connection is unusable.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The server's bytes make no sense.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The server refused; the connection is in order. Its whole ERR payload.
    #[error("{}", describe(.0))]
    Refused(Vec<u8>),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

fn describe(payload: &[u8]) -> String {
    match err::Err::parse(payload) {
        Ok(err) => format!("error {}: {}", err.code, String::from_utf8_lossy(err.message)),
        Err(malformed) => malformed.to_string(),
    }
}

/// The rows of one answer, as text.
pub type Rows = Vec<Vec<Option<Vec<u8>>>>;

impl ServerConnection {
    /// A connection that has just logged in.
    pub fn new(id: ServerId, name: Arc<str>, connected: Connected, replica: bool, patience: Duration) -> Self {
        let status = ok::Ok::parse(&connected.ok, connected.capabilities).map(|ok| ok.status);
        ServerConnection {
            channel: connected.channel,
            id,
            name,
            thread_id: connected.greeting.connection_id,
            capabilities: connected.capabilities,
            extended: connected.extended,
            version: 0,
            image: None,
            born: None,
            insert_id: Some(0),
            permit: None,
            globals: None,
            generation: 0,
            opened_at: Instant::now(),
            opened_on: thread::current().id(),
            statements: Prepared::new(0),
            owed: 0,
            warned: false,
            replica,
            reply_seq: 1,
            login_ok: connected.ok,
            has_user_variables: false,
            is_littered: false,
            column_types: Vec::new(),
            column_charset: 0,
            status: status.unwrap_or(StatusFlags::SERVER_STATUS_AUTOCOMMIT),
            patience,
        }
    }

    /// Whether column definitions bear MariaDB's block of extended metadata.
    pub fn extended_metadata(&self) -> bool {
        self.extended.contains(MariaDbCapabilities::EXTENDED_METADATA)
    }

    /// Whether COM_QUERY on this connection bears query attributes.
    pub fn query_attributes(&self) -> bool {
        self.capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES)
    }

    /// Appends a command to what will be sent; several may be sent at once, they are answered in order.
    pub fn push_command(&mut self, payload: &[u8]) {
        self.begin_command();
        self.channel.push(payload);
        self.reply_seq = self.channel.seq;
    }

    /// The same without a copy of a long one, behind which nothing may be pushed before it is sent.
    pub fn push_last_command(&mut self, payload: &Bytes) {
        self.begin_command();
        self.channel.push_last(payload);
        self.reply_seq = self.channel.seq;
    }

    fn begin_command(&mut self) {
        for id in self.statements.take_closed() {
            let mut close = Vec::with_capacity(5);
            crate::wire::statement::push_close(&mut close, id);
            self.channel.begin_command();
            self.channel.push(&close);
        }
        self.channel.begin_command();
        self.owed += 1;
    }

    /// The same for a command that is never answered.
    pub fn push_unanswered(&mut self, payload: &[u8]) {
        self.push_command(payload);
        self.owed -= 1;
    }

    /// Appends a COM_INIT_DB.
    pub fn push_schema(&mut self, schema: &[u8]) {
        self.push_command(&[&[command::byte::INIT_DB], schema].concat());
    }

    /// Appends a COM_QUERY of Forebay's own.
    pub fn push_query(&mut self, text: &[u8]) {
        let mut payload = Vec::with_capacity(text.len() + 3);
        command::push_query(&mut payload, text, self.query_attributes());
        self.push_command(&payload);
    }

    /// Runs statements of Forebay's own in one round trip; the rows of each. All are run and read even if one is
    /// refused; then the first refusal is the answer.
    pub async fn control<T: AsRef<[u8]>>(&mut self, statements: &[T]) -> Result<Vec<Rows>, ControlError> {
        self.control_observed(statements, &mut |_| {}).await
    }

    /// The same; `observe` is told each OK.
    pub async fn control_observed<T: AsRef<[u8]>>(
        &mut self,
        statements: &[T],
        observe: &mut (dyn FnMut(&ok::Ok<'_>) + Send),
    ) -> Result<Vec<Rows>, ControlError> {
        for statement in statements {
            self.push_query(statement.as_ref());
        }
        self.channel.flush().await?;
        self.read_answers(statements.len(), observe).await
    }

    /// Reads the answers to that many statements of Forebay's own, which have been sent.
    pub(super) async fn read_answers(
        &mut self,
        statements: usize,
        observe: &mut (dyn FnMut(&ok::Ok<'_>) + Send),
    ) -> Result<Vec<Rows>, ControlError> {
        let mut answers = Vec::with_capacity(statements);
        let mut refused = None;
        for _ in 0..statements {
            match self.read_rows(observe).await {
                Ok(rows) => answers.push(rows),
                Err(ControlError::Refused(payload)) => refused = refused.or(Some(payload)),
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(answers), |payload| Err(ControlError::Refused(payload)))
    }

    /// As [`ServerConnection::answer`], however long it takes: it may wait for a lock.
    pub async fn answer_whenever(&mut self, expect: Expect) -> Result<Vec<u8>, ControlError> {
        self.channel.flush().await?;
        self.read_reply_within(Duration::MAX, expect, &mut |_| {}).await.map(|(_, first)| first)
    }

    /// Sends what was pushed and reads one reply to it; its first packet.
    pub async fn answer(&mut self, expect: Expect) -> Result<Vec<u8>, ControlError> {
        self.channel.flush().await?;
        self.read_reply(expect, &mut |_| {}).await.map(|(_, first)| first)
    }

    /// Reads the whole reply to one COM_QUERY of Forebay's own: its (first) result's rows. `on_ok` sees each OK.
    pub async fn read_rows(&mut self, on_ok: &mut (dyn FnMut(&ok::Ok<'_>) + Send)) -> Result<Rows, ControlError> {
        self.read_reply(Expect::Results, on_ok).await.map(|(rows, _)| rows)
    }

    /// Reads a whole reply without passing it to anybody. Returns the rows of text results and the first packet.
    pub async fn read_reply(
        &mut self,
        expect: Expect,
        on_ok: &mut (dyn FnMut(&ok::Ok<'_>) + Send),
    ) -> Result<(Rows, Vec<u8>), ControlError> {
        self.read_reply_within(self.patience, expect, on_ok).await
    }

    async fn read_reply_within(
        &mut self,
        patience: Duration,
        expect: Expect,
        on_ok: &mut (dyn FnMut(&ok::Ok<'_>) + Send),
    ) -> Result<(Rows, Vec<u8>), ControlError> {
        let read = self.read_one_reply(patience, expect, on_ok).await;
        if matches!(read, Ok(_) | Err(ControlError::Refused(_))) {
            self.owed = self.owed.saturating_sub(1);
        }
        read
    }

    async fn read_one_reply(
        &mut self,
        patience: Duration,
        expect: Expect,
        on_ok: &mut (dyn FnMut(&ok::Ok<'_>) + Send),
    ) -> Result<(Rows, Vec<u8>), ControlError> {
        let mut tracker = ReplyTracker::new(expect, self.extended).with_capabilities(self.capabilities);
        let (mut rows, mut columns, mut first) = (Rows::new(), 0, Vec::new());
        self.channel.seq = 1;
        while !tracker.done() {
            let read = tokio::time::timeout(patience, self.channel.read(MAX_CONTROL_BYTES)).await;
            let payload = read.map_err(|_elapsed| ControlError::TimedOut(patience))??;
            let header = Header { payload_bytes: payload.len(), seq: 0 };
            if tracker.begin(header, payload.first().copied())? == Packet::Row {
                let cells = row::text_cells(&payload, columns)?;
                rows.push(cells.into_iter().map(|cell| cell.map(<[u8]>::to_vec)).collect());
                continue;
            }
            let kind = tracker.whole(&payload)?;
            if first.is_empty() && kind != Kind::Progress {
                first.clone_from(&payload);
            }
            match kind {
                Kind::ColumnCount(count) => {
                    columns = usize::try_from(count).unwrap_or(usize::MAX);
                    self.column_types.clear();
                }
                // A real EOF (as some commands get) is too short for an OK and says nothing that matters here.
                Kind::Ok | Kind::End if payload.len() > 5 => {
                    let ok = ok::Ok::parse(&payload, self.capabilities)?;
                    self.status = ok.status;
                    on_ok(&ok);
                }
                Kind::Ok | Kind::End => {}
                Kind::Err => return Err(ControlError::Refused(payload)),
                Kind::LocalInfile => return Err(Malformed { what: "request for a local file" }.into()),
                Kind::Definition { .. } => {
                    let column = Column::parse(&payload, self.extended_metadata());
                    self.column_charset = column.as_ref().map_or(0, |column| column.charset);
                    self.column_types.extend(column.iter().map(Type::from));
                }
                Kind::PrepareOk | Kind::Text | Kind::Progress => {}
            }
        }
        Ok((rows, first))
    }

    /// Reads a whole reply that nobody wants, errors too, of so many bytes at most. False: there is more, which stays unread.
    pub async fn discard(&mut self, expect: Expect, max_bytes: usize) -> Result<bool, ControlError> {
        let mut tracker = ReplyTracker::new(expect, self.extended).with_capabilities(self.capabilities);
        let mut bytes = 0;
        self.channel.seq = 1;
        while !tracker.done() {
            let read = tokio::time::timeout(self.patience, self.channel.read(MAX_CONTROL_BYTES)).await;
            let payload = read.map_err(|_elapsed| ControlError::TimedOut(self.patience))??;
            bytes += payload.len();
            if bytes > max_bytes {
                return Ok(false);
            }
            let header = Header { payload_bytes: payload.len(), seq: 0 };
            if tracker.begin(header, payload.first().copied())? != Packet::Row
                && tracker.whole(&payload)? == Kind::LocalInfile
            {
                return Err(Malformed { what: "request for a local file" }.into());
            }
        }
        self.owed = self.owed.saturating_sub(1);
        Ok(true)
    }

    /// Whether the server has closed this idle connection (or sent what nobody asked for): it is of no use any more.
    pub async fn is_stale(&mut self) -> bool {
        if !self.channel.received().is_empty() {
            return true;
        }
        // Poll once: an idle connection has nothing to read.
        let poll = std::future::poll_fn(|cx| {
            let fill = std::pin::pin!(self.channel.fill());
            std::task::Poll::Ready(fill.poll(cx).is_ready())
        });
        poll.await
    }

    /// The same without waiting, for a connection that nobody uses.
    pub fn has_ended(&mut self) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let is_stale = std::pin::pin!(self.is_stale());
        matches!(is_stale.poll(&mut context), std::task::Poll::Ready(true))
    }

    /// The next packet's header, if it has been received.
    pub fn next_header(&self) -> Option<Header> {
        self.channel.received().get(..HEADER_BYTES).and_then(Header::read)
    }
}
