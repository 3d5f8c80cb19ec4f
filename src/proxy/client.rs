//! One client: its session, its server connections, and the loop over its commands.

use std::{
    future::poll_fn,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Peer,
    cached::Cached,
    causal::Causal,
    error::ClientError,
    fix::Fix,
    hand_over::{LastStatement, Why},
    idle::{Idle, Silence},
    login::LoggedIn,
    meters::Metered,
    registry::{Place, Told},
    shared::{Live, Shared},
    told,
};
use crate::{
    auth::{Credential, User},
    net::{Channel, ChannelError},
    pool::ServerConnection,
    routing::Consistency,
    session::{Diagnostics, State, Statements, UserVariables},
    sql::lexer::Flavor,
    topology::ServerId,
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        compress::Method,
        handshake,
        ok::Ok as OkPacket,
        packet::{self, FrameError},
    },
};

/// How long a client may take to read the last word.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The same where Forebay ends: what was under way arrives in this time.
const STOP_TIMEOUT: Duration = Duration::from_millis(300);

/// A logged-in client.
#[derive(Debug)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
    /// The configuration that the present command began with.
    pub(super) live: Arc<Live>,
    pub(super) place: Place,
    pub(super) channel: Channel,
    pub(super) peer: Peer,
    /// The challenge of the login's greeting, which COM_CHANGE_USER answers again.
    pub(super) nonce: [u8; 20],
    pub(super) identity: Identity,
    pub(super) capabilities: CapabilityFlags,
    /// Of MariaDB's; its server connections have the same.
    pub(super) extended: MariaDbCapabilities,
    /// What the channel compresses with once the login is answered.
    compression: Option<Method>,
    pub(super) state: State,
    pub(super) statements: Statements,
    /// How the rows of open cursors are corrected, by their statements' ids.
    pub(super) cursor_fixes: Vec<(u32, Box<Fix>)>,
    /// The session's server connections: few, so a list.
    pub(super) servers: Vec<ServerConnection>,
    /// What it must see.
    pub(super) causal: Causal,
    /// It holds what no report tells and nothing carries yet (user variables, LAST_INSERT_ID()…).
    pub(super) holds_unreported: bool,
    /// The BEGIN that has been answered and goes with the next statement.
    pub(super) begun_later: Option<&'static str>,
    /// Its user variables, if it ever assigned one.
    pub(super) user_variables: Option<Box<UserVariables>>,
    /// When routines were asked for last that are still not known.
    pub(super) routines_tried: Option<Instant>,
    /// What the last statement raised, where its connection has gone to others.
    pub(super) diagnostics: Option<Box<Diagnostics>>,
    /// How the last statement was decided, for users who may ask.
    pub(super) told: Option<Box<told::Last>>,
    /// LAST_INSERT_ID().
    pub(super) insert_id: InsertId,
    /// What may be asked about the last statement.
    pub(super) last: LastStatement,
    /// Where the statement before ran.
    pub(super) last_server: Option<ServerId>,
    /// A PING has been answered here since, of which that server does not know.
    pub(super) ping_owed: bool,
    /// Where the last statement ran that FOUND_ROWS() is about.
    pub(super) last_rows_server: Option<ServerId>,
    /// The error it ended in.
    pub(super) last_error: Option<u16>,
    /// The SET text after which the collation is not known yet.
    pub(super) names_text: Option<Box<[u8]>>,
    /// The replica it reads from.
    pub(super) reader: Option<ServerId>,
    /// It has run what may have changed a schema: what replicas said before is nothing to go by.
    pub(super) changes_schemas: bool,
    /// What of it has to do with answers from memory.
    pub(super) cached: Cached,
    /// What it counts for metrics.
    pub(super) meter: Metered,
    idle: Idle,
    /// How many COM_CHANGE_USERs were refused.
    pub(super) refused_changes: u32,
}

/// Where LAST_INSERT_ID() is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InsertId {
    /// Forebay knows it.
    Known(u64),
    /// The primary's connection does.
    OnServer,
    /// That connection did, and is gone.
    Lost,
}

