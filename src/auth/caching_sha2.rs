//! `caching_sha2_password`: a fast exchange that proves SHA256(password), and a full one that shows the password itself
//! over TLS or RSA.
//!
//! stage1 = SHA256(password), stage2 = SHA256(stage1), answer = stage1 XOR SHA256(stage2, nonce).
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html>

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use super::{
    Credential, Secret,
    digest::{same, sha256, xor},
};

/// Server to client: the fast exchange was enough, OK follows.
pub const FAST_AUTH_SUCCESS: u8 = 3;
/// Server to client: show the password.
pub const PERFORM_FULL_AUTH: u8 = 4;
/// Client to server, alone in a packet: send the RSA public key.
pub const REQUEST_PUBLIC_KEY: u8 = 2;

/// More entries than this and the cache starts anew; there are as many as users with a hash, and two during a rotation.
const MAX_ENTRIES: usize = 10_000;

/// SHA256(password).
pub fn stage1(password: &[u8]) -> [u8; 32] {
    sha256(&[password])
}

/// SHA256(stage1): what a server keeps in memory once it has seen the password.
pub fn stage2(stage1: &[u8; 32]) -> [u8; 32] {
    sha256(&[stage1])
}

/// The answer to a server's nonce.
pub fn answer(stage1: &[u8; 32], nonce: &[u8]) -> [u8; 32] {
    xor(stage1, &sha256(&[&stage2(stage1), nonce]))
}

/// The stage1 that `answer` proves, if it fits to `stage2`.
fn prove(stored: &[u8; 32], answer: &[u8], nonce: &[u8]) -> Option<[u8; 32]> {
    let stage1 = xor(answer.try_into().ok()?, &sha256(&[stored, nonce]));
    same(&stage2(&stage1), stored).then_some(stage1)
}

/// What a fast exchange proves about `user`'s `secret`, if anything. A hash is only known here after a full exchange.
pub(super) fn verify(
    user: &str,
    secret: &Secret,
    answer: &[u8],
    nonce: &[u8],
    cache: &Sha2Cache,
) -> Option<Credential> {
    match secret {
        Secret::Plain(password) if password.is_empty() => None,
        Secret::Plain(password) => {
            prove(&secret.sha2_stage2()?, answer, nonce).map(|_| Credential::Password(password.clone()))
        }
        _ => cache.open(user, secret, answer, nonce).map(Credential::Password),
    }
}

/// The password as it passes in a full exchange over RSA: with its closing zero, XORed with the nonce over and over.
pub(super) fn mask(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    password.iter().zip(nonce.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

/// What full exchanges have shown about users that are configured with a hash, so that the next one can be fast.
///
/// A password is kept only sealed with a key that comes from SHA256(password), which every fast exchange shows and which
/// can't be computed from what stands here: without a client that proves itself the memory holds no usable password.
#[derive(Default)]
pub struct Sha2Cache {
    entries: Mutex<HashMap<(String, Secret), Entry>>,
}

struct Entry {
    stage2: [u8; 32],
    sealed: Vec<u8>,
}

impl Sha2Cache {
    /// An empty one.
    pub fn new() -> Sha2Cache {
        Sha2Cache::default()
    }

    /// Remembers that `password` is the one behind `secret`.
    pub(super) fn remember(&self, user: &str, secret: &Secret, password: &[u8]) {
        if matches!(secret, Secret::Plain(_)) || password.is_empty() {
            return;
        }
        let stage1 = stage1(password);
        let entry = Entry { stage2: stage2(&stage1), sealed: seal(password, &stage1) };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert((user.to_owned(), secret.clone()), entry);
    }

    /// Forgets a user: the next login is a full exchange.
    pub fn forget(&self, user: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(name, _), _| name != user);
    }

    /// The password, if `answer` proves it.
    fn open(&self, user: &str, secret: &Secret, answer: &[u8], nonce: &[u8]) -> Option<Vec<u8>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&(user.to_owned(), secret.clone()))?;
        let stage1 = prove(&entry.stage2, answer, nonce)?;
        Some(seal(&entry.sealed, &stage1))
    }
}

impl fmt::Debug for Sha2Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha2Cache(..)")
    }
}

/// Seals with a stream of key blocks; its own inverse. One key seals one password only, so no nonce is needed.
fn seal(bytes: &[u8], stage1: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (block, number) in bytes.chunks(32).zip(0_u64..) {
        let key = sha256(&[b"forebay sealed password", stage1, &number.to_be_bytes()]);
        out.extend(block.iter().zip(key).map(|(byte, key)| byte ^ key));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8; 20] = b"0123456789abcdefghij";

    #[test]
    fn an_answer_is_as_mysql_common_computes_it() {
        let expected = mysql_common::scramble::scramble_sha256(NONCE, b"secret").unwrap();
        assert_eq!(answer(&stage1(b"secret"), NONCE), expected);
    }

    #[test]
    fn a_plain_password_is_proven_by_the_fast_exchange() {
        let cache = Sha2Cache::new();
        let secret = Secret::Plain(b"secret".to_vec());
        let answer = answer(&stage1(b"secret"), NONCE);
        assert_eq!(verify("app", &secret, &answer, NONCE, &cache), Some(Credential::Password(b"secret".to_vec())));
        assert_eq!(verify("app", &secret, &answer, b"another nonce 890123", &cache), None);
        assert_eq!(verify("app", &secret, &answer[1..], NONCE, &cache), None);
    }

    #[test]
    fn a_hash_is_proven_only_after_a_full_exchange() {
        let cache = Sha2Cache::new();
        let secret = Secret::from_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7").unwrap();
        let good = answer(&stage1(b"secret"), NONCE);
        assert_eq!(verify("app", &secret, &good, NONCE, &cache), None);
        cache.remember("app", &secret, b"secret");
        assert_eq!(verify("app", &secret, &good, NONCE, &cache), Some(Credential::Password(b"secret".to_vec())));
        assert_eq!(verify("app", &secret, &answer(&stage1(b"x"), NONCE), NONCE, &cache), None);
        assert_eq!(verify("other", &secret, &good, NONCE, &cache), None);
        assert!(!cache.entries.lock().unwrap().values().any(|entry| entry.sealed == b"secret"));
        cache.forget("app");
        assert_eq!(verify("app", &secret, &good, NONCE, &cache), None);
    }

    #[test]
    fn sealing_twice_opens() {
        let password = vec![b'p'; 100];
        assert_eq!(seal(&seal(&password, &[7; 32]), &[7; 32]), password);
    }
}
