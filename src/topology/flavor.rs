//! Whose SQL a server speaks, from its version string. Pure.

use crate::sql::lexer::Flavor;

/// `9.7.0`, `8.0.36-28.1`, `10.11.14-MariaDB-0+deb12u2`, `5.5.5-10.4.3-MariaDB` (the prefix that MariaDB put in front for
/// old replicas). None if it does not begin with a number.
pub fn of_version(version: &[u8]) -> Option<Flavor> {
    let text = String::from_utf8_lossy(version);
    let mariadb = text.to_ascii_lowercase().contains("mariadb");
    let numbers = if mariadb { text.strip_prefix("5.5.5-").unwrap_or(&text) } else { &text };
    let version = number(numbers)?;
    Some(if mariadb { Flavor::MariaDb { version } } else { Flavor::MySql { version } })
}

/// `10.11.14-x` → 101114; a missing part is 0.
fn number(text: &str) -> Option<u32> {
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>();
    let mut parts = text.split('.').map(digits);
    let major = parts.next()?.ok()?;
    let mut part = || parts.next().and_then(Result::ok).unwrap_or(0).min(99);
    major.checked_mul(10_000)?.checked_add(part() * 100)?.checked_add(part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, flavor) in [
            ("9.7.4", Some(Flavor::MySql { version: 90704 })),
            ("8.0.36-28.1", Some(Flavor::MySql { version: 80036 })),
            ("8.0.mysql_aurora.3.05.2", Some(Flavor::MySql { version: 80000 })),
            ("10.11.14-MariaDB-0+deb12u2", Some(Flavor::MariaDb { version: 101_114 })),
            ("5.5.5-10.4.3-mariadb", Some(Flavor::MariaDb { version: 100_403 })),
            ("5.5.5-MariaDB", None),
            ("", None),
            ("99999999999.1.1", None),
            ("4294967295.1.1", None),
        ] {
            assert_eq!(of_version(text.as_bytes()), flavor, "{text}");
        }
    }
}