/// As whom the session's server connections log in.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The configured user.
    pub user: Arc<User>,
    /// Its name, shared with logs.
    pub name: Arc<str>,
    /// What the client has proven itself with.
    pub credential: Credential,
    /// The client's character set (its number, from the handshake).
    pub charset: u16,
    /// Its connection attributes, as they came.
    pub attributes: Vec<u8>,
    /// Whether its own connection is encrypted.
    pub is_tls: bool,
}

impl Identity {
    /// What the client calls itself: the connection attribute `program_name`, else `_client_name`.
    pub(super) fn application(&self) -> Option<Vec<u8>> {
        let attribute = |name| handshake::attribute(&self.attributes, name);
        attribute(b"program_name").or_else(|| attribute(b"_client_name")).map(<[u8]>::to_vec)
    }
}

/// What an idle session wakes for.
enum Woken {
    /// A command, or the end of the client's connection.
    Command(Result<Bytes, ChannelError>),
    /// It is to let go of what it can spare.
    GiveBack(Why),
}

/// Why a session ended.
#[derive(Debug)]
pub enum End {
    /// COM_QUIT.
    Quit,
    /// The client's connection is of no use any more.
    Gone(ChannelError),
    /// The client is told this, and the connection is closed.
    Fatal(ClientError),
    /// The client has been told; the connection is closed.
    Told,
    /// The reply broke off inside a packet: closed, since nothing that followed would be understood.
    Cut,
    /// KILL: closed without a word, as a server does it to an idle connection.
    Killed,
}

impl Client {
    /// A session for a client that has proven who it is (and has not been answered yet).
    pub fn new(shared: Arc<Shared>, live: Arc<Live>, place: Place, login: LoggedIn, flavor: Flavor) -> Self {
        let name: Arc<str> = login.user.name.as_str().into();
        let is_tls = login.channel.stream().is_tls();
        Client {
            state: State::new(flavor, login.capabilities, login.schema),
            meter: Metered::new(&shared.meters),
            shared,
            live,
            place,
            channel: login.channel,
            peer: login.peer,
            nonce: login.nonce,
            identity: Identity {
                user: login.user,
                name,
                credential: login.credential,
                charset: login.charset,
                attributes: login.attributes,
                is_tls,
            },
            capabilities: login.capabilities,
            extended: login.extended,
            compression: login.compression,
            statements: Statements::default(),
            cursor_fixes: Vec::new(),
            servers: Vec::new(),
            causal: Causal::default(),
            holds_unreported: false,
            begun_later: None,
            user_variables: None,
            routines_tried: None,
            diagnostics: None,
            told: None,
            insert_id: InsertId::Known(0),
            last: LastStatement::NONE,
            last_server: None,
            ping_owed: false,
            last_rows_server: None,
            last_error: None,
            names_text: None,
            reader: None,
            changes_schemas: false,
            cached: Cached::default(),
            idle: Idle::new(),
            refused_changes: 0,
        }
    }

    /// Answers the login and then command after command, until the session ends. It should be dropped then.
    pub async fn serve(&mut self) -> End {
        let end = match Box::pin(self.answer_login()).await {
            Ok(()) => {
                self.shared.warm.remember(&self.identity.user, || self.pool_key());
                self.answer_commands().await
            }
            Err(end) => end,
        };
        Box::pin(self.finish(&end)).await;
        end
    }

    /// The session's id, and the user's name.
    pub fn name(&self) -> (u32, &str) {
        (self.place.handle.id, &self.identity.name)
    }

    /// Whether the log hears of its end, and of how many it did not before.
    pub fn may_say_that_it_ended(&self) -> Option<u64> {
        self.shared.said.ended.due()
    }

    async fn answer_commands(&mut self) -> End {
        if let Some(method) = self.compression {
            self.channel.compress(method);
        }
        loop {
            let payload = match self.next_command().await {
                Ok(payload) => payload,
                Err(end) => return end,
            };
            self.place.handle.kills_settled().await;
            if self.place.handle.is_killed() {
                return End::Killed;
            }
            self.shared.refresh(&mut self.live);
            let byte = payload.first().copied().unwrap_or_default();
            // Sessions are idle most of the time: what a command needs is there while it runs.
            self.meter.begins(payload.len());
            self.state.command_begins();
            let done = match self.quick_hit(&payload) {
                true => self.channel.flush().await.map_err(End::Gone),
                false => Box::pin(self.command(&payload)).await,
            };
            self.count(&payload, done.as_ref().copied());
            drop(payload);
            if let Err(end) = done {
                return end;
            }
            self.note_pins(byte);
            self.place.handle.glance.ended(self.state.schema.as_deref(), self.state.in_transaction());
            if self.place.handle.is_killed() {
                return End::Killed;
            }
        }
    }

