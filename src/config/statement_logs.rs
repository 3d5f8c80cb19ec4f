//! `slow_log` and `access_log`: which statements they hold, where, and how.

use std::time::Duration;

use super::{
    form::{self, Form, Words},
    rotation::rotation,
    section::Section,
    serving::set,
};
use crate::telemetry::{AccessLogSettings, EntryFormat, SlowLogSettings, StatementLogSettings};

const SLOW_FORMAT: Words<EntryFormat> =
    Words { what: "a slow log format", words: &[("json", EntryFormat::Json), ("mysql", EntryFormat::MySql)] };

const ACCESS_FORMAT: Words<EntryFormat> =
    Words { what: "an access log format", words: &[("json", EntryFormat::Json), ("text", EntryFormat::Text)] };

const SHARE: Form<f64> = Form {
    what: "a share",
    examples: "it as `1`, `0.1` or `0.001`",
    parse: |text| text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0),
};

/// Reads `slow_log`; `None`: there is no such file.
pub fn slow_log(root: &Section<'_>) -> Option<SlowLogSettings> {
    let section = root.section("slow_log")?;
    let mut threshold = Duration::from_secs(1);
    set(&mut threshold, section.get("threshold", &form::DURATION));
    let log = log(&section, &SLOW_FORMAT);
    section.finish();
    log.map(|log| SlowLogSettings { threshold, log })
}

/// Reads `access_log`; `None`: there is no such file.
pub fn access_log(root: &Section<'_>) -> Option<AccessLogSettings> {
    let section = root.section("access_log")?;
    let mut sample = 1.0;
    set(&mut sample, section.get("sample", &SHARE));
    let log = log(&section, &ACCESS_FORMAT);
    section.finish();
    log.map(|log| AccessLogSettings { sample, log })
}

fn log(section: &Section<'_>, formats: &Words<EntryFormat>) -> Option<StatementLogSettings> {
    let (mut format, mut literals) = (EntryFormat::default(), false);
    set(&mut format, section.word("format", formats).map(|format| format.value));
    set(&mut literals, section.get("literals", &form::SWITCH));
    let file = rotation(section)?.value;
    Some(StatementLogSettings { file, format, literals })
}
