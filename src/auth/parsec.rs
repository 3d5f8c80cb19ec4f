//! `parsec`, MariaDB's from 11.6 on: the client signs both sides' nonces with a key that is made of its password and of the
//! salt that the server has kept with its public key.
//!
//! The server's switch brings its nonce, an empty packet asks for the salt, and the answer to that is the signature.
//! <https://mariadb.com/kb/en/authentication-plugin-parsec/>

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use ed25519_dalek::{Signer, SigningKey};

/// Its name on the wire.
pub const NAME: &[u8] = b"parsec";
/// Bytes of each side's nonce.
const NONCE_BYTES: usize = 32;
/// Bytes of the salt.
const SALT_BYTES: usize = 18;
/// PBKDF2 with HMAC-SHA-512, the only one there is.
const ALGORITHM: u8 = b'P';
/// The highest power of two that is multiplied with 1024 rounds.
const MAX_FACTOR: u8 = 3;

/// The client's nonce and its signature; `None` if the server's nonce or salt are none.
pub fn answer(password: &[u8], server_nonce: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    answer_with(password, server_nonce, salt, rand::random())
}

fn answer_with(password: &[u8], server_nonce: &[u8], salt: &[u8], nonce: [u8; NONCE_BYTES]) -> Option<Vec<u8>> {
    if server_nonce.len() != NONCE_BYTES {
        return None;
    }
    let signature = key(password, salt)?.sign(&[server_nonce, &nonce].concat());
    Some([&nonce[..], &signature.to_bytes()].concat())
}

/// `salt` is what the server sends: the algorithm, the number of rounds, the salt.
fn key(password: &[u8], salt: &[u8]) -> Option<SigningKey> {
    let [ALGORITHM, factor @ 0..=MAX_FACTOR, salt @ ..] = salt else { return None };
    if salt.len() != SALT_BYTES {
        return None;
    }
    let rounds = NonZeroU32::new(1024 << factor)?;
    let mut seed = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, rounds, salt, password, &mut seed);
    Some(SigningKey::from_bytes(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};

    const NONCE: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

    /// Keys made with Python's `hashlib` and the arithmetic of RFC 8032.
    const KEYS: [(&[u8], &[u8; 20], [u8; 32]); 3] = [
        (
            b"secret",
            b"P\x00saltsaltsaltsaltsa",
            [
                0x83, 0x87, 0x90, 0x6a, 0xe3, 0xfe, 0xc2, 0xa0, 0x23, 0xb5, 0xba, 0x7c, 0xdd, 0xd0, 0xe5, 0xd9, 0x63,
                0x2a, 0xff, 0x5a, 0xd5, 0x79, 0x99, 0xfa, 0x28, 0x22, 0x95, 0x73, 0x56, 0x52, 0x2d, 0xd6,
            ],
        ),
        (
            b"",
            b"P\x01saltsaltsaltsaltsa",
            [
                0x53, 0x34, 0xe1, 0x99, 0xa7, 0x2a, 0x0b, 0x5d, 0xb4, 0xce, 0xca, 0x91, 0x8a, 0xd4, 0xd1, 0x12, 0x97,
                0xe9, 0xd5, 0xb4, 0x1c, 0xeb, 0x7b, 0x9d, 0x7b, 0x7f, 0x6f, 0x8f, 0xfc, 0x99, 0x1c, 0x51,
            ],
        ),
        (
            b"p\xc3\xa4",
            b"P\x03saltsaltsaltsaltsa",
            [
                0xb6, 0xa6, 0x0a, 0x30, 0xab, 0x44, 0xe0, 0xda, 0xc7, 0xdf, 0xc1, 0xe9, 0x5a, 0x9e, 0x9c, 0x2e, 0xb3,
                0xfc, 0x02, 0xb7, 0xf2, 0x3d, 0x84, 0x3b, 0x09, 0xa3, 0x7e, 0xd8, 0xf8, 0x2f, 0x81, 0xb4,
            ],
        ),
    ];

    #[test]
    fn the_signature_is_by_the_key_that_the_server_has() {
        for (password, salt, public) in KEYS {
            let answer = answer(password, NONCE, salt).unwrap();
            let (nonce, signature) = answer.split_at(NONCE_BYTES);
            let signature = Signature::from_slice(signature).unwrap();
            let key = VerifyingKey::from_bytes(&public).unwrap();
            key.verify_strict(&[NONCE, nonce].concat(), &signature).unwrap();
            assert_ne!(answer, super::answer(password, NONCE, salt).unwrap(), "a nonce that is not random");
        }
    }

    #[test]
    fn no_answer_to_what_is_no_challenge() {
        let salt = b"P\x00saltsaltsaltsaltsa";
        assert!(answer(b"secret", NONCE, salt).is_some());
        assert_eq!(answer(b"secret", &NONCE[..31], salt), None);
        for wrong in [&salt[..19], b"Q\x00saltsaltsaltsaltsa", b"P\x04saltsaltsaltsaltsa", b"P", b""] {
            assert_eq!(answer(b"secret", NONCE, wrong), None, "{wrong:?}");
        }
    }
}
