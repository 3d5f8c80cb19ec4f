//! `metrics`: what is counted of statements, beyond counting.

use super::{form, section::Section, serving::set};
use crate::proxy::Settings;

/// Reads `metrics`.
pub fn read(root: &Section<'_>, settings: &mut Settings) {
    if let Some(section) = root.section("metrics") {
        set(&mut settings.apdex_t, section.get("apdex_t", &form::POSITIVE_DURATION));
        section.finish();
    }
}
