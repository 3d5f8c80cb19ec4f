//! Patterns as `ProxySQL` writes them → as Forebay reads them.

use super::Row;
use crate::routing::rules;

/// With its flags (without any said, case does not matter), if Forebay can read it.
pub(super) fn expression(row: &Row, pattern: &str) -> Result<String, String> {
    let modifiers = row.text("re_modifiers").unwrap_or("CASELESS").to_ascii_uppercase();
    let pattern = if modifiers.contains("CASELESS") { format!("(?i){pattern}") } else { pattern.to_owned() };
    match rules::expression(&pattern) {
        Ok(_) => Ok(pattern),
        Err(error) => {
            let why = error.to_string();
            Err(why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}

/// `\1` → `${1}`.
pub(super) fn replacement(with: &str) -> String {
    let (mut text, mut chars) = (String::new(), with.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek().and_then(|next| next.to_digit(10))) {
            ('\\', Some(digit)) => {
                chars.next();
                text.push_str(&format!("${{{digit}}}"));
            }
            ('$', _) => text.push_str("$$"),
            _ => text.push(c),
        }
    }
    text
}

/// `10.0.%` → `10.0.0.0/16`; empty: any address.
pub(super) fn network(pattern: &str) -> Option<String> {
    if pattern.parse::<std::net::IpAddr>().is_ok() {
        return Some(pattern.to_owned());
    }
    if pattern == "%" {
        return Some(String::new());
    }
    let known: Vec<&str> = pattern.strip_suffix('%')?.strip_suffix('.')?.split('.').collect();
    let is_octet = |part: &&str| part.parse::<u8>().is_ok();
    if !(1..=3).contains(&known.len()) || !known.iter().all(is_octet) {
        return None;
    }
    let zeros = std::iter::repeat_n("0", 4 - known.len());
    let address: Vec<&str> = known.iter().copied().chain(zeros).collect();
    Some(format!("{}/{}", address.join("."), 8 * known.len()))
}
