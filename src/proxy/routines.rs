//! Stored routines: what calling one leaves in a session is read from its body, once, and remembered.
//!
//! A session that has called one nobody has read is pinned. When it is about to let go of its connection the body is asked
//! for, over a connection of Forebay's own as the session's user, so that neither the session nor a statement feels it.
//! What can't be read (no right to see it, dynamic SQL, a loadable function) pins until the session is reset.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mysql_async::prelude::Queryable;

use super::{
    client::Client,
    engine::{Action, Request},
};
use crate::{
    pool::{ServerConnection, server::ControlError},
    session::{CallEnd, Called},
    sql::{
        Dialect, Flavor,
        lexer::has_mode,
        routine::{self, Deeds, MAX_BODY_BYTES},
    },
    topology::ServerId,
};

/// How long what was read holds: routines are changed by others, too.
const MAX_AGE: Duration = Duration::from_secs(60);
/// Routines remembered; past that all are forgotten and read anew.
const MAX_ROUTINES: usize = 2000;
/// A call that leads to more routines than these is not followed.
const MAX_CALLED: usize = 64;
/// How long reading may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a session that could not ask waits before it asks again.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of routines; shared by all clients.
#[derive(Debug, Default)]
pub struct Routines {
    known: Mutex<HashMap<Called, Entry>>,
    /// One reads at a time: who waited finds what the other has read.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `None`: it can't be read.
    deeds: Option<Arc<Deeds>>,
    read_at: Instant,
    /// [`Prepares::changes`](super::prepares::Prepares::changes) before it was read.
    changes: u64,
}

/// What a call does, with all that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Known(Vec<Arc<Deeds>>),
    Unreadable,
    /// These must be read first.
    Missing(Vec<Called>),
}

impl Routines {
    fn find(&self, called: &Called, changes: u64) -> Found {
        let known = self.lock();
        let (mut all, mut missing) = (Vec::new(), Vec::new());
        let (mut next, mut seen) = (vec![called.clone()], HashSet::new());
        while let Some(called) = next.pop() {
            if !seen.insert(called.clone()) {
                continue;
            }
            if seen.len() > MAX_CALLED {
                return Found::Unreadable;
            }
            let holds = |entry: &&Entry| entry.changes == changes && entry.read_at.elapsed() < MAX_AGE;
            match known.get(&called).filter(holds) {
                None => missing.push(called),
                Some(Entry { deeds: None, .. }) => return Found::Unreadable,
                Some(Entry { deeds: Some(deeds), .. }) => {
                    next.extend(deeds.calls.iter().map(|inner| Called::of(inner, &called.schema)));
                    all.push(Arc::clone(deeds));
                }
            }
        }
        if missing.is_empty() { Found::Known(all) } else { Found::Missing(missing) }
    }

