//! Which database server is on this machine, and how its programs are called.

use super::{certificate::Certificate, error::DemoError};
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// Where servers are found although an ordinary user's PATH does not name the folder.
const MORE_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin"];

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// MariaDB.
    MariaDb,
    /// Oracle's MySQL, or something that behaves like it.
    MySql,
}

/// A server program that has said its version.
#[derive(Debug, Clone)]
pub struct Program {
    /// The file to run.
    pub server: PathBuf,
    /// Whose it is.
    pub kind: Kind,
    /// As it says itself, e.g. `10.11.6-MariaDB`.
    pub version: String,
    /// `mariadb-install-db`; MySQL's server makes its data folder itself.
    pub installer: Option<PathBuf>,
}

impl Program {
    /// The one that was asked for, or the first of `mariadbd` and `mysqld` on PATH.
    pub async fn find(asked: Option<&Path>) -> Result<Program, DemoError> {
        let folders = folders();
        let server = match asked {
            Some(path) if path.components().count() > 1 => Some(path.to_owned()),
            Some(name) => first_file(&folders, &[name]),
            None => first_file(&folders, &[Path::new("mariadbd"), Path::new("mysqld")]),
        };
        let Some(server) = server else {
            return Err(DemoError::NoServer { looked_in: listed(&folders) });
        };
        let (kind, version) = ask_version(&server).await?;
        let installer = match kind {
            Kind::MariaDb => Some(installer(&server, &folders)?),
            Kind::MySql => None,
        };
        Ok(Program { server, kind, version, installer })
    }

    /// The command that makes a data folder, root without a password and no test database.
    pub fn initialise(&self, data: &Path) -> Command {
        let mut command = match &self.installer {
            Some(installer) => {
                let mut command = Command::new(installer);
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                // Outside the system's folders the script can't guess where its own files are.
                if let Some(base) = installer.parent().and_then(Path::parent).filter(|base| *base != Path::new("/usr"))
                {
                    command.arg(option("--basedir=", base));
                }
                command
            }
            None => {
                let mut command = Command::new(&self.server);
                command.args(["--no-defaults", "--initialize-insecure"]);
                command
            }
        };
        command.arg(option("--datadir=", data)).args(as_root());
        // A starting MariaDB removes all temporary tables that it finds, another server's too.
        command.envs(data.parent().map(|folder| ("TMPDIR", folder)));
        command
    }

    /// The command that serves `folder/data`, with replication; `certificate` where the server makes none itself.
    pub fn serve(&self, folder: &Path, id: usize, port: u16, certificate: Option<&Certificate>) -> Command {
        let mut command = Command::new(&self.server);
        command.arg("--no-defaults").args(COMMON).args(match self.kind {
            Kind::MariaDb => MARIADB,
            Kind::MySql => MYSQL,
        });
        command
            .arg(option("--datadir=", &folder.join("data")))
            .arg(option("--tmpdir=", folder))
            .arg(option("--socket=", &folder.join("s")))
            .arg(option("--pid-file=", &folder.join("pid")))
            .arg(format!("--server-id={id}"))
            .arg(format!("--port={port}"))
            .args(as_root());
        if let Some(files) = certificate {
            command.arg(option("--ssl-cert=", &files.certificate)).arg(option("--ssl-key=", &files.key));
        }
        command
    }

    /// For people: `MariaDB 10.11.6`.
    pub fn title(&self) -> String {
        let number = self.version.split(['-', '+']).next().unwrap_or_default();
        match self.kind {
            Kind::MariaDb => format!("MariaDB {number}"),
            Kind::MySql => format!("MySQL {number}"),
        }
    }
}

/// Small and quick: this is a demonstration on somebody's laptop.
const COMMON: [&str; 12] = [
    "--bind-address=127.0.0.1",
    // Root's account is for `localhost`: with this it can't be reached over TCP.
    "--skip-name-resolve",
    "--log-bin=binlog",
    "--relay-log=relay",
    "--binlog-format=ROW",
    "--sync-binlog=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=32M",
    "--max-connections=200",
    "--max-allowed-packet=64M",
    "--local-infile=1",
    "--performance-schema=OFF",
];
const MARIADB: &[&str] = &["--log-slave-updates", "--gtid-strict-mode=ON"];
const MYSQL: &[&str] = &["--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF"];

/// Both servers refuse to run as root unless they are told to.
fn as_root() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    folders.extend(MORE_FOLDERS.map(PathBuf::from));
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// The first folder wins, as it does for a shell; within it the first name.
fn first_file(folders: &[PathBuf], names: &[&Path]) -> Option<PathBuf> {
    folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).find(|file| file.is_file())
}

fn listed(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

async fn ask_version(server: &Path) -> Result<(Kind, String), DemoError> {
    let wrong = |why: String| DemoError::NotAServer { path: server.to_owned(), why };
    let answer = Command::new(server)
        .args(["--no-defaults", "--version"])
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    read_version(&text).ok_or_else(|| {
        let said = if text.is_empty() { String::from_utf8_lossy(&answer.stderr).trim().to_owned() } else { text };
        wrong(format!("asked for its version it said `{said}`"))
    })
}

/// `/usr/sbin/mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)`.
fn read_version(text: &str) -> Option<(Kind, String)> {
    let mut words = text.split_whitespace().skip_while(|word| *word != "Ver").skip(1);
    let version = words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let kind = if text.contains("MariaDB") { Kind::MariaDb } else { Kind::MySql };
    Some((kind, version.to_owned()))
}

/// Beside the server, or where tarballs keep their scripts, or on PATH.
fn installer(server: &Path, folders: &[PathBuf]) -> Result<PathBuf, DemoError> {
    let base = server.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let mut places = vec![base.join("bin"), base.join("scripts")];
    places.extend_from_slice(folders);
    first_file(&places, &[Path::new("mariadb-install-db"), Path::new("mysql_install_db")])
        .ok_or_else(|| DemoError::NoInstaller { server: server.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_the_servers_apart() {
        let mariadb = "mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(read_version(mariadb), Some((Kind::MariaDb, "10.11.6-MariaDB-0+deb12u1".into())));
        let mysql = "/usr/sbin/mysqld  Ver 9.7.0 for Linux on x86_64 (MySQL Community Server - GPL)";
        assert_eq!(read_version(mysql), Some((Kind::MySql, "9.7.0".into())));
        assert_eq!(read_version("cat (GNU coreutils) 9.1"), None);
    }

    #[tokio::test]
    async fn what_is_no_server_is_named() {
        let error = Program::find(Some(Path::new("/bin/true"))).await.unwrap_err();
        assert!(error.to_string().contains("`/bin/true` is not a MySQL or MariaDB server"), "{error}");
    }
}
