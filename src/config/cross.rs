//! What no section can see by itself: contradictions between them.

use std::path::Path;

use super::{
    error::Findings,
    section::{At, Section},
    tls::Tls,
};
use crate::{
    auth::{Secret, User},
    net::{Address, tls::Mode},
    proxy::{Listen, Settings},
    telemetry::{LogSettings, LogTarget},
    topology::ServerSettings,
};

/// TLS and Unix sockets, TLS and users.
pub fn check(
    findings: &Findings,
    tls: &Tls,
    listen: &[At<Listen>],
    servers: &[At<ServerSettings>],
    users: &[At<User>],
) {
    let only_unix = !listen.is_empty() && listen.iter().all(|listen| matches!(listen.value.address, Address::Unix(_)));
    if let Some(at) = tls.clients_required().filter(|_| only_unix) {
        findings.error(
            at,
            "`tls.clients.mode` is `required`, but clients can only come by Unix sockets, which have no TLS: \
                            add a TCP address to `listen`, or drop it",
        );
    }
    if tls.servers_required() {
        for server in servers.iter().filter(|server| matches!(server.value.address, Address::Unix(_))) {
            findings.error(server.at, format!(
                "server `{}` is a Unix socket, which has no TLS, but `tls.servers.mode` is `required`: make it `preferred`, or \
                 give the server's host:port",
                server.value.name
            ));
        }
    }
    for user in users.iter().filter(|user| user.value.require_tls) {
        let why = match (tls.clients.value.mode != Mode::Disabled, only_unix) {
            (false, _) => "`tls.clients.mode` is `disabled`",
            (true, true) => "clients can only come by Unix sockets, which have no TLS",
            (true, false) => continue,
        };
        findings.error(
            user.at,
            format!("user `{}` has `require_tls`, but {why}: nobody could log in as that user", user.value.name),
        );
    }
}

/// Two threads that write one file would rename it under each other's hands.
pub fn check_files(root: &Section<'_>, settings: &Settings, log: &LogSettings) {
    let log = match &log.target {
        LogTarget::File(file) => Some(&file.path),
        _ => None,
    };
    let slow = settings.slow_log.as_ref().map(|slow| &slow.log.file.path);
    let access = settings.access_log.as_ref().map(|access| &access.log.file.path);
    let mut seen: Vec<(&str, &Path)> = Vec::new();
    for (key, path) in [("slow_log", slow), ("access_log", access), ("log", log)] {
        let Some(path) = path else { continue };
        if let Some((other, _)) = seen.iter().find(|(_, other)| *other == path) {
            root.error(root.place(key), format!("`{key}.file` is `{other}.file`, too: each needs a file of its own"));
        }
        seen.push((key, path));
    }
}

/// What works but is probably not meant.
pub fn warn(findings: &Findings, users: &[At<User>], server_version: Option<&str>) {
    for user in users {
        let name = &user.value.name;
        if user.value.secrets.iter().any(|secret| matches!(secret, Secret::Plain(password) if password.is_empty())) {
            findings.warning(
                Some(user.at),
                format!("user `{name}` has an empty password: anybody can log in as that user"),
            );
        }
        if user.value.secrets.iter().any(|secret| matches!(secret, Secret::Ed25519(_))) {
            findings.warning(Some(user.at), format!(
                "of user `{name}` a client_ed25519 hash is known. What a client proves with that plugin opens no server: Forebay \
                 asks it for the password itself (caching_sha2_password over TLS or RSA), and one that insists on client_ed25519 \
                 gets nowhere. With `password` or `password_file` every client comes through"
            ));
        }
        if user.value.secrets.iter().any(|secret| matches!(secret, Secret::Native(_)))
            && is_or_may_be_mysql_9(server_version)
        {
            findings.warning(Some(user.at), format!(
                "of user `{name}` a mysql_native_password hash is known. That is enough to log in to MariaDB, and to MySQL where \
                 the account has this plugin; MySQL 9 has it no more: there give `password` or `password_file`"
            ));
        }
    }
}

/// Only a version that the configuration states says that no server is MySQL 9.
fn is_or_may_be_mysql_9(server_version: Option<&str>) -> bool {
    let Some(version) = server_version else { return true };
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    !version.contains("MariaDB") && major >= 9
}
