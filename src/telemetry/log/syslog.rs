//! A line as the local log daemon takes it: `<priority>forebay[pid]: text` (RFC 3164 without the time and the host's name, which
//! the daemon knows: it is on this host, and gets the line at once).

use tracing::Level;

use super::line::{Line, head};

/// Longer ones some daemons cut themselves, or take for two.
const MAX_BYTES: usize = 8 << 10;

/// The datagram.
pub fn message(line: &Line, facility: u8) -> Vec<u8> {
    let priority = u32::from(facility) * 8 + u32::from(severity(line.level));
    let mut message = format!("<{priority}>forebay[{}]: ", std::process::id());
    message.push_str(head(&line.text, MAX_BYTES - message.len()));
    message.into_bytes()
}

/// As the journal counts, too.
pub fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn the_header_tells_facility_severity_and_who() {
        let line = |level, text: &str| Line {
            at: SystemTime::now(),
            level,
            module: "audit".into(),
            place: None,
            text: text.to_owned(),
        };
        let said = String::from_utf8(message(&line(Level::WARN, "topology: r1 lags"), 3)).unwrap();
        assert_eq!(said, format!("<28>forebay[{}]: topology: r1 lags", std::process::id()));
        assert!(message(&line(Level::ERROR, ""), 16).starts_with(b"<131>"));
        assert!(message(&line(Level::INFO, ""), 0).starts_with(b"<6>"));
        let long = message(&line(Level::TRACE, &"é".repeat(8 << 10)), 3);
        assert!((MAX_BYTES - 1..=MAX_BYTES).contains(&long.len()) && String::from_utf8(long).is_ok());
    }
}
