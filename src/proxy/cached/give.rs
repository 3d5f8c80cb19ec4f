//! How an answer from memory is given.

use std::{sync::atomic::Ordering, time::Duration};

use super::{
    super::{
        client::{Client, End},
        engine::{Action, Request},
        hand_over::LastStatement,
        relay::{Outcome, columns_digest},
    },
    Note,
};
use crate::{
    cache::{
        Entry, Reply,
        entry::Dress,
        figures::{self, Figures},
    },
    routing::{Consistency, Decision},
    session::Diagnostics,
    telemetry::{QueryEvent, queries::bounded_text},
    wire::capability::{MariaDbCapabilities, StatusFlags},
};

/// An answer from this size on is written from where it is.
const LONG_BYTES: usize = 16 << 10;

impl Client {
    /// Gives an answer from memory.
    pub(in crate::proxy) async fn give(
        &mut self,
        request: &Request<'_>,
        decision: &Decision,
        entry: &Entry,
    ) -> Result<(), End> {
        let Some(reply) = &entry.reply else { return Ok(()) };
        let dress = self.dress(request, reply);
        match reply.as_is(&dress, self.channel.seq) {
            Some((packets, next)) if is_long(reply) => {
                self.channel.send_through(packets).await.map_err(End::Gone)?;
                self.channel.seq = next;
            }
            _ => self.push_reply(reply, &dress),
        }
        self.channel.push_framed(|out, seq| reply.push_end(out, &dress, seq));
        let elapsed = self.given(request, (decision.consistency, entry), reply);
        self.note_told_hit(request, decision, reply.rows, elapsed);
        self.channel.flush().await.map_err(End::Gone)?;
        // A long one takes its time.
        self.meter.goes_on();
        Ok(())
    }

    /// How an answer is to look for this client.
    pub(super) fn dress(&mut self, request: &Request<'_>, reply: &Reply) -> Dress {
        let keeps_definitions = self.extended.contains(MariaDbCapabilities::CACHE_METADATA);
        let has_other_columns = self.known_column_count(request).is_some_and(|known| u64::from(known) != reply.columns);
        let mut status = self.state.lasting_status();
        status.set(StatusFlags::SERVER_STATUS_METADATA_CHANGED, has_other_columns);
        Dress {
            capabilities: self.capabilities,
            keeps_definitions,
            has_definitions: keeps_definitions && self.has_definitions(request, reply),
            status,
        }
    }

    /// An answer without its end, to be written.
    pub(super) fn push_reply(&mut self, reply: &Reply, dress: &Dress) {
        match reply.as_is(dress, self.channel.seq) {
            Some((packets, next)) => {
                self.channel.to_send().extend_from_slice(packets);
                self.channel.seq = next;
            }
            None => self.channel.push_framed(|out, seq| reply.push(out, dress, seq)),
        }
    }

    /// An answer is on its way to the client: how long that has taken.
    pub(super) fn given(
        &mut self,
        request: &Request<'_>,
        (level, entry): (Consistency, &Entry),
        reply: &Reply,
    ) -> Duration {
        let age = self.meter.began().saturating_duration_since(entry.since);
        count_hit(&entry.terms.figures, entry, age);
        self.cached.note = Some(Note::Hit(age));
        self.has_read(entry, level);
        self.after_hit(request, reply);
        self.tell_hit(request, reply.rows)
    }

    /// Whether a client that keeps definitions has those of an answer; from now on it does.
    fn has_definitions(&mut self, request: &Request<'_>, reply: &Reply) -> bool {
        let Action::Execute { id } = request.action else { return false };
        let held = self.statements.get_mut(id).and_then(|(_, statement)| statement.columns.as_mut());
        let new = columns_digest(&reply.definitions());
        held.is_some_and(|held| std::mem::replace(held, new) == new)
    }

    /// What the session has become by a statement that no server has seen.
    fn after_hit(&mut self, request: &Request<'_>, reply: &Reply) {
        self.ping_owed = false;
        self.last_error = None;
        // It raised nothing, whatever the connections have still of statements before.
        let others = self.servers.iter().any(|open| open.warned);
        self.diagnostics = others.then(|| Box::new(Diagnostics::none()));
        (self.last_server, self.last_rows_server) = (None, None);
        self.last = LastStatement { found_rows: reply.rows, row_count: -1, ..LastStatement::NONE };
        self.state.warnings = 0;
        if let Action::Execute { id } = request.action {
            self.note_column_count(id, &Outcome { column_count: Some(reply.columns), ..Outcome::default() });
        }
    }

    fn tell_hit(&mut self, request: &Request<'_>, rows: u64) -> Duration {
        let elapsed = self.meter.hit(rows);
        self.shared.measured_hit(request, self.state.dialect(), elapsed, rows);
        self.shared.queries.record(|| QueryEvent {
            connection_id: self.place.handle.id,
            user: self.identity.name.clone(),
            server: None,
            reason: "cached",
            kind: request.facts.kind.name(),
            text: bounded_text(request.text),
            elapsed,
            rows,
            error: None,
        });
        elapsed
    }
}

/// Whether an answer is written from where it is.
pub(super) fn is_long(reply: &Reply) -> bool {
    reply.len() >= LONG_BYTES
}

fn count_hit(figures: &Figures, entry: &Entry, age: Duration) {
    let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    figures::count(&figures.hits);
    if age > entry.ttl {
        figures::count(&figures.stale);
    }
    figures.age_us.fetch_add(us(age), Ordering::Relaxed);
    figures.saved_us.fetch_add(us(entry.cost), Ordering::Relaxed);
}
