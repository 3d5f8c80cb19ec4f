//! GTID text of both servers → entries. All or nothing: one unreadable part and the text says nothing.

use super::{MariaDbGtid, Source};

/// One part of a GTID set.
pub(super) enum Entry {
    MySql { source: Source, first: u64, last: u64 },
    MariaDb { domain: u32, gtid: MariaDbGtid },
}

/// Longest tag that MySQL allows.
const MAX_TAG_BYTES: usize = 32;

/// Every entry of the text; `None` if any is unreadable.
pub(super) fn entries(gtids: &[u8]) -> Option<Vec<Entry>> {
    // MySQL breaks long sets with newlines.
    let text: String = std::str::from_utf8(gtids).ok()?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let mut entries = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match part.contains(':') {
            true => mysql(part, &mut entries)?,
            false => entries.push(mariadb(part)?),
        }
    }
    Some(entries)
}

/// `uuid:1-5:7:tag:3`: a tag holds for the intervals behind it, until the next tag.
fn mysql(part: &str, entries: &mut Vec<Entry>) -> Option<()> {
    let mut fields = part.split(':');
    let uuid = uuid(fields.next()?)?;
    let mut tag: Box<str> = "".into();
    let mut numbers_seen = false;
    for field in fields {
        if field.starts_with(|c: char| c.is_ascii_digit()) {
            let (first, last) = interval(field)?;
            entries.push(Entry::MySql { source: Source { uuid, tag: tag.clone() }, first, last });
            numbers_seen = true;
        } else {
            tag = self::tag(field)?;
            numbers_seen = false;
        }
    }
    numbers_seen.then_some(())
}

fn uuid(text: &str) -> Option<u128> {
    let hex: String = text.chars().filter(|&c| c != '-').collect();
    let well_formed = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed.then(|| u128::from_str_radix(&hex, 16).ok()).flatten()
}

fn tag(text: &str) -> Option<Box<str>> {
    let lower = text.to_ascii_lowercase();
    let well_formed = (1..=MAX_TAG_BYTES).contains(&lower.len())
        && !lower.starts_with(|c: char| c.is_ascii_digit())
        && lower.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    well_formed.then(|| lower.into())
}

/// `7` or `1-5`; numbers begin at 1.
fn interval(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (1 <= first && first <= last).then_some((first, last))
}

/// `domain-server-sequence`.
fn mariadb(part: &str) -> Option<Entry> {
    let mut fields = part.split('-');
    let domain = u32::try_from(number(fields.next()?)?).ok()?;
    let server = u32::try_from(number(fields.next()?)?).ok()?;
    let sequence = number(fields.next()?)?;
    fields.next().is_none().then_some(Entry::MariaDb { domain, gtid: MariaDbGtid { server, sequence } })
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
