//! A server connection that equals the session: found or opened, seen to be alive, caught up, brought to the session's
//! version.

use std::{borrow::Cow, ops::ControlFlow, sync::Arc, time::Instant};

use super::{
    causal::Wait,
    client::{Client, End, InsertId},
    engine::{Action, Attempt, Request},
    error::ClientError,
    prepared_on::{Ahead, may_prepare},
    relay::Reached,
    transaction::Begun,
};
use crate::{
    pool::{ServerConnection, birth, server::ControlError},
    routing::Decision,
    session::{
        carry::Carry,
        learnt::{Collations, Learnt},
    },
    sql::{Effects, Facts, Kind},
    topology::{Position, ServerId},
    wire::reply::Expect,
};

/// A server connection with the request on its way (or pushed, to go with the relay's first write).
#[derive(Debug)]
pub struct Lease {
    /// Its place among the session's connections.
    pub index: usize,
    /// Which server.
    pub server: ServerId,
    /// The first of the reply's results is BEGIN's, which the client has been answered.
    pub begins: bool,
    prefixes: Vec<Expect>,
    /// The transaction has begun with this lease: nothing has been done in it before.
    pub begun: Option<&'static str>,
    /// Behind those the statement is prepared that the request executes.
    ahead: Option<Ahead>,
    /// Behind those the replica waits until it has this; if in vain, the request's answer is not wanted. And since when.
    waits: Option<(Box<Position>, Instant)>,
}

/// Why there is no lease.
#[derive(Debug)]
pub enum Refusal {
    /// The server can't be reached, or its connection broke.
    Unreachable(String),
    /// It can't be used until the configuration is another one (TLS, a password that is not known): waiting is in vain.
    Unusable(String),
    /// The server refused the login, or what brings a connection up to the session: its own ERR payload.
    Refused(Vec<u8>),
    /// The connection that held the session's state is gone.
    StateLost(String),
    /// The connection that held the session's transaction is gone, and nothing else that it would miss.
    TransactionLost(String),
    /// The replica does not have the session's writes yet.
    Behind,
    /// What is for the primary is not for this server any more.
    Moved,
    /// The request makes no sense: the client is told so.
    Client(ClientError),
}

impl Lease {
    /// Whether replies come in front of the request's: to statements that bring the connection up to the session, and to
    /// the PREPARE of what is executed.
    pub fn has_in_front(&self) -> bool {
        !self.prefixes.is_empty() || self.ahead.is_some() || self.waits.is_some()
    }

    /// Reads the replies to the prefixes that went in one write with the request. An error text means that the
    /// connection must not be used.
    async fn read_prefixes(&self, server: &mut ServerConnection, decision: &Decision) -> Result<(), String> {
        server.channel.flush().await.map_err(|error| error.to_string())?;
        for expect in &self.prefixes {
            match server.read_reply(*expect, &mut |_| {}).await {
                // A write has nothing in front but LAST_INSERT_ID(), and runs all the same.
                Err(ControlError::Refused(_)) if !decision.repeatable => server.insert_id = None,
                answer => drop(answer.map_err(|error| error.to_string())?),
            }
        }
        Ok(())
    }
}

