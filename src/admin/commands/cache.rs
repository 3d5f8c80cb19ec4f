//! `SHOW CACHE`, `SHOW CACHE ENTRIES`, `FLUSH CACHE`.

use std::sync::atomic::Ordering;

use super::{Answer, Failure};
use crate::{
    cache::{Entry, Store, Why, figures::Cause, stamps::slot, tables},
    config::reload::Reloader,
};

/// How an order to make answers void is written.
pub const ORDERS: &str = "FLUSH CACHE [TABLE schema.table | SCHEMA s | TAG t | RULE r | DIGEST d]";
/// Entries are shown up to this number, the largest first.
const MAX_SHOWN: usize = 1000;

/// A line for each rule, and one for all.
pub(super) fn cache(reloader: &Reloader) -> Answer {
    let store = &reloader.shared().cache;
    let rows = store.all_figures().into_iter().map(|(rule, of)| {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let hits = count(&of.hits);
        let cells = [
            rule.to_string(),
            hits.to_string(),
            count(&of.shared).to_string(),
            count(&of.stale).to_string(),
            count(&of.misses).to_string(),
            count(&of.fills).to_string(),
            count(&of.unfit).to_string(),
            count(&of.outrun).to_string(),
            count(&of.passed).to_string(),
            count(&of.evicted).to_string(),
            of.bytes.load(Ordering::Relaxed).max(0).to_string(),
            count(&of.age_us).checked_div(hits * 1000).unwrap_or_default().to_string(),
            (count(&of.saved_us) / 1000).to_string(),
            state(store).to_owned(),
        ];
        cells.map(Some).to_vec()
    });
    Answer::Table {
        columns: &[
            "rule",
            "hits",
            "shared",
            "stale",
            "misses",
            "fills",
            "unfit",
            "outrun",
            "passed",
            "evicted",
            "bytes",
            "mean_age_ms",
            "saved_ms",
            "state",
        ],
        rows: rows.collect(),
    }
}

/// Whether answers are given, and if not, why.
pub(crate) fn state(store: &Store) -> &'static str {
    match store.closed() {
        None if store.settings().follow_log && !store.has_log() => "open, without the log",
        None => "open",
        Some(Why::Unused) => "no rule caches anything",
        Some(Why::StaleLog) => "closed: the primary's binary log can't be read",
        Some(Why::Dependencies) => "closed: what views and triggers reach is not known yet",
    }
}

/// The largest entries; `like`: a pattern for the rule or the digest.
pub(super) fn entries(reloader: &Reloader, like: Option<&str>) -> Answer {
    let mut all: Vec<_> = reloader.shared().cache.entries();
    all.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.reply.as_ref().map_or(0, |reply| reply.len())));
    let is_meant = |entry: &Entry| {
        like.is_none_or(|like| is_like(&entry.rule, like) || is_like(&format!("{:016x}", entry.digest), like))
    };
    let rows = all.iter().filter(|(_, entry)| is_meant(entry)).take(MAX_SHOWN).map(|(_, entry)| {
        let reply = entry.reply.as_ref();
        let age = entry.since.elapsed();
        let cells = [
            entry.rule.to_string(),
            format!("{:016x}", entry.digest),
            reply.map_or(0, |reply| reply.len()).to_string(),
            reply.map_or(0, |reply| reply.rows).to_string(),
            age.as_millis().to_string(),
            entry.ttl.saturating_sub(age).as_millis().to_string(),
            entry.cost.as_micros().to_string(),
        ];
        cells.map(Some).to_vec()
    });
    Answer::Table {
        columns: &["rule", "digest", "bytes", "rows", "age_ms", "left_ms", "cost_us"],
        rows: rows.collect(),
    }
}

/// `%` for any text.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('%');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Makes answers void: `what` is `table`, `schema`, `tag`, `rule` or `digest`, or nothing for all.
///
/// # Errors
/// What is wrong with the order, and what would be right.
pub fn invalidate(store: &Store, what: Option<(&str, &str)>) -> Result<String, String> {
    let Some((what, name)) = what else {
        store.invalidate_all(Cause::Order);
        return Ok("every answer is void".to_owned());
    };
    if name.is_empty() {
        return Err(format!("`{what}` needs a name"));
    }
    let slots = match what {
        "table" => match name.rsplit_once('.') {
            Some((schema, table)) => vec![slot(schema.as_bytes(), table.as_bytes())],
            None => return Err(format!("`{name}` is a table without its schema: write schema.table")),
        },
        "schema" => vec![tables::schema_slot(name.as_bytes())],
        "tag" => vec![tables::tag_slot(name)],
        "rule" => vec![tables::rule_slot(name)],
        "digest" => match u64::from_str_radix(name, 16) {
            Ok(digest) => vec![tables::digest_slot(digest)],
            Err(_) => {
                return Err(format!(
                    "`{name}` is no digest: write its 16 hexadecimal digits, as SHOW DIGESTS has them"
                ));
            }
        },
        _ => return Err(format!("`{what}` is nothing to go by: write table, schema, tag, rule or digest")),
    };
    store.invalidate(slots, None, Cause::Order);
    Ok(format!("answers of the {what} {name} are void"))
}

/// `FLUSH CACHE …`.
pub(super) fn flush(reloader: &Reloader, text: &str) -> Result<Answer, Failure> {
    let words: Vec<&str> = text.split_whitespace().skip(2).collect();
    let store = &reloader.shared().cache;
    let done = match words[..] {
        [] => invalidate(store, None),
        [what, name] => {
            let name = name.trim_matches(['\'', '"']).replace('`', "");
            invalidate(store, Some((&what.to_ascii_lowercase(), &name)))
        }
        _ => Err(format!("it is written {ORDERS}")),
    };
    let done = done.map_err(Failure::Wrong)?;
    tracing::info!("{text} on the admin port: {done}");
    Ok(Answer::Done(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, is) in [
            ("catalog", "catalog", true),
            ("catalog", "Cat%", true),
            ("catalog", "%log", true),
            ("catalog", "%ta%o%", true),
            ("catalog", "%", true),
            ("catalog", "cat", false),
            ("catalog", "%x%", false),
            ("catalog", "%cat", false),
            ("aba", "a%a", true),
            ("a", "a%a", false),
        ] {
            assert_eq!(is_like(text, pattern), is, "{text} {pattern}");
        }
    }
}