    /// Waits for the client's next command; its payload.
    async fn next_command(&mut self) -> Result<Bytes, End> {
        self.channel.begin_command();
        let timeouts = &self.live.settings.timeouts;
        let in_transaction = self.state.in_transaction();
        let (limit, error) = match timeouts.idle_in_transaction {
            Some(limit) if in_transaction => (limit, ClientError::idle_in_transaction as fn() -> ClientError),
            _ => (timeouts.idle_client, ClientError::idle as fn() -> ClientError),
        };
        let max_bytes = self.live.settings.limits.max_allowed_packet_bytes;
        let hold = self.live.settings.pool.hold;
        self.idle.restart(self.meter.ended_at());
        self.spare_or_keep().await;
        let command = loop {
            let woken = {
                let (handle, idle) = (&self.place.handle, &mut self.idle);
                let mut command = std::pin::pin!(self.channel.take_payload(max_bytes));
                let next = poll_fn(|context| {
                    if let Poll::Ready(command) = command.as_mut().poll(context) {
                        return Poll::Ready(Ok(Woken::Command(command)));
                    }
                    if let Poll::Ready(told) = handle.poll_told(context, in_transaction) {
                        return Poll::Ready(Err(match told {
                            Told::Killed => End::Killed,
                            Told::Stop => End::Fatal(ClientError::shutdown()),
                            Told::GiveBack => return Poll::Ready(Ok(Woken::GiveBack(Why::Wanted))),
                        }));
                    }
                    idle.poll_silence(context, hold, limit).map(|silence| match silence {
                        Silence::Idle => Ok(Woken::GiveBack(Why::Idle)),
                        Silence::Expired => Err(End::Fatal(error())),
                    })
                });
                next.await?
            };
            match woken {
                Woken::Command(command) => break command,
                Woken::GiveBack(why) => self.grow_idle(why).await,
            }
        };
        self.place.handle.set_spare(false);
        command.map_err(|error| {
            // The answer to the packet that was too much; to one that came out of order: to number 0.
            self.channel.seq = match &error {
                ChannelError::Frame(FrameError::TooLarge { .. }) => {
                    packet::newest_seq(self.channel.received()).unwrap_or(0).wrapping_add(1)
                }
                _ => 1,
            };
            broken(error)
        })
    }

    /// A statement has ended: its connections go to those who wait for them, or may be asked for.
    async fn spare_or_keep(&mut self) {
        let spare = !self.servers.is_empty();
        self.place.handle.set_spare(spare);
        if !spare {
            return;
        }
        let pools = &self.shared.pools;
        let why = if pools.wanted() || self.servers.iter().any(|server| pools.is_flushed(server)) {
            Why::Wanted
        } else if self.live.settings.pool.hold.is_zero() {
            Why::Idle
        } else {
            return;
        };
        self.spare(why).await;
    }

    /// Lets go of what can be spared; what is kept although it could be, others may ask for.
    async fn spare(&mut self, why: Why) {
        self.place.handle.set_spare(false);
        Box::pin(self.give_back(why)).await;
        if why == Why::Idle && !self.servers.is_empty() {
            self.place.handle.set_spare(true);
            if self.shared.pools.wanted() {
                self.place.handle.set_spare(false);
                Box::pin(self.give_back(Why::Wanted)).await;
            }
        }
    }

    /// Gives back what an idle session does not need: connections and buffers belong to those who use them.
    async fn grow_idle(&mut self, why: Why) {
        self.spare(why).await;
        if why == Why::Wanted {
            // Where it had nothing to spare, another one may.
            self.shared.pools.ask_again();
        }
        self.channel.trim();
        self.cached.trim();
        for server in &mut self.servers {
            server.channel.trim();
        }
    }

