//! `mysql_native_password`: the client proves that it knows SHA1(password) without showing it.
//!
//! stage1 = SHA1(password), stage2 = SHA1(stage1), answer = stage1 XOR SHA1(nonce, stage2).
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods_native_password_authentication.html>

use super::{
    Credential, Secret,
    digest::{same, sha1, xor},
};

/// SHA1(password): what a client must know.
pub fn stage1(password: &[u8]) -> [u8; 20] {
    sha1(&[password])
}

/// SHA1(stage1): what a server stores.
pub fn stage2(stage1: &[u8; 20]) -> [u8; 20] {
    sha1(&[stage1])
}

/// The answer to a server's nonce.
pub fn answer(stage1: &[u8; 20], nonce: &[u8]) -> [u8; 20] {
    xor(stage1, &sha1(&[nonce, &stage2(stage1)]))
}

/// What a client's answer proves about `secret`, if anything. An empty answer stands for the empty password.
pub fn verify(secret: &Secret, answer: &[u8], nonce: &[u8]) -> Option<Credential> {
    if answer.is_empty() {
        return secret.is_empty_password().then(|| Credential::Password(Vec::new()));
    }
    let stored = match secret {
        Secret::Plain(password) if password.is_empty() => return None,
        Secret::Plain(password) => stage2(&stage1(password)),
        Secret::Native(stage2) => *stage2,
        Secret::Sha2 { .. } | Secret::Ed25519(_) => return None,
    };
    let stage1 = xor(answer.try_into().ok()?, &sha1(&[nonce, &stored]));
    same(&stage2(&stage1), &stored).then(|| match secret {
        Secret::Plain(password) => Credential::Password(password.clone()),
        _ => Credential::NativeStage1(stage1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8; 20] = b"0123456789abcdefghij";

    #[test]
    fn the_stored_hash_is_what_servers_show() {
        // SELECT PASSWORD('secret') on MariaDB.
        let Secret::Native(stored) = Secret::from_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7").unwrap() else {
            panic!("not native");
        };
        assert_eq!(stage2(&stage1(b"secret")), stored);
    }

    #[test]
    fn an_answer_is_as_mysql_common_computes_it() {
        let expected = mysql_common::scramble::scramble_native(NONCE, b"secret").unwrap();
        assert_eq!(answer(&stage1(b"secret"), NONCE), expected);
    }

    #[test]
    fn the_right_answer_proves_a_plain_and_a_hashed_password() {
        let answer = answer(&stage1(b"secret"), NONCE);
        let plain = Secret::Plain(b"secret".to_vec());
        assert_eq!(verify(&plain, &answer, NONCE), Some(Credential::Password(b"secret".to_vec())));
        let hashed = Secret::Native(stage2(&stage1(b"secret")));
        assert_eq!(verify(&hashed, &answer, NONCE), Some(Credential::NativeStage1(stage1(b"secret"))));
    }

    #[test]
    fn wrong_answers_prove_nothing() {
        let plain = Secret::Plain(b"secret".to_vec());
        for wrong in [&b""[..], b"x", &[0; 20], &[0; 21], &answer(&stage1(b"Secret"), NONCE)] {
            assert_eq!(verify(&plain, wrong, NONCE), None, "{wrong:?}");
        }
        let empty = Secret::Plain(Vec::new());
        assert_eq!(verify(&empty, b"", NONCE), Some(Credential::Password(Vec::new())));
        assert_eq!(verify(&empty, &answer(&stage1(b""), NONCE), NONCE), None);
    }
}
