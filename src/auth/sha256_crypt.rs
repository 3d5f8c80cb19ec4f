//! The iterated SHA-256 that MySQL stores for `caching_sha2_password`: Ulrich Drepper's SHA-crypt, with 20 bytes of salt.
//! <https://www.akkadia.org/drepper/SHA-crypt.txt>

use sha2::{Digest, Sha256};

use super::digest::sha256;

/// Characters of crypt's own base 64.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of an encoded digest.
pub(super) const ENCODED_BYTES: usize = 43;

/// The 43 characters that stand behind the salt. Takes milliseconds per thousand rounds: that is its purpose.
pub(super) fn encoded(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    encode(&digest(password, salt, rounds))
}

/// The digest itself; comments name the steps of the specification.
fn digest(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut state = first_digest(password, salt);
    // 13 to 20: as many bytes as the password and the salt have.
    let password_digest = sha256(&vec![password; password.len()]);
    let password_bytes = stretch(&password_digest, password.len());
    let salt_digest = sha256(&vec![salt; 16 + usize::from(state[0])]);
    let salt_bytes = stretch(&salt_digest, salt.len());
    // 21: the rounds.
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut hasher = Sha256::new();
        hasher.update(if odd { &password_bytes[..] } else { &state[..] });
        if round % 3 != 0 {
            hasher.update(&salt_bytes);
        }
        if round % 7 != 0 {
            hasher.update(&password_bytes);
        }
        hasher.update(if odd { &state[..] } else { &password_bytes[..] });
        state = hasher.finalize().into();
    }
    state
}

/// 1 to 12: digest A, which has digest B in it.
fn first_digest(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let b = sha256(&[password, salt, password]);
    let mut a = Sha256::new();
    a.update(password);
    a.update(salt);
    a.update(stretch(&b, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        a.update(if bits & 1 == 1 { &b[..] } else { password });
        bits >>= 1;
    }
    a.finalize().into()
}

/// The digest repeated to `len` bytes.
fn stretch(digest: &[u8; 32], len: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(len).collect()
}

/// 22: three bytes become four characters, in an order of its own.
fn encode(digest: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ENCODED_BYTES);
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        push_group(&mut out, [digest[a], digest[b], digest[c]], 4);
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    push_group(&mut out, [0, digest[31], digest[30]], 3);
    out
}

/// Appends `characters` characters, lowest six bits first.
fn push_group(out: &mut Vec<u8>, [high, middle, low]: [u8; 3], characters: usize) {
    let mut bits = u32::from_be_bytes([0, high, middle, low]);
    for _ in 0..characters {
        out.push(ALPHABET[(bits & 0x3f) as usize]);
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crypt(password: &str, salt: &[u8], rounds: u32) -> String {
        String::from_utf8(encoded(password.as_bytes(), salt, rounds)).unwrap()
    }

    #[test]
    fn the_specifications_own_vectors() {
        let short = crypt("Hello world!", b"saltstring", 5000);
        assert_eq!(short, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
        let more = crypt("Hello world!", b"saltstringsaltst", 10_000);
        assert_eq!(more, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
        let long = "a very much longer text to encrypt.  This one even stretches over morethan one line.";
        assert_eq!(crypt(long, b"anotherlongsalts", 1400), "Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1");
    }

    #[test]
    fn what_a_mysql_server_stored() {
        // CREATE USER … IDENTIFIED BY 'secret' on MySQL 9.7: $A$00A$, so 10,000 rounds.
        let salt = [
            0x58, 0x40, 0x7c, 0x79, 0x47, 0x4f, 0x27, 0x5a, 0x25, 0x13, 0x3b, 0x01, 0x5f, 0x23, 0x6e, 0x7a, 0x7a, 0x30,
            0x05, 0x0c,
        ];
        assert_eq!(crypt("secret", &salt, 10_000), "ANt84RSgVwxnMuEinewcQUw48Eb/Kgr1fY6.bae6Cl7");
    }
}
