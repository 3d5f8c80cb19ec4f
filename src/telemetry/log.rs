//! The log: to stderr, as text for people or JSON for machines.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter};

use super::{
    level::LogLevel,
    settings::{LogFormat, LogSettings},
    text::{Text, Utc},
};

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none and no directive.
    #[error("log level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// There is a log already.
    #[error("the log was set up before")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
    /// There is no log any more.
    #[error("the log has ended: {0}")]
    Ended(#[from] tracing_subscriber::reload::Error),
}

/// Makes the process log to stderr from here on. Colour only where stderr is a terminal and `NO_COLOR` is not set.
///
/// # Errors
/// A level that is no filter, or a log that is there already.
pub fn init(settings: &LogSettings) -> Result<LogLevel, LogError> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = std::io::stderr().is_terminal() && !no_color;
    let (subscriber, level) = subscriber(settings, color, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(level)
}

/// The subscriber by itself, writing to where it is told.
pub(super) fn subscriber<W>(
    settings: &LogSettings,
    color: bool,
    writer: W,
) -> Result<(Box<dyn Subscriber + Send + Sync>, LogLevel), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = fmt::Subscriber::builder()
        .with_env_filter(EnvFilter::try_new(&settings.level)?)
        .with_writer(writer)
        .with_ansi(color);
    Ok(match settings.format {
        LogFormat::Text => {
            let builder = builder.event_format(Text).with_filter_reloading();
            let handle = builder.reload_handle();
            let level = LogLevel::new(&settings.level, move |filter| Ok(handle.reload(filter)?));
            (Box::new(builder.finish()), level)
        }
        // `timestamp`, `level`, `target`, `message` and the event's fields side by side; spans, if any, as a list.
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(false).with_timer(Utc);
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            let level = LogLevel::new(&settings.level, move |filter| Ok(handle.reload(filter)?));
            (Box::new(builder.finish()), level)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: &LogSettings, color: bool, log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let (subscriber, _) = subscriber(settings, color, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    fn some_events() {
        tracing::debug!("too quiet");
        let _span = tracing::info_span!("client", id = 7).entered();
        tracing::warn!(server = "r1", lag_ms = 1200, error = %"line one\nline two\x1b[31m", "replica lags");
    }

    #[test]
    fn text_is_one_plain_line_an_event() {
        let line = logged(&LogSettings::default(), false, some_events);
        let (time, rest) = line.split_at("2026-11-23T10:45:39.123Z".len());
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
        assert_eq!(
            rest,
            "  WARN telemetry::log::tests: client{id=7}: replica lags server=\"r1\" lag_ms=1200 \
             error=line one\\nline two\\u{1b}[31m\n"
        );
    }

    #[test]
    fn colour_comes_only_when_asked_for() {
        assert!(logged(&LogSettings::default(), true, some_events).contains("\x1b[33m WARN\x1b[0m"));
        assert!(!logged(&LogSettings::default(), false, some_events).contains('\x1b'));
    }

    #[test]
    fn json_has_stable_fields() {
        let settings = LogSettings { format: LogFormat::Json, ..LogSettings::default() };
        let line = logged(&settings, false, some_events);
        for part in [
            r#""timestamp":"2"#,
            r#""level":"WARN""#,
            r#""message":"replica lags""#,
            r#""server":"r1""#,
            r#""lag_ms":1200"#,
            r#""target":"forebay::telemetry::log::tests""#,
            r#""spans":[{"id":7,"name":"client"}]"#,
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn the_level_filters_by_module() {
        let settings = |level: &str| LogSettings { level: level.into(), ..LogSettings::default() };
        assert!(logged(&settings("error,forebay::telemetry=debug"), false, some_events).contains("too quiet"));
        assert_eq!(logged(&settings("error"), false, some_events), "");
        assert!(subscriber(&settings("forebay=loud"), false, std::io::stderr).is_err());
    }

    #[test]
    fn the_level_changes_while_it_logs() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let memory = Memory::default();
            let writer = memory.clone();
            let settings = LogSettings { format, ..LogSettings::default() };
            let (subscriber, level) = subscriber(&settings, false, move || writer.clone()).unwrap();
            tracing::subscriber::with_default(subscriber, || {
                tracing::debug!("before");
                level.set("debug").unwrap();
                tracing::debug!("after");
            });
            assert_eq!(level.get(), "debug");
            let said = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
            assert!(said.contains("after") && !said.contains("before"), "{said}");
        }
    }
}
