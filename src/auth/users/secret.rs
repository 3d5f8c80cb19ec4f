//! A configured password: in plain, or as a server stores it.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::auth::{
    caching_sha2,
    digest::same,
    ed25519, native,
    sha256_crypt::{self, ENCODED_BYTES},
};

/// Bytes of salt in a `caching_sha2_password` hash.
const SALT_BYTES: usize = 20;
/// `$A$`, three characters of rounds, `$`.
const PREFIX_BYTES: usize = 7;
/// The longest password that `caching_sha2_password` takes.
const MAX_PASSWORD_BYTES: usize = 256;

/// A configured password. `Debug` never shows content.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Secret {
    /// The password itself.
    Plain(Vec<u8>),
    /// `*HEX40`: SHA1(SHA1(password)).
    Native([u8; 20]),
    /// caching_sha2_password's stored digest `$A$005$<20 bytes salt><43 characters>`.
    Sha2 {
        /// Rounds of hashing, a multiple of 1000.
        rounds: u32,
        /// The salt.
        salt: [u8; 20],
        /// The 43 characters.
        digest: Vec<u8>,
    },
    /// The 43 characters of client_ed25519: the public key of the password, in base64 without padding.
    Ed25519([u8; 32]),
}

impl Secret {
    /// Parses a stored hash: `*…`, `$A$…` or 43 characters of base64 as servers show it, or the second in hexadecimal (its
    /// salt is binary; MySQL shows it so with `print_identified_with_as_hex`). The error says what would be right.
    pub fn from_hash(text: &str) -> Result<Secret, String> {
        let text = text.trim_start().trim_end_matches(['\r', '\n']);
        if let Some(hex) = text.strip_prefix('*') {
            let stage2 = from_hex(hex).and_then(|bytes| bytes.try_into().ok());
            return stage2.map(Secret::Native).ok_or_else(|| {
                "a hash that begins with `*` has 40 hexadecimal digits behind it (SHA1 of SHA1 of the password)".into()
            });
        }
        if let Some(public_key) = parse_ed25519(text) {
            return Ok(Secret::Ed25519(public_key));
        }
        let bytes = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).or(Some(text)).and_then(from_hex)
        {
            Some(bytes) => bytes,
            None => text.as_bytes().to_vec(),
        };
        parse_sha2(&bytes).ok_or_else(|| {
            "not a password hash: write `*` and 40 hexadecimal digits (mysql_native_password), `$A$005$…` with 20 bytes of \
             salt and 43 characters, or the latter in hexadecimal (caching_sha2_password: SELECT \
             HEX(authentication_string) FROM mysql.user), or 43 characters of base64 (client_ed25519)"
                .into()
        })
    }

    /// Whether `password` is the one.
    pub(crate) fn is_password(&self, password: &[u8]) -> bool {
        match self {
            Secret::Plain(own) => same(own, password),
            Secret::Native(stage2) => same(&native::stage2(&native::stage1(password)), stage2),
            Secret::Sha2 { .. } if password.len() > MAX_PASSWORD_BYTES => false,
            Secret::Ed25519(public_key) => same(&ed25519::public_key(password), public_key),
            Secret::Sha2 { rounds, salt, digest } => same(&sha256_crypt::encoded(password, salt, *rounds), digest),
        }
    }

    /// Whether it is the empty password in plain.
    pub(crate) fn is_empty_password(&self) -> bool {
        matches!(self, Secret::Plain(password) if password.is_empty())
    }

    /// What caching_sha2_password's fast path is checked against, where the configuration says it.
    pub(crate) fn sha2_stage2(&self) -> Option<[u8; 32]> {
        match self {
            Secret::Plain(password) => Some(caching_sha2::stage2(&caching_sha2::stage1(password))),
            _ => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Secret::Plain(_) => "Plain(..)",
            Secret::Native(_) => "Native(..)",
            Secret::Sha2 { .. } => "Sha2(..)",
            Secret::Ed25519(_) => "Ed25519(..)",
        })
    }
}

/// `$A$`, thousands of rounds in three hexadecimal digits, `$`, salt, digest.
fn parse_sha2(bytes: &[u8]) -> Option<Secret> {
    let (prefix, rest) = bytes.split_at_checked(PREFIX_BYTES)?;
    let rounds = prefix.strip_prefix(b"$A$")?.strip_suffix(b"$")?;
    let thousands = u32::from_str_radix(std::str::from_utf8(rounds).ok()?, 16).ok()?;
    let (salt, digest) = rest.split_at_checked(SALT_BYTES)?;
    let whole = digest.len() == ENCODED_BYTES && digest.iter().all(u8::is_ascii_graphic) && thousands > 0;
    whole.then_some(Secret::Sha2 { rounds: thousands * 1000, salt: salt.try_into().ok()?, digest: digest.to_vec() })
}

/// The public key, where it is one.
fn parse_ed25519(text: &str) -> Option<[u8; 32]> {
    let public_key = STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()?;
    ed25519::is_public_key(&public_key).then_some(public_key)
}

/// Bytes of hexadecimal digits; `None` if they are none.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What MySQL 9.7 stored for `secret`.
    const HEX: &str = "2441243030412458407C79474F275A25133B015F236E7A7A30050C414E7438345253675677786E4D7545696E657763515577343845622F4B6772316659362E62616536436C37";

    /// What MariaDB 10.11 stored for it.
    const ED25519: &str = "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY";

    #[test]
    fn every_form_of_a_hash_knows_its_password() {
        let raw = String::from_utf8(from_hex(HEX).unwrap()).unwrap();
        for text in [HEX, &format!("0x{HEX}"), &raw, "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\n", ED25519] {
            let secret = Secret::from_hash(text).unwrap();
            assert!(secret.is_password(b"secret"), "{text}");
            assert!(!secret.is_password(b"Secret") && !secret.is_password(b"") && !secret.is_password(&[b'x'; 300]));
        }
        assert!(Secret::Plain(b"secret".to_vec()).is_password(b"secret"));
    }

    #[test]
    fn what_is_no_hash_is_refused_with_what_would_be_right() {
        for text in [
            "",
            "secret",
            "*",
            "*14E6",
            "$A$005$short",
            "$A$00g$",
            "0x",
            "0x24",
            &HEX[2..],
            "*é",
            "$A$000$",
            &ED25519[1..],
            &"A".repeat(44),
        ] {
            let error = Secret::from_hash(text).unwrap_err();
            assert!(error.contains("40 hexadecimal digits"), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*", tail in proptest::collection::vec(0u8..128, 0..80)) {
            let _ = Secret::from_hash(&text);
            let _ = Secret::from_hash(&format!("$A$005${}", String::from_utf8_lossy(&tail)));
        }
    }
}
