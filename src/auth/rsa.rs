//! The RSA exchange of caching_sha2_password where there is no TLS. The arithmetic is aws-lc's, in constant time.

use std::{fmt, sync::OnceLock};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{
        KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
        PublicEncryptingKey,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

/// Characters per line of a PEM file.
const PEM_LINE_BYTES: usize = 64;

/// A key pair of 2048 bits, made when first needed (which takes some hundred milliseconds).
#[derive(Default)]
pub struct RsaKey {
    pair: OnceLock<Option<Pair>>,
}

struct Pair {
    private: OaepPrivateDecryptingKey,
    public_pem: Vec<u8>,
}

impl RsaKey {
    /// A key that will be made when first needed.
    pub fn new() -> RsaKey {
        RsaKey::default()
    }

    /// The public key in PEM, as clients want it; `None` if the system could make no key.
    pub fn public_pem(&self) -> Option<&[u8]> {
        self.pair().map(|pair| &pair.public_pem[..])
    }

    /// What was encrypted for this key with OAEP (SHA-1); `None` if it was not.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        let private = &self.pair()?.private;
        let mut plain = vec![0; private.min_output_size()];
        let plain = private.decrypt(&OAEP_SHA1_MGF1SHA1, ciphertext, &mut plain, None).ok()?;
        Some(plain.to_vec())
    }

    fn pair(&self) -> Option<&Pair> {
        self.pair.get_or_init(generate).as_ref()
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey(..)")
    }
}

/// Encrypts for the public key that a server sent in PEM; `None` if that is no key, or too small for `plain`.
pub fn encrypt(public_pem: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(public_pem).ok()?;
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&der).ok()?).ok()?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let ciphertext = key.encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut ciphertext, None).ok()?;
    Some(ciphertext.to_vec())
}

fn generate() -> Option<Pair> {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).ok()?;
    let der = private.public_key().as_der().ok()?;
    let public_pem = to_pem(der.as_ref());
    Some(Pair { private: OaepPrivateDecryptingKey::new(private).ok()?, public_pem })
}

fn to_pem(der: &[u8]) -> Vec<u8> {
    let mut pem = b"-----BEGIN PUBLIC KEY-----\n".to_vec();
    for line in BASE64_STANDARD.encode(der).as_bytes().chunks(PEM_LINE_BYTES) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(b"-----END PUBLIC KEY-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_for_the_key_is_read_with_it() {
        let key = RsaKey::new();
        let pem = key.public_pem().unwrap();
        assert_eq!(key.decrypt(&encrypt(pem, b"secret\0").unwrap()).unwrap(), b"secret\0");
        assert_eq!(key.decrypt(b"garbage"), None);
        assert_eq!(key.decrypt(&[1; 256]), None);
    }

    #[test]
    fn no_key_and_too_much_are_refused() {
        let key = RsaKey::new();
        assert_eq!(encrypt(b"no key", b"x"), None);
        assert_eq!(encrypt(key.public_pem().unwrap(), &[0; 300]), None);
    }
}
