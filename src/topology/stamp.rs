//! Times as servers write them, in UTC → microseconds since 1970. Pure.

/// `2026-11-28 22:33:12.001234`, also with `T` between and with fewer digits or none behind the point. What servers write for
/// "never" (`0000-00-00 …`) is None, as is what is no time.
pub fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let seconds = (days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    in_range.then_some(seconds * 1_000_000 + micros(fraction)?)
}

/// `0012` → 1200.
fn micros(fraction: &str) -> Option<i64> {
    let digits: String = fraction.chars().take(6).collect();
    format!("{digits:0<6}").parse().ok().filter(|micros| *micros >= 0)
}

/// Days from 1970-01-01 in the Gregorian calendar, by the years that begin in March: then the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("1970-01-02 00:00:01.5", Some(86_401_500_000)),
            ("2000-03-01 00:00:00.000001", Some(951_868_800_000_001)),
            ("2024-02-29T12:00:00.123456789", Some(1_709_208_000_123_456)),
            ("2026-11-28 22:33:12.001234", Some(1_795_905_192_001_234)),
            ("0000-00-00 00:00:00.000000", None),
            ("2026-11-28", None),
            ("2026-11-28 22:33", None),
            ("2026-13-28 22:33:12", None),
            ("2026-11-28 22:33:12.-1", None),
            ("2026-11-28 -1:33:12", None),
            ("now", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
