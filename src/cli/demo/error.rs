//! What can go wrong with the demonstration, said so that the reader knows what to do next.

use super::scratch::ROOM_FOR_NAMES;
use std::{io, path::PathBuf};

/// Each message is complete: it says what happened and what would help.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Neither server is on this machine.
    #[error(
        "no MySQL or MariaDB server found: looked for `mariadbd` and `mysqld` in {looked_in}.\n\
         Install one (a running service is not needed, only the program):\n\
         \x20   Debian, Ubuntu:  sudo apt-get install --no-install-recommends mariadb-server-core mariadb-client-core\n\
         \x20   Fedora:          sudo dnf install mariadb-server\n\
         \x20   macOS:           brew install mariadb\n\
         or say where it is: forebay demo --server /path/to/mariadbd"
    )]
    NoServer {
        /// The folders that were searched.
        looked_in: String,
    },
    /// `--server` names something that is no MySQL or MariaDB server.
    #[error("`{}` is not a MySQL or MariaDB server: {why}", path.display())]
    NotAServer {
        /// As given.
        path: PathBuf,
        /// What it said instead of its version.
        why: String,
    },
    /// MariaDB's server is there but the script that makes a data folder is not.
    #[error(
        "found {} but no `mariadb-install-db`, which makes its data folder; it belongs to the same package \
         (Debian, Ubuntu: mariadb-server-core)", server.display()
    )]
    NoInstaller {
        /// The server that was found.
        server: PathBuf,
    },
    /// Forebay's own port.
    #[error("port {port} of 127.0.0.1 is taken ({source}); choose another: forebay demo --port {}", port.wrapping_add(1))]
    PortTaken {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The scratch folder holds something.
    #[error("`{}` is not empty: the demonstration starts from nothing and would remove it at its end. Name a new or an empty folder", path.display())]
    NotEmpty {
        /// As given.
        path: PathBuf,
    },
    /// Unix sockets have short names.
    #[error("`{}` is too long a path for the servers' sockets (at most {ROOM_FOR_NAMES} bytes): name a shorter one with --dir", path.display())]
    PathTooLong {
        /// The scratch folder.
        path: PathBuf,
    },
    /// A server or the script that makes its data folder gave up.
    #[error("{name} did not start ({status}). The end of {} (kept with --keep):\n{tail}{hint}", log.display())]
    Start {
        /// `primary`, `replica1`…
        name: String,
        /// How it ended, or that it never answered.
        status: String,
        /// Where its messages are.
        log: PathBuf,
        /// The last lines of them.
        tail: String,
        /// What may help, on lines of its own; often empty.
        hint: String,
    },
    /// A statement failed on a server.
    #[error("{server}: {doing}: {source}")]
    Sql {
        /// Which server.
        server: String,
        /// What was being done.
        doing: &'static str,
        /// What the server said.
        source: mysql_async::Error,
    },
    /// A replica runs but does not have the primary's rows.
    #[error("{server} does not follow the primary: {why}")]
    NotFollowing {
        /// Which replica.
        server: String,
        /// What its replication status says.
        why: String,
    },
    /// A file or process could not be made.
    #[error("cannot {doing}: {source}")]
    Io {
        /// An infinitive: `make the folder /x`.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration is wrong, or not for the demonstration.
    #[error("{0}")]
    Config(String),
    /// Forebay itself did not come up.
    #[error("Forebay did not start: {0}")]
    Proxy(String),
}

impl DemoError {
    /// For `map_err` on an [`io::Error`]; `doing` is an infinitive.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> DemoError {
        move |source| DemoError::Io { doing: doing.into(), source }
    }

    /// For `map_err` on a failed statement.
    pub fn sql(server: &str, doing: &'static str) -> impl FnOnce(mysql_async::Error) -> DemoError {
        move |source| DemoError::Sql { server: server.to_owned(), doing, source }
    }
}
