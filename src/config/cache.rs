//! `cache`: what answers from memory may take, and how writes that bypass Forebay are seen.

use super::{
    form::{self, Form, Words},
    section::Section,
    serving::set,
};
use crate::cache::{OnStaleLog, Settings};

/// An answer longer than this would be a strain to keep.
const ENTRY_SIZE: Form<u64> = Form {
    what: "a size up to 64MiB",
    examples: "it as `256KiB` or `1MiB`",
    parse: |text| (form::SIZE.parse)(text).filter(|bytes| *bytes <= 64 << 20),
};

const ON_STALE: Words<OnStaleLog> = Words {
    what: "what to do while the binary log can't be read",
    words: &[("bypass", OnStaleLog::Bypass), ("ttl_only", OnStaleLog::TtlOnly)],
};

/// Reads `cache`.
pub fn read(root: &Section<'_>) -> Settings {
    let mut settings = Settings::default();
    let Some(section) = root.section("cache") else { return settings };
    set(&mut settings.max_bytes, section.get("max_bytes", &form::SIZE));
    let entry = section.get("max_entry_bytes", &ENTRY_SIZE);
    set(&mut settings.max_entry_bytes, entry.and_then(|bytes| usize::try_from(bytes).ok()));
    if settings.max_entry_bytes as u64 > settings.max_bytes {
        let place = section.place("max_entry_bytes");
        section.error(place, "`cache.max_entry_bytes` is above `cache.max_bytes`: nothing of that size is ever kept");
    }
    if let Some(log) = section.section("log") {
        set(&mut settings.follow_log, log.get("follow", &form::SWITCH));
        settings.server_id = log.get("server_id", &form::COUNT);
        set(&mut settings.on_stale_log, log.word("on_stale", &ON_STALE).map(|word| word.value));
        log.finish();
    }
    section.finish();
    settings
}