    fn keep(&self, called: Called, deeds: Option<Deeds>, changes: u64) {
        let mut known = self.lock();
        if known.len() >= MAX_ROUTINES {
            known.clear();
        }
        known.insert(called, Entry { deeds: deeds.map(Arc::new), read_at: Instant::now(), changes });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Called, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// The routines that a statement has called, where they do all that its facts leave open.
    pub(super) fn called_by(&mut self, request: &Request<'_>) -> Option<Vec<Called>> {
        // Hardly any statement does: what is asked first is free.
        if !routine::does_the_rest(request.facts, request.text, self.state.dialect()) {
            return None;
        }
        // There `a.b()` may be a package's.
        if self.state.value("sql_mode").is_some_and(|mode| has_mode(mode, b"ORACLE")) {
            return None;
        }
        let schema = match request.action {
            Action::Execute { id } => self.statements.get_mut(id).and_then(|(_, statement)| statement.schema.clone()),
            _ => self.state.schema.as_deref().map(Into::into),
        };
        let schema = schema.and_then(|schema| String::from_utf8(schema.into_vec()).ok()).unwrap_or_default();
        request.facts.routines.iter().map(|routine| named(Called::of(routine, &schema))).collect()
    }

    /// Takes in what is known of the routines that the session has called.
    pub(super) fn settle_routines(&mut self) {
        let changes = self.shared.prepares.changes();
        for (called, end) in self.state.unread_routines() {
            match self.shared.routines.find(&called, changes) {
                Found::Known(all) => {
                    for deeds in &all {
                        self.take_deeds(deeds, end);
                    }
                    self.state.routine_read(&called, true);
                }
                Found::Unreadable => self.state.routine_read(&called, false),
                Found::Missing(_) => {}
            }
        }
    }

    fn take_deeds(&mut self, deeds: &Deeds, end: CallEnd) {
        self.state.routine_did(deeds, end.succeeded);
        let by_trigger = deeds.changes_rows && end.state_changed;
        if deeds.user_variables.is_empty() && !by_trigger {
            return;
        }
        let variables = self.user_variables.get_or_insert_default();
        variables.assigned_by(Some(deeds.user_variables.clone()));
        if by_trigger {
            variables.assigned_by(None);
        }
        let home = self.state.home.map(ServerId);
        if let Some(connection) = self.servers.iter_mut().find(|open| Some(open.id) == home) {
            connection.has_user_variables = true;
        }
    }

    /// Reads the routines that keep the session's connection, if there are such.
    pub(super) async fn read_routines(&mut self) {
        if !self.state.has_unread_routines() || self.routines_tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.routines_tried = Some(Instant::now());
        let shared = Arc::clone(&self.shared);
        let read = async {
            let _turn = shared.routines.reading.lock().await;
            self.read_missing().await
        };
        match tokio::time::timeout(READ_TIMEOUT, read).await {
            Ok(Ok(())) => self.routines_tried = None,
            Ok(Err(why)) => tracing::debug!(client = self.place.handle.id, why, "a routine could not be asked for"),
            Err(_) => tracing::debug!(client = self.place.handle.id, "routines were not told in time"),
        }
        self.settle_routines();
        // Nothing was asked: only what they say of the session may be other.
        self.note_pins(0);
    }

    async fn read_missing(&self) -> Result<(), String> {
        let Some(home) = self.state.home.map(ServerId) else { return Ok(()) };
        let mut connection = None;
        // A body names the next ones.
        for _ in 0..MAX_CALLED {
            let changes = self.shared.prepares.changes();
            let found =
                self.state.unread_routines().into_iter().map(|(called, _)| self.shared.routines.find(&called, changes));
            let missing: Vec<_> = found
                .filter_map(|found| match found {
                    Found::Missing(missing) => Some(missing),
                    _ => None,
                })
                .flatten()
                .collect();
            if missing.is_empty() {
                break;
            }
            let asked = match &mut connection {
                Some(open) => open,
                None => connection.insert(self.shared.control_connection(&self.live, &self.identity, home).await?),
            };
            for called in missing {
                let deeds = match ask(asked, &called).await? {
                    Answer::Hidden => self.ask_as_monitor(home, &called).await,
                    Answer::Routine(definition) => Some(definition),
                    Answer::None => None,
                };
                let deeds = deeds.and_then(|definition| definition.deeds(self.state.dialect().flavor));
                tracing::debug!(
                    client = self.place.handle.id,
                    schema = called.schema,
                    name = called.name,
                    known = deeds.is_some(),
                    "a routine is read"
                );
                self.shared.routines.keep(called, deeds, changes);
            }
        }
        if let Some(mut connection) = connection {
            connection.channel.close().await;
        }
        Ok(())
    }

    /// What the session's user must not see the monitor user may.
    async fn ask_as_monitor(&self, server: ServerId, called: &Called) -> Option<Definition> {
        let mut conn = self.shared.topology.link(server)?.connect().await.ok()?;
        let [body, parameters] = questions(called);
        let (body, sql_mode): (Option<Vec<u8>>, Option<Vec<u8>>) = conn.query_first(body).await.ok()??;
        let parameters = conn.query(parameters).await.ok()?;
        let _ = conn.disconnect().await;
        Some(Definition { body: body?, sql_mode: sql_mode?, parameters })
    }
}

/// What a server says of a routine.
enum Answer {
    Routine(Definition),
    /// There is one, of which this user must not see more.
    Hidden,
    None,
}

struct Definition {
    body: Vec<u8>,
    sql_mode: Vec<u8>,
    parameters: Vec<Vec<u8>>,
}

impl Definition {
    fn deeds(&self, flavor: Flavor) -> Option<Deeds> {
        let parameters: Vec<_> = self.parameters.iter().map(Vec::as_slice).collect();
        routine::deeds(&self.body, &parameters, dialect_of(&self.sql_mode, flavor)?)
    }
}

/// Asks a server for a routine. `Err`: it did not answer.
async fn ask(connection: &mut ServerConnection, called: &Called) -> Result<Answer, String> {
    let answers = match connection.control(&questions(called)).await {
        Ok(answers) => answers,
        Err(ControlError::Refused(_)) => return Ok(Answer::None),
        Err(error) => return Err(error.to_string()),
    };
    let mut answers = answers.into_iter();
    let mut rows = answers.next().unwrap_or_default().into_iter();
    let parameters = answers.next().unwrap_or_default().into_iter().flatten().flatten().collect();
    let (Some(row), None) = (rows.next(), rows.next()) else { return Ok(Answer::None) };
    Ok(match <[_; 2]>::try_from(row) {
        Ok([Some(body), Some(sql_mode)]) => Answer::Routine(Definition { body, sql_mode, parameters }),
        Ok(_) => Answer::Hidden,
        Err(_) => Answer::None,
    })
}

/// The body and its `sql_mode`; the names of the parameters. All in UTF-8, whatever the connection speaks.
fn questions(called: &Called) -> [String; 2] {
    let text = |column: &str| format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)");
    let kind = if called.is_procedure { "PROCEDURE" } else { "FUNCTION" };
    let hex = |name: &str| name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (schema, name) = (hex(&called.schema), hex(&called.name));
    let is_it = |schema_column: &str, name_column: &str| {
        format!("{schema_column}=_utf8mb4 x'{schema}' AND {name_column}=_utf8mb4 x'{name}' AND ROUTINE_TYPE='{kind}'")
    };
    [
        format!(
            "SELECT LEFT({},{}),{} FROM information_schema.ROUTINES WHERE {} AND ROUTINE_BODY='SQL' \
             AND COALESCE(EXTERNAL_LANGUAGE,'SQL')='SQL' LIMIT 10",
            text("ROUTINE_DEFINITION"),
            MAX_BODY_BYTES + 1,
            text("SQL_MODE"),
            is_it("ROUTINE_SCHEMA", "ROUTINE_NAME"),
        ),
        format!(
            "SELECT {} FROM information_schema.PARAMETERS WHERE {} AND PARAMETER_NAME IS NOT NULL LIMIT 1000000",
            text("PARAMETER_NAME"),
            is_it("SPECIFIC_SCHEMA", "SPECIFIC_NAME"),
        ),
    ]
}

