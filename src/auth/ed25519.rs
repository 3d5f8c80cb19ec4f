//! `client_ed25519`, MariaDB's: the client signs the server's nonce with a key that is made of its password.
//!
//! Ed25519 as in RFC 8032, but for the secret's origin: where the RFC hashes a seed of 32 bytes, this hashes the password.
//! The server stores the public key, and a signature tells nobody else's nonce: what a client proves here is of no use
//! towards another server.
//! <https://mariadb.com/kb/en/authentication-plugin-ed25519/>

use ed25519_dalek::{
    Signature, VerifyingKey,
    hazmat::{ExpandedSecretKey, raw_sign},
};
use sha2::{Digest, Sha512};

use super::{Credential, Secret, digest::sha256};

/// Bytes of the challenge; it has no closing zero and may hold zeros.
pub const NONCE_BYTES: usize = 32;

fn secret_key(password: &[u8]) -> ExpandedSecretKey {
    ExpandedSecretKey::from_bytes(&Sha512::digest(password).into())
}

/// What a server stores of a password.
pub fn public_key(password: &[u8]) -> [u8; 32] {
    VerifyingKey::from(&secret_key(password)).to_bytes()
}

/// Whether these bytes are a public key.
pub(super) fn is_public_key(bytes: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(bytes).is_ok()
}

/// The answer to a server's nonce: its signature. Of the empty password too.
pub fn answer(password: &[u8], nonce: &[u8]) -> [u8; 64] {
    let key = secret_key(password);
    raw_sign::<Sha512>(&key, nonce, &VerifyingKey::from(&key)).to_bytes()
}

/// A challenge that begins as the greeting's, from which it comes: what follows is no secret, and as little repeated.
pub(super) fn nonce(greeting: &[u8; 20]) -> [u8; NONCE_BYTES] {
    let mut nonce = sha256(&[greeting]);
    let (head, _) = nonce.split_at_mut(greeting.len());
    head.copy_from_slice(greeting);
    nonce
}

/// What a client's answer proves about `secret`, if anything.
pub(super) fn verify(secret: &Secret, answer: &[u8], nonce: &[u8]) -> Option<Credential> {
    let public_key = match secret {
        Secret::Plain(password) => public_key(password),
        Secret::Ed25519(public_key) => *public_key,
        Secret::Native(_) | Secret::Sha2 { .. } => return None,
    };
    let signature = Signature::from_slice(answer).ok()?;
    VerifyingKey::from_bytes(&public_key).ok()?.verify_strict(nonce, &signature).ok()?;
    Some(match secret {
        Secret::Plain(password) => Credential::Password(password.clone()),
        _ => Credential::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8; 32] = b"0123456789abcdefghijklmnopqrst\0\0";

    #[test]
    fn the_stored_key_is_what_servers_show() {
        // SELECT ed25519_password(…) on MariaDB 10.11.
        for (password, stored) in [
            ("secret", "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY"),
            ("", "4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4"),
        ] {
            assert_eq!(Secret::from_hash(stored), Ok(Secret::Ed25519(public_key(password.as_bytes()))), "{password}");
        }
    }

    #[test]
    fn an_answer_is_as_mysql_common_computes_it() {
        for password in [&b"secret"[..], b"", &[b'x'; 300]] {
            let expected = mysql_common::scramble::create_response_for_ed25519(password, NONCE);
            assert_eq!(answer(password, NONCE), expected, "{}", password.escape_ascii());
        }
    }

    #[test]
    fn the_right_answer_proves_a_plain_and_a_stored_password() {
        for password in [&b"secret"[..], b""] {
            let answer = answer(password, NONCE);
            let plain = Secret::Plain(password.to_vec());
            assert_eq!(verify(&plain, &answer, NONCE), Some(Credential::Password(password.to_vec())));
            let stored = Secret::Ed25519(public_key(password));
            assert_eq!(verify(&stored, &answer, NONCE), Some(Credential::Nothing));
        }
    }

    #[test]
    fn wrong_answers_prove_nothing() {
        let right = answer(b"secret", NONCE);
        let mut turned = right;
        turned[63] ^= 0x20;
        let other_nonce = answer(b"secret", &[7; 32]);
        for secret in [Secret::Plain(b"secret".to_vec()), Secret::Ed25519(public_key(b"secret"))] {
            for wrong in [&b""[..], &[0; 64], &right[..63], &turned, &other_nonce, &answer(b"Secret", NONCE)] {
                assert_eq!(verify(&secret, wrong, NONCE), None, "{secret:?} {wrong:02x?}");
            }
        }
        assert_eq!(verify(&Secret::Native([0; 20]), &right, NONCE), None);
    }

    #[test]
    fn challenges_begin_as_the_greetings_and_differ_with_them() {
        let (a, b) = (nonce(b"0123456789abcdefghij"), nonce(b"0123456789abcdefghik"));
        assert_eq!(&a[..20], b"0123456789abcdefghij");
        assert_ne!(a[20..], b[20..]);
    }

    proptest::proptest! {
        #[test]
        fn any_answer_is_judged_without_a_panic(
            answer in proptest::collection::vec(0u8.., 0..70), key: [u8; 32], nonce: [u8; 32]
        ) {
            proptest::prop_assert_eq!(verify(&Secret::Ed25519(key), &answer, &nonce), None);
            proptest::prop_assert_eq!(verify(&Secret::Plain(key.to_vec()), &answer, &nonce), None);
        }
    }
}
