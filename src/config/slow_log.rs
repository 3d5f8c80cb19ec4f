//! `slow_log`: which statements it holds, where, and how.

use std::{path::PathBuf, time::Duration};

use super::{
    form::{self, Form, Words},
    secret::beside,
    section::Section,
    serving::set,
};
use crate::telemetry::{SlowLogFormat, SlowLogSettings};

const FORMAT: Words<SlowLogFormat> =
    Words { what: "a slow log format", words: &[("json", SlowLogFormat::Json), ("mysql", SlowLogFormat::MySql)] };

const MAX_FILES: Form<usize> = Form {
    what: "a number up to 1000",
    examples: "a whole number",
    parse: |text| (form::NUMBER.parse)(text).filter(|number| *number <= 1000),
};

/// Reads `slow_log`; `None`: there is no such file. Paths are relative to the configuration's folder.
pub fn read(root: &Section<'_>) -> Option<SlowLogSettings> {
    let section = root.section("slow_log")?;
    let file = section.get_at("file", &form::FILE);
    let mut settings = SlowLogSettings {
        file: PathBuf::new(),
        format: SlowLogFormat::default(),
        threshold: Duration::from_secs(1),
        literals: false,
        max_bytes: Some(100 << 20),
        max_files: 5,
    };
    set(&mut settings.format, section.word("format", &FORMAT).map(|format| format.value));
    set(&mut settings.threshold, section.get("threshold", &form::DURATION));
    set(&mut settings.literals, section.get("literals", &form::SWITCH));
    set(&mut settings.max_bytes, section.get("max_bytes", &form::SIZE_OR_OFF));
    set(&mut settings.max_files, section.get("max_files", &MAX_FILES));
    let file = file.map(|file| {
        let path = beside(root.findings().file(), &file.value);
        if !path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
            root.findings().warning(
                Some(file.at),
                format!(
                    "`slow_log.file`: the folder of {} does not exist (yet): Forebay does not make it",
                    path.display()
                ),
            );
        }
        path
    });
    section.finish();
    file.map(|file| SlowLogSettings { file, ..settings })
}
