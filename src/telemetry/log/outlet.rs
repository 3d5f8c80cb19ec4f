//! Where the log's own thread writes lines; what can't be written there goes to stderr.

use std::{
    io::{self, Write},
    path::Path,
    time::SystemTime,
};

use serde_json::json;
use tracing::Level;

use super::{journald, line::Line, socket::Socket, syslog};
use crate::telemetry::{
    rotated::Rotated,
    settings::{LogFormat, LogTarget},
    writing::{Sink, Trouble},
};

/// Where, and in which form.
#[derive(Debug)]
pub struct Outlet {
    to: To,
    format: LogFormat,
}

#[derive(Debug)]
enum To {
    File(Rotated),
    Syslog { socket: Socket, facility: u8 },
    Journald(Socket),
}

impl Outlet {
    /// `None`: lines go to stderr at once.
    pub fn new(target: &LogTarget, format: LogFormat) -> Option<Outlet> {
        let to = match target {
            LogTarget::Stderr => return None,
            LogTarget::File(file) => To::File(Rotated::new(file)),
            LogTarget::Syslog { socket, facility } => To::Syslog { socket: Socket::new(socket), facility: *facility },
            LogTarget::Journald { socket } => To::Journald(Socket::new(socket)),
        };
        Some(Outlet { to, format })
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        match &self.to {
            To::File(file) => file.path(),
            To::Syslog { socket, .. } | To::Journald(socket) => socket.path(),
        }
    }

    /// Whether whoever gets a line is told by other means when it was said and how grave it is.
    pub fn knows_time_and_level(&self) -> bool {
        !matches!(self.to, To::File(_))
    }

    /// A line as it is to stand on stderr.
    fn whole(&self, line: &Line) -> String {
        match self.format {
            LogFormat::Text if self.knows_time_and_level() => {
                format!("{} {:>5} {}\n", humantime::format_rfc3339_millis(line.at), line.level, line.text)
            }
            _ => format!("{}\n", line.text),
        }
    }

    /// A line of its own, for stderr.
    fn told(&self, at: SystemTime, trouble: &Trouble<'_>) -> String {
        let (at, path) = (humantime::format_rfc3339_millis(at), self.path().display());
        let (level, message, error, failed) = match trouble {
            Trouble::Failing { error, failed } => {
                (Level::WARN, "the log can't be written; its lines come here", Some(error.to_string()), Some(*failed))
            }
            Trouble::Over => (Level::INFO, "the log is written again; its lines come here no more", None, None),
        };
        match self.format {
            LogFormat::Text => {
                let error = error.map_or_else(String::new, |error| format!(" error={error}"));
                let failed = failed.map_or_else(String::new, |failed| format!(" failed={failed}"));
                format!("{at} {level:>5} telemetry::log: {message} to={path}{error}{failed}\n")
            }
            LogFormat::Json => {
                let line = json!({
                    "timestamp": at.to_string(), "level": level.as_str(), "target": "forebay::telemetry::log",
                    "message": message, "to": path.to_string(), "error": error, "failed": failed,
                });
                format!("{line}\n")
            }
        }
    }
}

impl Sink for Outlet {
    type Item = Line;

    fn open(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::File(file) => file.open(),
            To::Syslog { socket, .. } | To::Journald(socket) => socket.open(),
        }
    }

    fn close(&mut self) {
        match &mut self.to {
            To::File(file) => file.close(),
            To::Syslog { socket, .. } | To::Journald(socket) => socket.close(),
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        match &mut self.to {
            To::File(file) => file.write(format!("{}\n", line.text).as_bytes()),
            To::Syslog { socket, facility } => socket.send(&syslog::message(line, *facility)),
            To::Journald(socket) => socket.send(&journald::message(line)),
        }
    }

    fn lost(&mut self, line: &Line) {
        to_stderr(&self.whole(line));
    }

    fn tell(&mut self, trouble: &Trouble<'_>) {
        to_stderr(&self.told(SystemTime::now(), trouble));
    }
}

/// Where that fails, too, nothing is left to say it to.
fn to_stderr(line: &str) {
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_on_stderr_is_a_whole_line() {
        let socket = || Path::new("/dev/log").to_owned();
        let outlet = |format| Outlet::new(&LogTarget::Syslog { socket: socket(), facility: 3 }, format).unwrap();
        let at = SystemTime::UNIX_EPOCH;
        let line = |text: &str| Line { at, level: Level::WARN, module: "".into(), place: None, text: text.into() };
        assert_eq!(outlet(LogFormat::Text).whole(&line("pool: x")), "1970-01-01T00:00:00.000Z  WARN pool: x\n");
        assert_eq!(outlet(LogFormat::Json).whole(&line("{}")), "{}\n");
        let trouble = Trouble::Failing { error: &io::Error::other("full"), failed: 7 };
        assert_eq!(
            outlet(LogFormat::Text).told(at, &trouble),
            "1970-01-01T00:00:00.000Z  WARN telemetry::log: the log can't be written; its lines come here to=/dev/log error=full \
             failed=7\n"
        );
        let object: serde_json::Value = serde_json::from_str(&outlet(LogFormat::Json).told(at, &trouble)).unwrap();
        assert_eq!(
            (&object["failed"], &object["to"], &object["error"]),
            (&7.into(), &"/dev/log".into(), &"full".into())
        );
        assert!(
            outlet(LogFormat::Text).told(at, &Trouble::Over).contains(" INFO telemetry::log: the log is written again")
        );
    }
}
