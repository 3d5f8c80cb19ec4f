//! A log line on its way to the thread that writes it.

use std::{io, sync::Arc, time::SystemTime};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::telemetry::writing::Writing;

/// A log line.
#[derive(Debug, Clone)]
pub struct Line {
    /// When it was said.
    pub at: SystemTime,
    /// How grave it is.
    pub level: Level,
    /// Whose it is: a module's path, or `audit`.
    pub module: Box<str>,
    /// Where in the code, if that is known.
    pub place: Option<(Box<str>, u32)>,
    /// As it is written, without its end.
    pub text: String,
}

/// Hands lines to the thread that writes them.
#[derive(Debug, Clone)]
pub struct Lines(pub Arc<Writing<Line>>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Handing<'a>;

    fn make_writer(&'a self) -> Handing<'a> {
        Handing { to: &self.0, level: Level::INFO, module: "".into(), place: None }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Handing<'a> {
        let place = of.file().zip(of.line()).map(|(file, line)| (file.into(), line));
        Handing { to: &self.0, level: *of.level(), module: of.target().into(), place }
    }
}

/// For one event, which is written by one call.
#[derive(Debug)]
pub struct Handing<'a> {
    to: &'a Writing<Line>,
    level: Level,
    module: Box<str>,
    place: Option<(Box<str>, u32)>,
}

impl io::Write for Handing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.hand_over(|| Line {
            at: SystemTime::now(),
            level: self.level,
            module: self.module.clone(),
            place: self.place.clone(),
            text: String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned(),
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// So much of a text, whole characters.
pub fn head(text: &str, most_bytes: usize) -> &str {
    let end = (0..=most_bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
