//! Reloads when a file changes.
//!
//! The files are looked at every half a second rather than watched by the kernel: it is their contents behind all symbolic
//! links that count, as Kubernetes swaps them, as editors replace them, as network disks serve them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Reloader, Version};
use crate::config::rules;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// What a file was like; `None`: it is not there.
type Stamp = Option<(SystemTime, u64, u64)>;

/// Reloads whenever a file of the configuration has changed and then stayed as it is for a moment, so that one that is being
/// written is read when it is whole. Ends with Forebay.
pub async fn watch(reloader: Arc<Reloader>) {
    let mut looks = tokio::time::interval(INTERVAL);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut in_force, mut last) = (stamps(&reloader), None);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = reloader.shared().stopping() => return,
        }
        let now = stamps(&reloader);
        let rests = last.as_ref() == Some(&now);
        if rests && now != in_force {
            let names: Vec<_> = changed(&in_force, &now);
            reloader.reload(&format!("{} changed", names.join(", "))).await;
            // Other files may count now. What changed meanwhile is seen at the next look.
            let mut then = stamps(&reloader);
            for (path, stamp) in &mut then {
                if let Some((_, seen)) = now.iter().find(|(seen, _)| seen == path) {
                    *stamp = *seen;
                }
            }
            in_force = then;
        }
        last = Some(now);
    }
}

/// The files' names for the log.
fn changed(before: &[(PathBuf, Stamp)], now: &[(PathBuf, Stamp)]) -> Vec<String> {
    let differs = |path: &PathBuf| {
        let of = |list: &[(PathBuf, Stamp)]| list.iter().find(|(other, _)| other == path).map(|(_, stamp)| *stamp);
        of(before) != of(now)
    };
    let mut paths: Vec<_> = before.iter().chain(now).map(|(path, _)| path).filter(|path| differs(path)).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| path.display().to_string()).collect()
}

fn stamps(reloader: &Reloader) -> Vec<(PathBuf, Stamp)> {
    let version = reloader.lock().back().cloned();
    let mut files = vec![reloader.file.clone()];
    if let Some(version) = version {
        files.extend(of_version(&version));
    }
    files.into_iter().map(|path| (stamp(&path), path)).map(|(stamp, path)| (path, stamp)).collect()
}

fn of_version(Version { config, .. }: &Version) -> impl Iterator<Item = PathBuf> {
    let (clients, servers) = (&config.client_tls_settings, &config.server_tls_settings);
    let tls = [&clients.certificate, &clients.key, &clients.client_ca, &servers.ca, &servers.certificate, &servers.key];
    let (port, http) = (config.admin.port.as_ref(), config.admin.http.as_ref());
    let doors = port.map(|port| &port.tls).into_iter().chain(http.and_then(|http| http.tls.as_ref()));
    let tls = tls.into_iter().chain(doors.flat_map(|tls| [&tls.certificate, &tls.key]));
    // One that can't be read is told of by the reload that its loss causes.
    let rules = rules::files_in(&config.rules_folder).unwrap_or_default();
    config.secret_files.iter().chain(tls.flatten()).cloned().chain(rules).collect::<Vec<_>>().into_iter()
}

fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    // One that is put in another's place may be older.
    Some((metadata.modified().ok()?, metadata.ino(), metadata.len()))
}
