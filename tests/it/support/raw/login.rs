//! The connection phase, as a client.

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine;
use mysql_common::constants::CapabilityFlags as Cap;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{
    bytes::{Fields, push_text},
    stream::Stream,
};

/// What a server says first.
#[derive(Debug, Clone)]
pub struct Greeting {
    pub version: String,
    pub connection_id: u32,
    pub nonce: Vec<u8>,
    pub capabilities: Cap,
    /// MariaDB's, of the filler; 0 elsewhere.
    pub extended: u32,
    pub charset: u8,
    pub status: u16,
    pub plugin: String,
}

impl Greeting {
    pub fn parse(payload: &[u8]) -> Greeting {
        let mut f = Fields(payload);
        assert_eq!(f.int(1), 10, "a greeting: {payload:02x?}");
        let version = String::from_utf8_lossy(f.nul()).into_owned();
        let connection_id = u32::try_from(f.int(4)).unwrap();
        let mut nonce = f.take(8).to_vec();
        f.take(1);
        let low = f.int(2);
        let (charset, status) = (f.int(1), f.int(2));
        let high = f.int(2);
        let auth_bytes = f.int(1);
        f.take(6);
        let filler = u32::try_from(f.int(4)).unwrap();
        nonce.extend(f.take(13.max(usize::try_from(auth_bytes).unwrap().saturating_sub(8))));
        nonce.truncate(20);
        Greeting {
            version,
            connection_id,
            nonce,
            capabilities: Cap::from_bits_retain(u32::try_from(high << 16 | low).unwrap()),
            extended: if low & 1 == 0 { filler } else { 0 },
            charset: u8::try_from(charset).unwrap(),
            status: u16::try_from(status).unwrap(),
            plugin: String::from_utf8_lossy(f.nul()).into_owned(),
        }
    }
}

/// How to log in. The default: a modern client as the tests' user.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
    pub schema: Option<String>,
    /// Asked for as they are here (less what the server does not offer, unless `insist`).
    pub capabilities: Cap,
    pub insist: bool,
    /// MariaDB's, likewise.
    pub extended: u32,
    pub charset: u8,
    pub attributes: Vec<(String, String)>,
    pub tls: bool,
    /// A certificate and its key as PEM, for servers that ask for one.
    pub identity: Option<(String, String)>,
    /// Instead of the plugin that the server names.
    pub plugin: Option<String>,
    /// Goes with ZSTD_COMPRESSION_ALGORITHM. What follows the login is not compressed here: a test does it by hand.
    pub zstd_level: Option<u8>,
}

impl Default for Login {
    fn default() -> Self {
        Login {
            user: "app".into(),
            password: "secret".into(),
            schema: None,
            capabilities: MODERN,
            insist: false,
            extended: 0,
            charset: UTF8MB4_GENERAL_CI,
            attributes: Vec::new(),
            tls: false,
            identity: None,
            plugin: None,
            zstd_level: None,
        }
    }
}

impl Login {
    /// The default, with a schema.
    pub fn to(schema: &str) -> Login {
        Login { schema: Some(schema.into()), ..Login::default() }
    }

    /// To the admin port, as the tests' operator.
    pub fn operator() -> Login {
        Login { user: "op".into(), password: "secret-op".into(), ..Login::default() }
    }

    /// With these of MariaDB's capabilities.
    pub fn extended(self, extended: u32) -> Login {
        Login { extended, ..self }
    }

    /// With these capabilities instead.
    pub fn with(self, capabilities: Cap) -> Login {
        Login { capabilities, ..self }
    }
}

const UTF8MB4_GENERAL_CI: u8 = 45;

/// The least that servers let in.
pub const PLAIN: Cap = Cap::CLIENT_PROTOCOL_41
    .union(Cap::CLIENT_SECURE_CONNECTION)
    .union(Cap::CLIENT_LONG_PASSWORD)
    .union(Cap::CLIENT_LONG_FLAG)
    .union(Cap::CLIENT_TRANSACTIONS)
    .union(Cap::CLIENT_PLUGIN_AUTH);

/// What present-day connectors ask for.
pub const MODERN: Cap = PLAIN
    .union(Cap::CLIENT_MULTI_STATEMENTS)
    .union(Cap::CLIENT_MULTI_RESULTS)
    .union(Cap::CLIENT_PS_MULTI_RESULTS)
    .union(Cap::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(Cap::CLIENT_CONNECT_ATTRS)
    .union(Cap::CLIENT_LOCAL_FILES)
    .union(Cap::CLIENT_DEPRECATE_EOF);

/// A login at its end.
pub struct LoggedIn {
    pub stream: Stream,
    pub greeting: Greeting,
    pub capabilities: Cap,
    pub extended: u32,
    /// OK's payload, or the payload of ERR.
    pub last: Vec<u8>,
    /// What the server asked for on the way.
    pub steps: Vec<String>,
}

/// Takes the login as far as the server's last word.
pub fn log_in(mut stream: Stream, login: &Login) -> std::io::Result<LoggedIn> {
    let mut seq = 0;
    let first = stream.read_payload(&mut seq)?;
    if first.first() == Some(&0xff) {
        return Err(std::io::Error::other(super::reply::error_text(&first)));
    }
    let greeting = Greeting::parse(&first);
    let mut caps = login.capabilities;
    caps.set(Cap::CLIENT_CONNECT_WITH_DB, login.schema.is_some());
    caps.set(Cap::CLIENT_SSL, login.tls);
    if !login.insist {
        caps &= greeting.capabilities | Cap::CLIENT_CONNECT_WITH_DB | Cap::CLIENT_LONG_PASSWORD;
    }
    let extended = if login.insist { login.extended } else { login.extended & greeting.extended };
    if extended != 0 {
        // MariaDB reads them of those only who leave this out.
        caps -= Cap::CLIENT_LONG_PASSWORD;
    }
    let head = response_head(caps, login.charset, extended);
    if login.tls {
        stream.write_payload(&mut seq, &head)?;
        stream = stream.into_tls(login.identity.as_ref())?;
    }
    let plugin = login.plugin.clone().unwrap_or_else(|| greeting.plugin.clone());
    stream.write_payload(&mut seq, &response(head, caps, login, &plugin, &greeting.nonce))?;
    let mut steps = Vec::new();
    let last = finish(&mut stream, &mut seq, login, greeting.nonce.clone(), &mut steps)?;
    Ok(LoggedIn { stream, greeting, capabilities: caps, extended, last, steps })
}

fn response_head(caps: Cap, charset: u8, extended: u32) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(caps.bits().to_le_bytes());
    out.extend((64_u32 << 20).to_le_bytes());
    out.push(charset);
    out.extend([0; 19]);
    out.extend(extended.to_le_bytes());
    out
}

