//! What an answer depends on, written down.

use std::sync::Arc;

use super::super::{
    client::Client,
    engine::{Action, Request},
};
use crate::{
    cache::key::KeyWriter,
    routing::rules::Rule,
    session::{State, state::Birth},
    sql,
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities},
        command::{self, Command, byte},
        statement::Parameters,
    },
};

/// All that a session's answers depend on, but for the statement.
#[derive(Debug)]
pub(super) struct Scope {
    version: u64,
    birth: Arc<Birth>,
    user: Arc<str>,
    schema: Option<Vec<u8>>,
    /// Users share its answers.
    shared: bool,
    /// The session reads what is not committed.
    reads_uncommitted: bool,
    number: u64,
}

impl Scope {
    /// Nothing of the session has changed since.
    fn is_of(&self, state: &State) -> bool {
        self.version == state.version() && Arc::ptr_eq(&self.birth, &state.birth)
    }
}

impl Client {
    /// Everything that the answer depends on.
    pub(super) fn key(&mut self, request: &Request<'_>, rule: &Rule, key: &mut KeyWriter) -> Result<(), &'static str> {
        const UNKNOWN: &str = "its parameters are not known";
        let shared = rule
            .definition
            .cache
            .as_ref()
            .is_some_and(|cache| cache.shared_by.iter().any(|user| user == "*" || **user == *self.identity.name));
        // What is hinted at, and what tracers add, does not change the answer; which rule it is says whose tags it bears.
        let text = sql::bare(request.text, self.state.dialect());
        let scope = self.scope(request, shared);
        let Action::Execute { id } = request.action else {
            key.number(scope).number(0).bytes(rule.name().as_bytes()).bytes(text);
            return Ok(());
        };
        if request.payload.first() != Some(&byte::STMT_EXECUTE) {
            return Err("it executes for many rows at once");
        }
        let version = self.state.version();
        let (_, statement) = self.statements.get_mut(id).ok_or(UNKNOWN)?;
        if statement.version != version || statement.is_rewritten {
            return Err("the session has changed since it was prepared");
        }
        let Command::StmtExecute(execute) = command::parse(request.payload, self.capabilities) else {
            return Err(UNKNOWN);
        };
        let attributes = self.capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
        let parameters = Parameters::parse(&execute, statement.parameters, attributes).map_err(|_| UNKNOWN)?;
        if parameters.count != usize::from(statement.parameters) {
            return Err("it has attributes");
        }
        // The next execution may leave them out, whoever answers this one.
        if let Some(types) = parameters.types.filter(|types| statement.types.as_deref() != Some(*types)) {
            statement.types = Some(types.into());
        }
        let types = statement.types.as_deref().unwrap_or_default();
        if types.is_empty() && parameters.count > 0 {
            return Err(UNKNOWN);
        }
        let (nulls, values) = (parameters.null_bitmap, parameters.values);
        key.number(scope).number(1).bytes(rule.name().as_bytes()).bytes(text).bytes(nulls).bytes(types).bytes(values);
        Ok(())
    }

    /// Whether the session reads what is not committed.
    pub(super) fn reads_uncommitted(&self) -> bool {
        match &self.cached.scope {
            Some(scope) if scope.is_of(&self.state) => scope.reads_uncommitted,
            _ => self.state.reads_uncommitted(),
        }
    }

    /// The number of what the session's answers depend on.
    fn scope(&mut self, request: &Request<'_>, shared: bool) -> u64 {
        let (state, schema) = (&self.state, self.schema_of(request));
        if let Some(scope) = &self.cached.scope
            && scope.is_of(state)
            && Arc::ptr_eq(&scope.user, &self.identity.name)
            && scope.schema.as_deref() == schema
            && scope.shared == shared
        {
            return scope.number;
        }
        let mut all = KeyWriter::default();
        all.optional((!shared).then(|| self.identity.name.as_bytes()));
        all.optional(schema);
        all.number(u64::from(self.identity.charset));
        all.number(u64::from((self.capabilities - OF_NO_MATTER).bits()));
        all.number(u64::from((self.extended - MariaDbCapabilities::CACHE_METADATA).bits()));
        let dialect = sql::Dialect { multi_statements: false, ..state.dialect() };
        all.bytes(format!("{dialect:?}").as_bytes());
        state.settings(&mut |value| {
            all.optional(value);
        });
        let number = self.shared.cache.scopes.number(all.as_bytes());
        self.cached.scope = Some(Box::new(Scope {
            version: state.version(),
            birth: Arc::clone(&state.birth),
            user: Arc::clone(&self.identity.name),
            schema: schema.map(<[u8]>::to_vec),
            shared,
            reads_uncommitted: state.reads_uncommitted(),
            number,
        }));
        number
    }
}

/// Of the capabilities these change nothing in an answer's packets, or what they change is made good.
const OF_NO_MATTER: CapabilityFlags = CapabilityFlags::CLIENT_DEPRECATE_EOF
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_RESERVED)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_IGNORE_SIGPIPE)
    .union(CapabilityFlags::CLIENT_SSL_VERIFY_SERVER_CERT)
    .union(CapabilityFlags::CLIENT_REMEMBER_OPTIONS)
    .union(CapabilityFlags::CLIENT_COMPRESS)
    .union(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM)
    .union(CapabilityFlags::CLIENT_SSL)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LOCAL_FILES)
    .union(CapabilityFlags::CLIENT_INTERACTIVE)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS)
    .union(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
