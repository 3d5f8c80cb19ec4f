//! A log line for people: `2026-11-23T10:45:39.123Z  WARN topology::probe: replica lags server="r1" lag_ms=1200`.

use std::{
    fmt::{self, Write},
    time::SystemTime,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer, time::FormatTime},
    registry::LookupSpan,
};

/// UTC in milliseconds, RFC 3339.
pub struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", humantime::format_rfc3339_millis(SystemTime::now()))
    }
}

/// One line an event, whatever is in it: control characters are written as escapes.
pub struct Text {
    /// With time and level.
    pub stamped: bool,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let color = out.has_ansi_escapes();
        let metadata = event.metadata();
        if self.stamped {
            stamp(&mut out, *metadata.level(), color)?;
        }
        let target = metadata.target();
        write!(out, "{}: ", target.strip_prefix("forebay::").unwrap_or(target))?;
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map_or("", |fields| fields.fields.as_str());
            write!(out, "{}", span.name())?;
            write!(Escaped(&mut out), "{{{}}}", strip_escapes(fields))?;
            out.write_str(": ")?;
        }
        let mut fields = Fields { out: &mut out, color, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        out.write_char('\n')
    }
}

/// Time and level.
fn stamp(out: &mut Writer<'_>, level: Level, color: bool) -> fmt::Result {
    if color {
        out.write_str("\x1b[2m")?;
    }
    Utc.format_time(out)?;
    if color {
        out.write_str("\x1b[0m")?;
    }
    let code = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    };
    if color { write!(out, " \x1b[{code}m{level:>5}\x1b[0m ") } else { write!(out, " {level:>5} ") }
}

/// The formatter of span fields colours them on a terminal; here they are read again as plain text.
fn strip_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// Writes the message as it is and every other field as `name=value` behind it.
struct Fields<'a, 'w> {
    out: &'a mut Writer<'w>,
    color: bool,
    result: fmt::Result,
}

impl Fields<'_, '_> {
    fn field(&mut self, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
        if field.name() == "message" {
            return write!(Escaped(self.out), "{value:?}");
        }
        match self.color {
            true => write!(self.out, " \x1b[2m{}=\x1b[0m", field.name())?,
            false => write!(self.out, " {}=", field.name())?,
        }
        write!(Escaped(self.out), "{value:?}")
    }
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_ok() {
            self.result = self.field(field, value);
        }
    }
}

/// Writes control characters as escapes, so that nothing logged can break a line or drive a terminal.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(i) = rest.find(char::is_control) {
            let (before, after) = rest.split_at(i);
            self.0.write_str(before)?;
            let mut characters = after.chars();
            if let Some(control) = characters.next() {
                write!(self.0, "{}", control.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}