impl Client {
    /// A connection to `server` that equals the session, with the request pushed.
    pub(super) async fn lease(
        &mut self,
        server: ServerId,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<Lease, Refusal> {
        if let Some(refusal) = self.fenced(server).or_else(|| self.misses(server, request)) {
            return Err(refusal);
        }
        if self.state.in_doubt() && self.state.home != Some(server.0) {
            Box::pin(self.resolve_doubt()).await?;
        }
        let index = self.connection_for(server, decision).await?;
        let mut wait = match decision.causal && self.servers[index].replica {
            true => self.must_wait(index, decision).await?,
            false => Wait::No,
        };
        // Where a statement must be prepared first and its id is not known, nothing may be on its way before that.
        let must_prepare = self.must_prepare(index, request);
        let mut ahead = if must_prepare { self.ahead(index, request) } else { None };
        let is_ready = !must_prepare || ahead.is_some();
        let asks_last = request.facts.effects.contains(Effects::LAST_STATEMENT);
        let pipelined = decision.repeatable && is_ready && !asks_last;
        let waits_alone = !pipelined
            || ahead.is_some()
            || self.begun_later.is_some()
            || matches!(request.action, Action::Prepare { .. });
        if waits_alone && let Wait::For(position, query) = std::mem::replace(&mut wait, Wait::No) {
            Box::pin(self.wait_alone(index, &position, &query)).await?;
        }
        let mut prefixes = self.carry(index, pipelined).await?;
        if asks_last {
            self.clear_warnings_of_others(index).await?;
        }
        if self.user_variables.is_some() {
            Box::pin(self.carry_user_variables(index, request.facts)).await?;
        }
        if let Some(expect) = self.push_insert_id(index, request.facts) {
            if pipelined || is_ready && !touches_insert_id(request.facts) {
                prefixes.push(expect);
            } else {
                self.servers[index].answer(expect).await?;
            }
        }
        let mut begins = false;
        let mut payload = None;
        let begun_later = self.begun_later;
        if begun_later.is_some() {
            match Box::pin(self.begin_on(index, request, is_ready)).await? {
                Begun::Already => {}
                Begun::Pushed => prefixes.push(Expect::Results),
                Begun::Joined(joined) => (begins, payload) = (true, Some(Cow::Owned(joined))),
            }
        }
        let payload = match payload {
            Some(payload) => payload,
            None => self.payload_for(index, request, ahead.as_mut()).await?,
        };
        if let Some(ahead) = &ahead {
            self.push_ahead(index, ahead);
        }
        if may_prepare(request.facts) {
            self.servers[index].statements.lost_count();
        }
        let waits = match wait {
            Wait::No => None,
            Wait::For(position, query) => {
                self.servers[index].push_query(query.as_bytes());
                Some((position, Instant::now()))
            }
        };
        self.servers[index].push_last_command(&payload);
        let connection = &self.servers[index];
        if connection.replica {
            self.reader = Some(server);
        }
        let begun = begun_later.filter(|_| self.begun_later.is_none());
        Ok(Lease { index, server, begins, prefixes, begun, ahead, waits })
    }

    /// Reads the replies that come in front of the request's. Break: how the attempt has ended with them.
    pub(super) async fn read_in_front(
        &mut self,
        lease: &Lease,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<ControlFlow<Option<Attempt>>, End> {
        if let Err(why) = lease.read_prefixes(&mut self.servers[lease.index], decision).await {
            return self.refused(lease.server, Refusal::Unreachable(why), decision).await.map(ControlFlow::Break);
        }
        if let Some((position, since)) = &lease.waits {
            match self.waited_in_front(lease.index, (position, *since), request).await {
                Ok(true) => {}
                Ok(false) => {
                    return self.refused(lease.server, Refusal::Behind, decision).await.map(ControlFlow::Break);
                }
                Err(why) => {
                    let refusal = Refusal::Unreachable(why);
                    return self.refused(lease.server, refusal, decision).await.map(ControlFlow::Break);
                }
            }
        }
        let Some(ahead) = &lease.ahead else { return Ok(ControlFlow::Continue(())) };
        match self.read_ahead(lease.index, ahead).await {
            Ok(true) => Ok(ControlFlow::Continue(())),
            Ok(false) => Ok(ControlFlow::Break(Some(Attempt::Again))),
            // The execution may have run.
            Err(Refusal::Unreachable(why)) => self
                .server_failed(lease.server, &why, Reached::Nothing, (request, decision))
                .await
                .map(ControlFlow::Break),
            Err(refusal) => self.refused(lease.server, refusal, decision).await.map(ControlFlow::Break),
        }
    }

    /// Brings a connection up to the session's version. In front of a read the statements are pushed and their replies
    /// expected (returned); in front of anything else they are run and awaited, since a statement behind a failed one
    /// would still run.
    pub(super) async fn carry(&mut self, index: usize, read: bool) -> Result<Vec<Expect>, Refusal> {
        let mut carry = self.difference(index);
        if carry == Carry::AskCollation {
            Box::pin(self.learn_collation()).await?;
            carry = self.difference(index);
        }
        let (schema, set) = match carry {
            Carry::Nothing | Carry::AskCollation => (None, None),
            Carry::Send { schema, set } => (schema, set),
            Carry::Impossible => return self.reopen(index).await.map(|()| Vec::new()),
        };
        let connection = &mut self.servers[index];
        let mut prefixes = Vec::new();
        if let Some(schema) = schema {
            connection.push_schema(&schema);
            prefixes.push(Expect::Ok);
        }
        if let Some(set) = set {
            connection.push_query(&set);
            prefixes.push(Expect::Results);
        }
        if !read {
            connection.channel.flush().await.map_err(|error| Refusal::Unreachable(error.to_string()))?;
            let mut refused = None;
            for expect in prefixes.drain(..) {
                let mut warned = false;
                match connection.read_reply(expect, &mut |ok| warned |= ok.warnings > 0).await {
                    Err(ControlError::Refused(payload)) => refused = refused.or(Some(payload)),
                    result => drop(result.map_err(control_refusal)?),
                }
                connection.warned |= warned;
            }
            if let Some(payload) = refused {
                return Err(Refusal::Refused(payload));
            }
        }
        connection.version = self.state.version();
        connection.image = None;
        Ok(prefixes)
    }

    /// What a connection lacks of the session's state.
    fn difference(&self, index: usize) -> Carry {
        let connection = &self.servers[index];
        match &connection.image {
            Some(image) => self.state.difference_from_image(image, !connection.replica),
            None => self.state.difference(connection.version),
        }
    }

    /// LAST_INSERT_ID() is the session's, wherever it was made: brought to a connection that is asked for it, or that may be
    /// from now on. No reply tells for certain whether a statement has made one, and the connection's may be another session's.
    fn push_insert_id(&mut self, index: usize, facts: &Facts) -> Option<Expect> {
        let InsertId::Known(id) = self.insert_id else { return None };
        let connection = &mut self.servers[index];
        let concerned = touches_insert_id(facts) || may_make_insert_id(facts);
        if connection.replica || connection.insert_id == Some(id) || !concerned {
            return None;
        }
        connection.push_query(format!("SET SESSION last_insert_id={id}").as_bytes());
        connection.insert_id = Some(id);
        // It sets ROW_COUNT() to 0, which then is Forebay's to say.
        self.last.is_gone |= self.last_server == Some(connection.id);
        Some(Expect::Results)
    }

    /// Reads the collation back from the connection on which SET NAMES ran.
    pub(super) async fn learn_collation(&mut self) -> Result<(), Refusal> {
        let shared = Arc::clone(&self.shared);
        let hidden = self.state.value("resultset_metadata") == Some(b"NONE");
        let connection = self.living_home().await?;
        // What the client asked for, the answer comes in bytes that can be read; the second column shows what metadata says.
        // Whatever `sql_select_limit` says.
        let question =
            "SELECT CONVERT(@@session.collation_connection USING binary), @@session.collation_connection LIMIT 1";
        let statements: &[&str] = match hidden {
            true => &["SET resultset_metadata=FULL", question, "SET resultset_metadata=NONE"],
            false => &[question],
        };
        let rows = connection.control(statements).await.map_err(home_refusal)?;
        let collation = rows.into_iter().flatten().flatten().flatten().next().unwrap_or_default();
        let results = collation_name(connection, &shared.learnt).await?;
        if let Some(text) = self.names_text.take() {
            let to = Collations { connection: collation.as_slice().into(), results: results.clone() };
            shared.learnt.learn(&text, to);
        }
        self.state.collation_learnt(&collation, results.as_deref());
        Ok(())
    }

    /// The connection that alone knows what the session is.
    async fn living_home(&mut self) -> Result<&mut ServerConnection, Refusal> {
        let lost = || Refusal::StateLost("the server closed the connection".to_owned());
        let home = self.state.home.map(ServerId);
        let connection = self.servers.iter_mut().find(|open| Some(open.id) == home).ok_or_else(lost)?;
        if connection.is_stale().await { Err(lost()) } else { Ok(connection) }
    }

    /// After an error the server is asked what the session has become, with a statement whose OK reports, and where its
    /// log stands (the failed statement may have committed something, and says nothing of it).
    pub(super) async fn resolve_doubt(&mut self) -> Result<(), Refusal> {
        let home = self.state.home.map(ServerId);
        let flavor = self.state.dialect().flavor;
        let version = self.state.version();
        self.living_home().await?;
        let Some(at) = self.servers.iter().position(|open| Some(open.id) == home) else { return Ok(()) };
        if self.last_server == home && !self.last.is_gone {
            // Where it fails nothing is known of that statement, as if it had not been asked.
            Box::pin(self.take_last(at)).await;
        }
        let connection = &mut self.servers[at];
        connection.push_query(b"SET SESSION session_track_schema=1");
        connection.push_query(birth::position_query(flavor).as_bytes());
        connection.channel.flush().await.map_err(|error| Refusal::StateLost(error.to_string()))?;
        let state = &mut self.state;
        // Those of the statement that failed may still be asked for.
        let warnings = state.warnings;
        let mut observe = |ok: &crate::wire::ok::Ok<'_>| state.observe_quietly(ok);
        connection.read_reply(Expect::Results, &mut observe).await.map_err(home_refusal)?;
        let rows = connection.read_reply(Expect::Results, &mut observe).await;
        state.warnings = warnings;
        if connection.version == version {
            connection.version = self.state.version();
        }
        if let Ok((rows, _)) = rows {
            let executed = rows.into_iter().flatten().flatten().next().unwrap_or_default();
            self.must_see_all(&executed);
        }
        self.take_position();
        self.state.doubt_resolved();
        Ok(())
    }

    /// Sees to it that an OK of Forebay's own shows the session's status as it is: after an error it may have changed.
    pub(super) async fn status_known(&mut self) {
        if self.state.in_doubt()
            && let Err(refusal) = Box::pin(self.resolve_doubt()).await
        {
            tracing::debug!(client = self.place.handle.id, ?refusal, "the status after an error stays unknown");
        }
    }
}

/// The name of the collation that the last answer's metadata showed.
pub(super) async fn collation_name(
    connection: &mut ServerConnection,
    learnt: &Learnt,
) -> Result<Option<Box<[u8]>>, Refusal> {
    let id = connection.column_charset;
    if let Some(name) = learnt.name(id) {
        return Ok(name);
    }
    let columns = "CONVERT(COLLATION_NAME USING binary) FROM information_schema.COLLATIONS";
    let rows =
        connection.control(&[format!("SELECT {columns} WHERE ID = {id} LIMIT 1")]).await.map_err(control_refusal)?;
    let name = rows.into_iter().flatten().flatten().flatten().next();
    learnt.learn_name(id, name.as_deref());
    Ok(name.map(Vec::into_boxed_slice))
}

/// Statements that may look at LAST_INSERT_ID(), or change it without a word.
pub(super) fn touches_insert_id(facts: &Facts) -> bool {
    let effects = Effects::LAST_INSERT_ID | Effects::OPAQUE | Effects::UNKNOWN_FUNCTION | Effects::SEVERAL_STATEMENTS;
    matches!(facts.kind, Kind::Call | Kind::Execute | Kind::Do | Kind::Unknown) || facts.effects.intersects(effects)
}

/// Statements that may make one, and see nothing of the one before.
fn may_make_insert_id(facts: &Facts) -> bool {
    let makes = matches!(facts.kind, Kind::Insert | Kind::Replace | Kind::Load | Kind::Ddl);
    makes && !facts.effects.contains(Effects::LAST_STATEMENT)
}

/// What a failed question of Forebay's own means for the lease.
pub(super) fn control_refusal(error: ControlError) -> Refusal {
    match error {
        ControlError::Refused(payload) => Refusal::Refused(payload),
        error => Refusal::Unreachable(error.to_string()),
    }
}

/// The same for a question that only the session's home could answer.
fn home_refusal(error: ControlError) -> Refusal {
    match error {
        ControlError::Refused(payload) => Refusal::Refused(payload),
        error => Refusal::StateLost(error.to_string()),
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        control_refusal(error)
    }
}
