//! Another configuration while clients are served: read, checked, tested, swapped in as a whole. The last ten versions are
//! kept, and each of them can be returned to.
//!
//! What is wrong changes nothing. What can't change while Forebay runs (its listeners, its threads, its log, where it sends
//! metrics) stays, and is told.

use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;

use super::{AdminTls, Config, ConfigErrors};
use crate::{
    net::tls::{ClientSide, ServerSide},
    proxy::Shared,
    telemetry::Topic,
};

mod changes;
mod watch;

pub use watch::watch;

/// How many versions can be returned to, the present one among them.
pub const MAX_VERSIONS: usize = 10;

/// Brings configurations into force.
#[derive(Debug)]
pub struct Reloader {
    file: PathBuf,
    shared: Arc<Shared>,
    /// Held from reading to the swap: one at a time.
    busy: tokio::sync::Mutex<()>,
    versions: Mutex<VecDeque<Arc<Version>>>,
    /// TLS at the operator's doors, by the files as they were read last.
    admin_tls: ArcSwap<AdminTls>,
    /// How often it was asked to.
    pub counts: Counts,
}

/// What became of reloads.
#[derive(Debug, Default)]
pub struct Counts {
    /// A version came into force, by a reload or a rollback.
    pub applied: AtomicU64,
    /// The files were in error.
    pub refused: AtomicU64,
}

/// A configuration that was in force.
#[derive(Debug)]
pub struct Version {
    /// Counted from 1 at the start.
    pub number: u64,
    /// Since when.
    pub since: SystemTime,
    /// Who or what asked for it.
    pub why: String,
    /// In what it differs from the one before.
    pub changes: Vec<String>,
    /// It.
    pub config: Config,
}

/// What a reload or a rollback did.
#[derive(Debug)]
pub enum Outcome {
    /// A version is in force that was not before.
    Applied {
        /// It.
        version: Arc<Version>,
        /// What it says otherwise, but only at the next start.
        later: Vec<&'static str>,
    },
    /// The files say what is in force; certificates and keys have been read again.
    Unchanged,
    /// They are in error: all stays as it is.
    Refused(ConfigErrors),
    /// No such version.
    Unknown {
        /// The one asked for.
        number: u64,
        /// Those that there are.
        known: Vec<u64>,
    },
}

impl Reloader {
    /// `config`, read from `file`, is in force: the first version.
    pub fn new(file: &Path, config: Config, shared: Arc<Shared>) -> Reloader {
        let admin_tls = ArcSwap::from_pointee(config.admin_tls.clone());
        let first = Version { number: 1, since: SystemTime::now(), why: "start".into(), changes: Vec::new(), config };
        Reloader {
            file: file.to_owned(),
            shared,
            busy: tokio::sync::Mutex::default(),
            versions: Mutex::new(VecDeque::from([Arc::new(first)])),
            admin_tls,
            counts: Counts::default(),
        }
    }

    /// The versions that can be returned to; the last is in force.
    pub fn versions(&self) -> Vec<Arc<Version>> {
        self.lock().iter().cloned().collect()
    }

    /// The version in force.
    pub fn current(&self) -> Option<Arc<Version>> {
        self.lock().back().cloned()
    }

    /// The file that it reads.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What is seen of TLS at the operator's doors now.
    pub fn admin_tls(&self) -> Arc<AdminTls> {
        self.admin_tls.load_full()
    }

