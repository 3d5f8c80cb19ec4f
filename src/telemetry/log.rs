//! The log: as text for people or JSON for machines, to stderr, or by a thread of its own to a file, syslog or the journal.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::Arc,
};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, fmt,
    fmt::{MakeWriter, writer::BoxMakeWriter},
};

use self::{
    line::{Line, Lines},
    outlet::Outlet,
};
use super::{
    level::LogLevel,
    settings::{LogFormat, LogSettings},
    text::{Text, Utc},
    writing::{Counts, Sink, Writing},
};

mod journald;
mod line;
mod outlet;
mod socket;
mod syslog;

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
    /// Lines can't go where they are to go.
    #[error("the log can't be opened: {}: {error}", path.display())]
    Closed {
        /// A file or socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The log of this process.
#[derive(Debug)]
pub struct Log {
    /// How much is logged.
    pub level: LogLevel,
    /// What became of lines that do not go to stderr at once, for metrics.
    pub counts: Arc<Counts>,
    writing: Option<Arc<Writing<Line>>>,
}

impl Log {
    /// Somebody may have moved the file away: a new one is begun.
    pub fn reopen(&self) {
        if let Some(writing) = &self.writing {
            writing.reopen();
        }
    }

    /// Waits until what was said is written, for a bounded time.
    pub async fn finish(&self) {
        if let Some(writing) = &self.writing
            && !writing.finish().await
        {
            eprintln!("forebay: the log takes nothing: its last lines are lost");
        }
    }
}

/// Makes the process log from here on. Colour only where that is to stderr, a terminal, and `NO_COLOR` is not set.
///
/// # Errors
/// A level that is no filter, a log that is there already, a file or socket that can't be opened.
pub fn init(settings: &LogSettings) -> Result<Log, LogError> {
    let (subscriber, log) = prepare(settings)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(log)
}

fn prepare(settings: &LogSettings) -> Result<(Box<dyn Subscriber + Send + Sync>, Log), LogError> {
    let counts = Arc::<Counts>::default();
    let Some(mut outlet) = Outlet::new(&settings.target, settings.format) else {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let look = Look { color: io::stderr().is_terminal() && !no_color, stamped: true };
        let (subscriber, level) = subscriber(settings, look, BoxMakeWriter::new(io::stderr))?;
        return Ok((subscriber, Log { level, counts, writing: None }));
    };
    let (path, stamped) = (outlet.path().to_owned(), !outlet.knows_time_and_level());
    let closed = |error| LogError::Closed { path: path.clone(), error };
    outlet.open().map_err(closed)?;
    let writing = Arc::new(Writing::start("log", outlet, Arc::clone(&counts)).map_err(closed)?);
    let look = Look { color: false, stamped };
    let (subscriber, level) = subscriber(settings, look, Lines(Arc::clone(&writing)))?;
    Ok((subscriber, Log { level, counts, writing: Some(writing) }))
}

/// How a text line looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    color: bool,
    /// With time and level.
    stamped: bool,
}

/// The subscriber by itself, writing to where it is told.
fn subscriber<W>(
    settings: &LogSettings,
    look: Look,
    writer: W,
) -> Result<(Box<dyn Subscriber + Send + Sync>, LogLevel), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = fmt::Subscriber::builder()
        .with_env_filter(EnvFilter::try_new(&settings.level)?)
        .with_writer(writer)
        .with_ansi(look.color);
    Ok(match settings.format {
        LogFormat::Text => {
            let builder = builder.event_format(Text { stamped: look.stamped }).with_filter_reloading();
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
mod tests;
