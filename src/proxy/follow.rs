//! Keeps the cache informed: what views and triggers reach, and what changes past Forebay.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use mysql_async::{Conn, prelude::Queryable};
use tokio::sync::mpsc;

use super::shared::Shared;
use crate::{
    cache::{
        Dependencies, Need, Store, Writing,
        dependencies::Definitions,
        figures::Cause,
        stamps::{EVERYTHING, slot},
        tables,
    },
    pool::birth,
    sql::{self, Dialect, Effects, Flavor, Kind},
    topology::{
        Position, ServerId,
        changes::{Change, Log, Place, Trouble},
        definitions,
        link::Link,
    },
};

/// Definitions are read again so often, for changes that nobody told of.
const DEFINITIONS_AGE: Duration = Duration::from_secs(60);
/// Between two looks at what is to be done, and after a failure.
const PAUSE: Duration = Duration::from_millis(200);
/// A primary has committed what stands in its log after so long at most, where it can't be asked. MariaDB writes the log and
/// commits in one go.
const COMMIT_TIME: Duration = Duration::from_millis(20);
/// How long a primary is asked whether it has.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads what views, triggers and cascades reach, at the start and whenever a schema may have changed.
pub async fn learn_definitions(shared: Arc<Shared>) {
    let mut read: Option<(ServerId, Instant)> = None;
    let mut said_lacks = false;
    loop {
        let primary = shared.topology.view().primary;
        let is_fresh = read.is_some_and(|(of, at)| Some(of) == primary && at.elapsed() < DEFINITIONS_AGE);
        let is_known = is_fresh && shared.cache.knows_dependencies() && shared.cache.wants_place().is_none();
        let is_wanted = shared.cache.is_used() && !is_known;
        if let (true, Some(link)) = (is_wanted, primary.and_then(|id| shared.topology.link(id))) {
            let changes = shared.cache.schema_changes();
            match definitions::read(&link, shared.live().settings.timeouts.connect).await {
                Ok(found) => {
                    let definitions::Found { views, triggers, cascades, lacks } = found;
                    if !lacks.is_empty() && !std::mem::replace(&mut said_lacks, true) {
                        tracing::warn!(
                            lacks = lacks.join(", "),
                            "the monitor user lacks rights to see all views and triggers: answers from memory may stay when a \
                             table behind them is written. GRANT SHOW VIEW, TRIGGER ON *.* to it"
                        );
                    }
                    let all = Definitions { views, triggers, cascades };
                    shared.cache.reach(Dependencies::of(&all, in_own_words(shared.flavor())));
                    // With it what was kept before the start is void; from here on answers are kept.
                    place_unwatched(&shared, &link).await;
                    shared.cache.learn(changes);
                    read = primary.map(|primary| (primary, Instant::now()));
                }
                Err(why) => {
                    tracing::warn!(
                        why,
                        "can't read what views and triggers reach: nothing is answered from memory until then"
                    );
                    tokio::time::sleep(5 * PAUSE).await;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shared.cache.schema_news.notified() => {}
            () = shared.stopping() => return,
        }
    }
}

/// Where the primary is now, so that answers come from replicas again that have what was written while nobody watched.
async fn place_unwatched(shared: &Shared, link: &Link) {
    let Some(number) = shared.cache.wants_place() else { return };
    let question = birth::has_query(shared.flavor());
    let ask = async {
        // What its log holds already it has committed by then.
        tokio::time::sleep(COMMIT_TIME).await;
        let mut conn = link.connect().await?;
        let position: Option<Option<String>> = conn.query_first(question).await?;
        let _ = conn.disconnect().await;
        Ok::<_, mysql_async::Error>(position.flatten())
    };
    match tokio::time::timeout(shared.live().settings.timeouts.connect, ask).await {
        Ok(Ok(position)) => {
            let position = position.and_then(|gtids| Position::parse(gtids.as_bytes()));
            // A server that does not number its transactions: replicas have had time enough after some time only.
            let need = position.filter(|position| !position.is_empty()).map_or_else(Need::unknown, |at| Need::at(&at));
            shared.cache.place(number, &need);
        }
        // It is tried again; until then the primary answers.
        _ => tokio::time::sleep(PAUSE).await,
    }
}

/// How far the log has been read.
struct Followed {
    place: Place,
    /// When the server was heard last.
    heard: Instant,
}

/// Follows the primary's binary log, while the configuration says so.
pub async fn follow_log(shared: Arc<Shared>) {
    let mut followed: Option<Followed> = None;
    let mut said = false;
    loop {
        let settings = shared.cache.settings();
        let primary = shared.topology.view().primary;
        let link =
            primary.filter(|_| settings.follow_log && shared.cache.is_used()).and_then(|id| shared.topology.link(id));
        if let (Some(link), Some(primary)) = (link, primary) {
            let server_id = settings.server_id.unwrap_or_else(|| rand::random_range(1 << 30..u32::MAX));
            let why = tokio::select! {
                why = read_on(&shared, &link, primary, &mut followed, server_id) => why,
                () = shared.stopping() => return,
            };
            shared.cache.set_log(false);
            if matches!(why, Trouble::Purged(_)) {
                followed = None;
            }
            if !std::mem::replace(&mut said, true) {
                tracing::warn!(%why, "the primary's binary log can't be read; it is tried again");
            }
        } else {
            // What happens now is not seen.
            followed = None;
            said = false;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shared.stopping() => return,
        }
        if shared.cache.has_log() {
            said = false;
        }
    }
}

async fn read_on(
    shared: &Arc<Shared>,
    link: &Link,
    primary: ServerId,
    followed: &mut Option<Followed>,
    server_id: u32,
) -> Trouble {
    let store = &shared.cache;
    let mut log = match Log::open(link, followed.as_ref().map(|followed| &followed.place), server_id).await {
        Ok(log) => log,
        Err(why) => return why,
    };
    let (closer, closing) = mpsc::unbounded_channel();
    let committed = Committed { link: link.clone(), store: Arc::clone(store), conn: None, flavor: log.flavor };
    let _closing = Ending(tokio::spawn(committed.end_all(closing)));
    match followed.take() {
        Some(before) if log.goes_on => {
            if before.place.server != log.place.server {
                // What the other one lost before anybody heard of it may have been read there.
                store.void_since(before.heard);
            }
        }
        _ => store.invalidate_all(Cause::Lost),
    }
    let why = read_changes(shared, &mut log, primary, &closer).await;
    *followed = Some(Followed { place: log.place, heard: log.heard });
    why
}

async fn read_changes(
    shared: &Shared,
    log: &mut Log,
    primary: ServerId,
    closer: &mpsc::UnboundedSender<Told>,
) -> Trouble {
    let store = &shared.cache;
    let mut is_open = false;
    loop {
        if !is_open && log.is_caught_up() {
            is_open = true;
            store.set_log(true);
            tracing::info!(file = %String::from_utf8_lossy(&log.place.file), at = log.place.at, goes_on = log.goes_on, "reads the primary's binary log");
        }
        match log.next().await {
            Ok(Some(change)) => take_in(store, log, &change, closer),
            Ok(None) => {}
            Err(why) => return why,
        }
        store.log_lag_ms.store(u64::try_from(log.lag.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if shared.topology.view().primary.is_some_and(|now| now != primary) {
            return Trouble::Lost("another server is the primary".to_owned());
        }
        if !store.settings().follow_log || !store.is_used() {
            return Trouble::Purged("it is not to be read any more".to_owned());
        }
    }
}

/// A write that the log tells of: it is over when the primary has committed it.
struct Told {
    /// `None`: the transaction has written nothing more.
    writing: Option<Writing>,
    position: Option<Position>,
}

fn take_in(store: &Arc<Store>, log: &Log, change: &Change, closer: &mpsc::UnboundedSender<Told>) {
    let slots = match change {
        Change::Table { schema, table } => vec![slot(schema, table)],
        Change::Unknown => vec![EVERYTHING],
        Change::Over(transaction) => {
            let _ = closer.send(Told { writing: None, position: Some(transaction.clone()) });
            return;
        }
        Change::Statement { schema, text } => {
            let dialect = in_own_words(log.flavor);
            let facts = sql::facts(text, dialect);
            let is_temporary = facts.effects.contains(Effects::CREATES_TEMPORARY_TABLE);
            if facts.kind == Kind::Ddl && !is_temporary {
                store.schema_changed();
            }
            let mut slots = tables::written_by(&facts, text, Some(schema), dialect);
            if text.contains(&b'"') {
                // Its session may have had ANSI_QUOTES.
                let dialect = Dialect::under(b"ANSI_QUOTES", log.flavor);
                slots.append(&mut tables::written_by(&sql::facts(text, dialect), text, Some(schema), dialect));
            }
            tables::sorted(slots)
        }
    };
    if slots.is_empty() {
        return;
    }
    store.invalidations.count(Cause::Log);
    let _ = closer.send(Told { writing: Some(store.begin_write(slots)), position: log.transaction.clone() });
}

/// Ends writes when the primary has committed them: what stands in its log may not be seen yet by who reads there.
struct Committed {
    link: Link,
    store: Arc<Store>,
    conn: Option<Conn>,
    flavor: Flavor,
}

impl Committed {
    async fn end_all(mut self, mut closing: mpsc::UnboundedReceiver<Told>) {
        let mut told = Vec::new();
        while closing.recv_many(&mut told, 1000).await > 0 {
            let mut position = Position::default();
            told.iter().filter_map(|told| told.position.as_ref()).for_each(|one| position.want_all(one));
            self.wait_for(&position).await;
            for Told { writing, position } in told.drain(..) {
                match (writing, position) {
                    (Some(writing), Some(position)) => writing.end_part(&Need::at(&position)),
                    (Some(writing), None) => writing.end_part(&Need::unknown()),
                    (None, Some(position)) => self.store.account_for(&position),
                    (None, None) => {}
                }
            }
        }
    }

    async fn wait_for(&mut self, position: &Position) {
        if position.is_empty() || matches!(self.flavor, Flavor::MariaDb { .. }) {
            return tokio::time::sleep(COMMIT_TIME).await;
        }
        let question = birth::wait_query(self.flavor, position, COMMIT_TIMEOUT);
        loop {
            let ask = async {
                let mut conn = match self.conn.take() {
                    Some(conn) => conn,
                    None => self.link.connect().await?,
                };
                let late: Option<Option<i64>> = conn.query_first(&question).await?;
                Ok::<_, mysql_async::Error>((conn, late.flatten() == Some(1)))
            };
            match tokio::time::timeout(2 * COMMIT_TIMEOUT, ask).await {
                Ok(Ok((conn, is_late))) => {
                    self.conn = Some(conn);
                    if !is_late {
                        return;
                    }
                    // Its replicas may keep it waiting (semi-synchronous replication). Whoever reads the log ends this too.
                }
                _ => return tokio::time::sleep(COMMIT_TIME).await,
            }
        }
    }
}

/// A task that ends with whoever has this.
struct Ending(tokio::task::JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How servers write definitions and statements down.
fn in_own_words(flavor: Flavor) -> Dialect {
    Dialect::under(b"", flavor)
}
