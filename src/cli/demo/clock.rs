//! The time of day where the reader sits.

use std::time::{SystemTime, UNIX_EPOCH};
use tokio::process::Command;

const DAY_MS: i128 = 86_400_000;

/// Turns a moment into a time of day. The offset is asked for once: nobody watches a demonstration across a change of the clocks.
#[derive(Debug, Clone)]
pub struct Clock {
    offset_minutes: i32,
}

impl Clock {
    /// Universal time.
    pub fn utc() -> Clock {
        Clock { offset_minutes: 0 }
    }

    /// As the system's `date` says; universal time if it does not.
    pub async fn local() -> Clock {
        let said = Command::new("date").arg("+%z").kill_on_drop(true).output().await;
        let text = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        offset(text.trim()).map_or_else(Clock::utc, |offset_minutes| Clock { offset_minutes })
    }

    /// `14:03:27.120`.
    pub fn time(&self, at: SystemTime) -> String {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let local = i128::try_from(since).unwrap_or(0) + i128::from(self.offset_minutes) * 60_000;
        let ms = local.rem_euclid(DAY_MS);
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1_000)
    }
}

/// `+0130` is 90 minutes.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    Some(sign * (hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn offsets_are_read() {
        for (text, minutes) in
            [("+0000", Some(0)), ("+0130", Some(90)), ("-0330", Some(-210)), ("", None), ("CET", None)]
        {
            assert_eq!(offset(text), minutes, "{text}");
        }
    }

    #[test]
    fn the_day_wraps_around() {
        let clock = Clock { offset_minutes: -60 };
        assert_eq!(clock.time(UNIX_EPOCH + Duration::from_millis(1_500)), "23:00:01.500");
    }
}