    /// What the clients share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Reads the files again and brings them into force. What came of it is in the log, too.
    pub async fn reload(&self, why: &str) -> Outcome {
        let busy = self.busy.lock().await;
        let file = self.file.clone();
        // Hashes and tests take their time, and a file may be on a slow disk.
        let loaded = tokio::task::spawn_blocking(move || super::load(&file)).await;
        let outcome = match loaded {
            Ok(Ok(config)) => self.bring(config, why).await,
            Ok(Err(errors)) => Outcome::Refused(errors),
            Err(error) => Outcome::Refused(ConfigErrors::of_file(&self.file, format!("can't be read: {error}"))),
        };
        if matches!(outcome, Outcome::Refused(_)) {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        drop(busy);
        self.tell(why, &outcome);
        outcome
    }

    /// Returns to a version. The files stay as they are: the next reload reads them.
    pub async fn rollback(&self, number: u64) -> Outcome {
        let busy = self.busy.lock().await;
        let found = self.lock().iter().find(|version| version.number == number).cloned();
        let why = format!("rollback to version {number}");
        let outcome = match found {
            Some(version) => {
                let config = version.config.clone();
                drop(version);
                self.bring(with_present_certificates(config), &why).await
            }
            None => Outcome::Unknown { number, known: self.lock().iter().map(|version| version.number).collect() },
        };
        drop(busy);
        self.tell(&why, &outcome);
        outcome
    }

    async fn bring(&self, mut config: Config, why: &str) -> Outcome {
        let Some(before) = self.lock().back().cloned() else { return Outcome::Unchanged };
        let later = changes::keep_what_must_stay(&before.config, &mut config);
        let changes = changes::between(&before.config, &config);
        for warning in config.warnings.iter().filter(|warning| !before.config.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
        let (live, servers) = config.clone().into_parts();
        self.admin_tls.store(Arc::new(config.admin_tls.clone()));
        self.shared.apply(live, servers).await;
        if changes.is_empty() {
            tell_later(&later);
            return Outcome::Unchanged;
        }
        let number = before.number + 1;
        let version = Arc::new(Version { number, since: SystemTime::now(), why: why.to_owned(), changes, config });
        let mut versions = self.lock();
        versions.push_back(Arc::clone(&version));
        while versions.len() > MAX_VERSIONS {
            versions.pop_front();
        }
        self.counts.applied.fetch_add(1, Ordering::Relaxed);
        Outcome::Applied { version, later }
    }

    fn tell(&self, why: &str, outcome: &Outcome) {
        log(why, outcome);
        let bad = matches!(outcome, Outcome::Refused(_) | Outcome::Unknown { .. });
        self.shared.events.add(Topic::Config, bad, &format!("{why}: {outcome}"));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Version>>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An old version's certificates may have run out: what the files hold now is as good or better, if it can be read.
fn with_present_certificates(config: Config) -> Config {
    let loaded = || {
        let client_tls = ServerSide::load(&config.client_tls_settings)?;
        let server_tls = ClientSide::load(&config.server_tls_settings)?;
        let admin_tls = AdminTls::load(&config.admin).map_err(|(_, error)| error)?;
        Ok::<_, String>((client_tls, server_tls, admin_tls))
    };
    match loaded() {
        Ok((client_tls, server_tls, admin_tls)) => Config { client_tls, server_tls, admin_tls, ..config },
        Err(_) => config,
    }
}

fn log(why: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Applied { version, later } => {
            tracing::info!(version = version.number, "{why}: {}", version.changes.join("; "));
            tell_later(later);
        }
        Outcome::Unchanged => {
            tracing::info!(
                "{why}: certificates and keys were read again; new connections use them, nothing else has changed"
            );
        }
        Outcome::Refused(errors) => {
            for error in &errors.0 {
                tracing::error!("{why}: {error}");
            }
            tracing::error!(errors = errors.0.len(), "{why}: the configuration stays as it is");
        }
        Outcome::Unknown { .. } => tracing::warn!("{why}: {outcome}"),
    }
}

fn tell_later(later: &[&str]) {
    if !later.is_empty() {
        tracing::warn!("`{}` can't change while Forebay runs: it will at the next start", later.join("`, `"));
    }
}

/// One line for people.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Applied { version, later } => {
                write!(f, "version {} is in force: {}", version.number, version.changes.join("; "))?;
                if !later.is_empty() {
                    write!(f, "; at the next start: {}", later.join(", "))?;
                }
                Ok(())
            }
            Outcome::Unchanged => f.write_str("nothing has changed; certificates and keys were read again"),
            Outcome::Refused(errors) => write!(f, "refused, nothing has changed: {errors}"),
            Outcome::Unknown { number, known } => {
                let known = known.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "there is no version {number} any more: there are {known}")
            }
        }
    }
}