/// How a body is read that was made under this `sql_mode`. `None`: in another language than here.
fn dialect_of(sql_mode: &[u8], flavor: Flavor) -> Option<Dialect> {
    (!has_mode(sql_mode, b"ORACLE")).then(|| Dialect::under(sql_mode, flavor))
}

/// Where no schema is known there is none to ask for.
fn named(called: Called) -> Option<Called> {
    (!called.schema.is_empty()).then_some(called)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Routine;

    fn called(name: &str) -> Called {
        Called { schema: "app".into(), name: name.into(), is_procedure: false }
    }

    fn calling(names: &[&str]) -> Option<Deeds> {
        let routine = |name: &&str| Routine { schema: None, name: (*name).into(), is_procedure: false };
        Some(Deeds { calls: names.iter().map(routine).collect(), ..Deeds::default() })
    }

    #[test]
    fn all_that_a_call_leads_to_must_be_known() {
        let routines = Routines::default();
        assert_eq!(routines.find(&called("f"), 0), Found::Missing(vec![called("f")]));
        routines.keep(called("f"), calling(&["g"]), 0);
        assert_eq!(routines.find(&called("f"), 0), Found::Missing(vec![called("g")]));
        routines.keep(called("g"), calling(&["f"]), 0);
        assert!(matches!(routines.find(&called("f"), 0), Found::Known(all) if all.len() == 2), "each once");
        routines.keep(called("g"), None, 0);
        assert_eq!(routines.find(&called("f"), 0), Found::Unreadable);
        assert_eq!(routines.find(&called("f"), 1), Found::Missing(vec![called("f")]), "a schema has changed");
    }

    #[test]
    fn names_are_data() {
        let [body, _] = questions(&Called { name: "f' OR 1".into(), ..called("f") });
        assert!(body.contains("ROUTINE_NAME=_utf8mb4 x'6627204f522031'"), "{body}");
    }
}
