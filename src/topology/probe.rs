//! Asks one server how it is: logs in as the monitor user, reads `read_only`, replication and position.
//!
//! The connection is kept between probes. A new one is tried at once when the kept one broke (an idle connection may be
//! closed by anybody), so that only a server that can't be reached *now* fails.

use std::{sync::Arc, time::Duration};

use mysql_async::{Conn, prelude::Queryable};

use super::{MayTake, Position, ServerSettings, Settings, flavor, link::Link, verdict::Observation};
use crate::{net::Address, sql::lexer::Flavor, wire::handshake::Greeting};

mod error;
mod grants;
mod greet;
#[cfg(test)]
mod live;
mod member;
mod status;
mod times;

use times::Wanted;

/// What one probe brought.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) observation: Observation,
    /// It numbers its transactions, as far as is known.
    pub(super) counts: bool,
    /// None: not known (as before).
    pub(super) position: Option<Position>,
    /// What new sessions begin with, hashed; None: not known (as before).
    pub(super) globals: Option<u64>,
    /// Set when the server was seen coming up.
    pub(super) greeting: Option<Arc<Greeting>>,
}

/// Watches one server.
pub(super) struct Prober {
    address: Address,
    link: Link,
    timeout: Duration,
    heartbeat: Option<String>,
    name: String,
    may_take: MayTake,
    kept: Option<Kept>,
    /// The greeting of the server's present life has been read.
    greeted: bool,
}

/// A connection and what it is connected to.
struct Kept {
    conn: Conn,
    flavor: Flavor,
    wanted: Wanted,
}

/// Why a probe ended early.
enum Trouble {
    Error(mysql_async::Error),
    TimedOut(Duration),
}

impl Prober {
    pub(super) fn new(server: &ServerSettings, settings: &Settings) -> Prober {
        let link = Link::new(server, settings);
        let (address, heartbeat) = (server.address.clone(), settings.heartbeat.clone());
        let (name, may_take) = (server.name.clone(), settings.may_take);
        let timeout = settings.connect_timeout;
        Prober { address, link, timeout, heartbeat, name, may_take, kept: None, greeted: false }
    }

    /// One probe; takes at most a few times the configured time-out.
    pub(super) async fn probe(&mut self) -> Found {
        match self.attempt().await {
            Ok(status::Status { answer, counts, position, globals }) => {
                let (observation, greeting) = (Observation::Seen(answer), self.greet().await);
                Found { observation, counts, position, globals, greeting }
            }
            Err(trouble) => {
                let observation = trouble.observation();
                self.kept = None;
                self.greeted &= matches!(observation, Observation::Blind { .. });
                let greeting = if matches!(observation, Observation::Blind { .. }) { self.greet().await } else { None };
                Found { observation, counts: true, position: None, globals: None, greeting }
            }
        }
    }

    /// Says goodbye to the server.
    pub(super) async fn close(self) {
        if let Some(kept) = self.kept {
            let _ = limit(self.timeout, kept.conn.disconnect()).await;
        }
    }

    async fn attempt(&mut self) -> Result<status::Status, Trouble> {
        if let Some(mut kept) = self.kept.take() {
            match self.ask(&mut kept).await {
                Ok(status) => {
                    self.kept = Some(kept);
                    return Ok(status);
                }
                Err(Trouble::Error(error)) if error::is_lost_connection(&error) => self.greeted = false,
                Err(trouble) => return Err(trouble),
            }
        }
        let mut kept = self.connect().await?;
        let status = self.ask(&mut kept).await?;
        self.kept = Some(kept);
        Ok(status)
    }

    async fn connect(&self) -> Result<Kept, Trouble> {
        let mut conn = limit(self.timeout, self.link.connect()).await?;
        let version: Option<Vec<u8>> = limit(self.timeout, conn.query_first("SELECT VERSION()")).await?;
        let flavor =
            version.and_then(|version| flavor::of_version(&version)).unwrap_or(Flavor::MySql { version: 80_000 });
        limit(self.timeout, conn.query_drop(times::IN_UTC)).await?;
        if !self.greeted {
            let grants = limit(self.timeout, grants::ask(&mut conn)).await?;
            grants.say(&self.name, self.may_take);
        }
        Ok(Kept { conn, flavor, wanted: Wanted { heartbeat: self.heartbeat.clone(), no_progress: false } })
    }

    async fn ask(&self, kept: &mut Kept) -> Result<status::Status, Trouble> {
        limit(self.timeout, status::ask(&mut kept.conn, kept.flavor, &mut kept.wanted)).await
    }

    /// The greeting, once for each time the server comes up; a failure is no verdict, it is tried again at the next probe.
    async fn greet(&mut self) -> Option<Arc<Greeting>> {
        if self.greeted {
            return None;
        }
        match tokio::time::timeout(self.timeout, greet::greeting(&self.address)).await {
            Ok(Ok(greeting)) => {
                self.greeted = true;
                Some(Arc::new(greeting))
            }
            Ok(Err(error)) => {
                tracing::debug!(address = %self.address, %error, "no greeting");
                None
            }
            Err(_) => None,
        }
    }
}

impl Trouble {
    fn observation(&self) -> Observation {
        match self {
            Trouble::Error(error) => error::observation(error),
            Trouble::TimedOut(time) => Observation::Silent { why: format!("no answer in {} s", time.as_secs_f32()) },
        }
    }
}

async fn limit<T>(time: Duration, work: impl Future<Output = mysql_async::Result<T>>) -> Result<T, Trouble> {
    match tokio::time::timeout(time, work).await {
        Ok(result) => result.map_err(Trouble::Error),
        Err(_) => Err(Trouble::TimedOut(time)),
    }
}
