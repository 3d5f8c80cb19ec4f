//! The targets of `fuzz/` by their names. What they have learnt is replayed by `cargo test`.
#![allow(missing_docs, clippy::panic, reason = "a panic is the message")]

use crate::{auth, config, net, proxy, session, sql, topology, wire};

/// What a target does with bytes.
pub type Target = fn(&[u8]);

/// Each has a file in `fuzz/fuzz_targets` and one in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("auth_logins", auth::fuzz::logins),
    ("config_files", config::fuzz::configurations),
    ("config_rules", config::fuzz::rule_files),
    ("net_channel", net::fuzz::channels),
    ("net_proxy_header", net::fuzz::proxy_headers),
    ("proxy_relay", proxy::fuzz::relays),
    ("session_track", session::fuzz::reports),
    ("sql_facts", sql::fuzz::texts),
    ("sql_oracle", sql::fuzz::opinions),
    ("topology_positions", topology::fuzz::positions),
    ("wire_compressed", wire::fuzz::compressed),
    ("wire_handshake", wire::fuzz::handshake),
    ("wire_messages", wire::fuzz::messages),
    ("wire_packets", wire::fuzz::packets),
    ("wire_replies", wire::fuzz::replies),
];

/// Runs the target of that name.
///
/// # Panics
/// If there is none, or something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let Some((_, target)) = target else { panic!("no target {name}") };
    target(data);
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    }

    /// An input from its line: the escapes are those of `[u8]::escape_ascii`.
    fn unescape(line: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), line.bytes());
        while let Some(byte) = rest.next() {
            let escaped = if byte == b'\\' { rest.next() } else { None };
            bytes.push(match escaped {
                None => byte,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'x') => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                Some(other) => other,
            });
        }
        bytes
    }

    #[test]
    fn an_input_is_read_as_it_was_written() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&all.escape_ascii().to_string()), all);
    }

    #[test]
    fn the_corpus_holds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names(&fuzz.join("fuzz_targets")), known);
        assert_eq!(names(&fuzz.join("corpus")), known);
        for (name, target) in TARGETS {
            let corpus = fs::read_to_string(fuzz.join("corpus").join(name).with_extension("txt")).unwrap();
            let inputs: Vec<_> = corpus.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(inputs.len() > 5, "{name}: {} inputs", inputs.len());
            for input in inputs {
                // Shown only if the target panics.
                println!("{name}: {input}");
                target(&unescape(input));
            }
        }
    }
}
