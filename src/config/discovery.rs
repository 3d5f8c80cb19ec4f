//! `discovery`: servers that are not listed one by one.

use super::{form, secret::beside, section::Section, serving::set};
use crate::topology::Discovery;

/// Reads `discovery`. Paths are relative to the configuration's folder.
pub fn read(root: &Section<'_>) -> Discovery {
    let mut discovery = Discovery::default();
    let Some(section) = root.section("discovery") else { return discovery };
    set(&mut discovery.interval, section.get("interval", &form::POSITIVE_DURATION));
    set(&mut discovery.replicas, section.get("replicas", &form::SWITCH));
    if let Some(file) = section.get_at("hosts_file", &form::FILE) {
        discovery.names.hosts = Some(beside(root.findings().file(), &file.value));
    }
    section.finish();
    discovery
}