    /// The session is over: the client hears why, the server connections go to others or close (both roll back what is open).
    pub(super) async fn finish(&mut self, end: &End) {
        self.place.handle.set_spare(false);
        if let End::Fatal(error) = end {
            self.meter.refused(error.fault, error.code);
            self.channel.push(&error.payload());
        }
        if !matches!(end, End::Cut | End::Killed) {
            Box::pin(self.give_back(Why::End)).await;
            self.leave_connections();
        }
        self.servers.clear();
        // A reply that was cut off must not be sent on; one killed hears nothing.
        if !matches!(end, End::Gone(_) | End::Cut | End::Killed) {
            let is = |other: ClientError| matches!(end, End::Fatal(error) if *error == other);
            let stops = is(ClientError::shutdown());
            // What it may have sent meanwhile must not keep it from reading why it is not answered.
            let unread = stops || is(ClientError::packet_too_large());
            let closed = async { if unread { self.channel.close_behind().await } else { self.channel.close().await } };
            // A client that does not read does not keep its place.
            let patience = if stops { STOP_TIMEOUT } else { CLOSE_TIMEOUT };
            let _ = tokio::time::timeout(patience, closed).await;
        }
    }

    /// How fresh this user's reads must be.
    pub(super) fn consistency(&self) -> Consistency {
        let of_user = self.live.consistency.get(&*self.identity.name);
        of_user.copied().unwrap_or(self.live.settings.consistency)
    }

    /// How far behind a replica may be that answers this user's reads at the level `eventual`.
    pub(super) fn max_lag(&self) -> Option<Duration> {
        let of_user = self.live.max_lag.get(&*self.identity.name);
        of_user.copied().or(self.live.settings.max_lag)
    }

    /// Sends an OK of Forebay's own.
    pub(super) async fn send_ok(&mut self) -> Result<(), End> {
        self.send_ok_tracked(b"", false).await
    }

    /// The same, telling a client that tracks its state of what has changed; `has_changed`: also that something has.
    pub(super) async fn send_ok_tracked(&mut self, session: &[u8], has_changed: bool) -> Result<(), End> {
        self.state.warnings = 0;
        if matches!(self.state.dialect().flavor, Flavor::MySql { .. }) {
            self.diagnostics = None;
        }
        let mut status = self.state.lasting_status();
        status.set(StatusFlags::SERVER_SESSION_STATE_CHANGED, has_changed);
        let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session };
        self.send_ok_packet(&ok).await
    }

    /// The same with a count of warnings.
    pub(super) async fn send_ok_with(&mut self, warnings: u16) -> Result<(), End> {
        let status = self.state.lasting_status();
        let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings, info: b"", session: b"" };
        self.send_ok_packet(&ok).await
    }

    async fn send_ok_packet(&mut self, ok: &OkPacket<'_>) -> Result<(), End> {
        let session = self.state.with_all(ok.session.to_vec());
        let mut payload = Vec::with_capacity(16);
        OkPacket { session: &session, ..*ok }.push(&mut payload, 0, self.capabilities);
        self.send(&payload).await
    }

    /// Sends an error of Forebay's own; the session goes on.
    pub(super) async fn send_error(&mut self, error: &ClientError) -> Result<(), End> {
        tracing::debug!(client = self.place.handle.id, %error, "refused");
        self.meter.refused(error.fault, error.code);
        self.state.warnings = 1;
        (self.last.row_count, self.last.is_gone) = (-1, true);
        let flavor = self.state.dialect().flavor;
        self.diagnostics = Some(Box::new(Diagnostics::error(error.code, &error.sql_state, &error.message, flavor)));
        self.send(&error.payload()).await
    }

    /// Sends one payload.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), End> {
        self.channel.push(payload);
        self.channel.flush().await.map_err(End::Gone)
    }
}

/// What a client hears whose packets can't be read.
pub(super) fn broken(error: ChannelError) -> End {
    match error {
        ChannelError::Frame(FrameError::TooLarge { .. }) => End::Fatal(ClientError::packet_too_large()),
        ChannelError::Frame(FrameError::OutOfOrder { .. }) => End::Fatal(ClientError::out_of_order()),
        error => End::Gone(error),
    }
}

impl From<super::login::LoginEnd> for End {
    fn from(_: super::login::LoginEnd) -> Self {
        End::Told
    }
}
