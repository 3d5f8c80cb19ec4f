//! `discovery`: servers that are not listed one by one.

use std::path::PathBuf;

use super::{
    form::{self, Form},
    section::Section,
    serving::set,
};
use crate::topology::Discovery;

/// Reads `discovery`. Paths are relative to the configuration's folder.
pub fn read(root: &Section<'_>) -> Discovery {
    const FILE: Form<PathBuf> =
        Form { what: "a file", examples: "a path", parse: |text| (!text.is_empty()).then(|| PathBuf::from(text)) };
    let mut discovery = Discovery::default();
    let Some(section) = root.section("discovery") else { return discovery };
    set(&mut discovery.interval, section.get("interval", &form::POSITIVE_DURATION));
    set(&mut discovery.replicas, section.get("replicas", &form::SWITCH));
    if let Some(file) = section.get_at("hosts_file", &FILE) {
        let folder = root.findings().file().parent();
        let file = folder.map_or_else(|| file.value.clone(), |folder| folder.join(&file.value));
        discovery.names.hosts = Some(file);
    }
    section.finish();
    discovery
}