fn response(mut out: Vec<u8>, caps: Cap, login: &Login, plugin: &str, nonce: &[u8]) -> Vec<u8> {
    out.extend(login.user.as_bytes());
    out.push(0);
    let proof = proof(plugin, &login.password, nonce);
    if caps.contains(Cap::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
        push_text(&mut out, &proof);
    } else {
        out.push(u8::try_from(proof.len()).unwrap());
        out.extend(proof);
    }
    if let Some(schema) = &login.schema {
        out.extend(schema.as_bytes());
        out.push(0);
    }
    if caps.contains(Cap::CLIENT_PLUGIN_AUTH) {
        out.extend(plugin.as_bytes());
        out.push(0);
    }
    if caps.contains(Cap::CLIENT_CONNECT_ATTRS) {
        let mut block = Vec::new();
        for (name, value) in &login.attributes {
            push_text(&mut block, name.as_bytes());
            push_text(&mut block, value.as_bytes());
        }
        push_text(&mut out, &block);
    }
    if caps.contains(Cap::CLIENT_ZSTD_COMPRESSION_ALGORITHM) {
        out.extend(login.zstd_level);
    }
    out
}

/// Answers whatever the server's plugin asks, up to OK or ERR. Also what follows COM_CHANGE_USER.
/// Notes on the way what it is asked: `switch to PLUGIN`, `fast`, `full`, `key`.
pub fn finish(
    stream: &mut Stream,
    seq: &mut u8,
    login: &Login,
    mut nonce: Vec<u8>,
    steps: &mut Vec<String>,
) -> std::io::Result<Vec<u8>> {
    loop {
        let payload = stream.read_payload(seq)?;
        steps.extend(step(&payload));
        match payload.first() {
            Some(0xfe) => {
                let mut f = Fields(&payload[1..]);
                let plugin = String::from_utf8_lossy(f.nul()).into_owned();
                nonce = f.0.strip_suffix(&[0]).unwrap_or(f.0).to_vec();
                stream.write_payload(seq, &proof(&plugin, &login.password, &nonce))?;
            }
            Some(0x01) if payload[1..] == [3] => {} // fast authentication succeeded: OK follows
            Some(0x01) if payload[1..] == [4] && stream.is_secure() => {
                let clear = [login.password.as_bytes(), &[0]].concat();
                stream.write_payload(seq, &clear)?;
            }
            Some(0x01) if payload[1..] == [4] => stream.write_payload(seq, &[2])?, // the RSA key, please
            Some(0x01) => stream.write_payload(seq, &encrypt(&payload[1..], &login.password, &nonce))?,
            _ => return Ok(payload),
        }
    }
}

fn step(payload: &[u8]) -> Option<String> {
    Some(match payload {
        [0xfe, ..] => format!("switch to {}", String::from_utf8_lossy(Fields(&payload[1..]).nul())),
        [0x01, 3] => "fast".into(),
        [0x01, 4] => "full".into(),
        [0x01, ..] => "key".into(),
        _ => return None,
    })
}

/// What proves the password to a plugin.
pub fn proof(plugin: &str, password: &str, nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    if plugin == "caching_sha2_password" {
        let once = Sha256::digest(password);
        let twice = Sha256::digest(once);
        let mask = Sha256::new().chain_update(twice).chain_update(nonce).finalize();
        return once.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    }
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let mask = Sha1::new().chain_update(nonce).chain_update(twice).finalize();
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

fn encrypt(pem: &[u8], password: &str, nonce: &[u8]) -> Vec<u8> {
    let body: String = String::from_utf8_lossy(pem).lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body.trim_end_matches('\0')).expect("a PEM key");
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&der).expect("a key")).expect("an RSA key");
    let clear: Vec<u8> = password.bytes().chain([0]).enumerate().map(|(i, b)| b ^ nonce[i % nonce.len()]).collect();
    let mut out = vec![0; key.ciphertext_size()];
    let n = key.encrypt(&OAEP_SHA1_MGF1SHA1, &clear, &mut out, None).expect("RSA").len();
    out.truncate(n);
    out
}
