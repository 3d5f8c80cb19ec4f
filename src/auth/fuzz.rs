//! What must hold of any login: one function for the target of `fuzz/`. It panics where it does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "a panic is the message")]
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, OnceLock},
};

use super::{ClientAuth, Credential, HostPattern, Opening, Plugin, RsaKey, Secret, ServerAuth, Sha2Cache, Step, User};
use crate::wire::{fuzz::Source, handshake::parse_auth_reply};

const PASSWORD: &[u8] = b"a password that no fuzzer guesses";
const NONCE: [u8; 20] = *b"0123456789abcdefghij";

/// Clients' answers, servers' questions, hashes and host patterns.
pub fn logins(data: &[u8]) {
    let mut source = Source::new(data);
    match source.byte() % 4 {
        0 => client(source),
        1 => server(source),
        2 => drop(Secret::from_hash(&String::from_utf8_lossy(source.rest))),
        _ => host(source),
    }
}

fn user(secret: Secret) -> Arc<User> {
    Arc::new(User {
        name: "app".into(),
        secrets: vec![secret],
        hosts: Vec::new(),
        max_connections: None,
        require_tls: false,
    })
}

/// Whatever a client says that does not contain the password, it does not get in.
fn client(mut source: Source<'_>) {
    let all = source.rest;
    static RSA: OnceLock<Arc<RsaKey>> = OnceLock::new();
    let secret = match source.byte() % 5 {
        0 => None,
        1 => Some(Secret::Plain(PASSWORD.to_vec())),
        2 => Some(Secret::Native(super::native::stage2(&super::native::stage1(PASSWORD)))),
        3 => Some(Secret::Ed25519([7; 32])),
        _ => Some(Secret::Sha2 { rounds: 1000, salt: NONCE, digest: vec![b'x'; 43] }),
    };
    let flags = source.byte();
    let plugin = match source.byte() % 5 {
        0 => None,
        1 => Some(Plugin::Native.name().as_bytes()),
        2 => Some(Plugin::CachingSha2.name().as_bytes()),
        3 => Some(Plugin::Ed25519.name().as_bytes()),
        _ => Some(source.bytes(30)),
    };
    let (mut auth, mut step) = ClientAuth::start(Opening {
        user: secret.map(user),
        plugin,
        answer: source.bytes(40),
        changes_user: flags & 8 != 0,
        nonce: NONCE,
        default_plugin: if flags & 1 == 0 { Plugin::Native } else { Plugin::CachingSha2 },
        mariadb: flags & 16 != 0,
        secure: flags & 2 != 0,
        plugin_auth: flags & 4 != 0,
        rsa: Arc::clone(RSA.get_or_init(Arc::default)),
        cache: Arc::new(Sha2Cache::new()),
    });
    while let Step::Ask(payload) = &step {
        assert!(!payload.is_empty(), "an empty question");
        step = auth.packet(source.bytes(300));
    }
    let shown = all.windows(PASSWORD.len()).any(|part| part == PASSWORD);
    assert!(shown || !matches!(step, Step::Accepted { .. }), "{step:?}");
}

/// Whatever a server asks, the password passes only where that is secure.
fn server(mut source: Source<'_>) {
    let credential = match source.byte() % 5 {
        0 => Credential::Password(PASSWORD.to_vec()),
        1 => Credential::Password(Vec::new()),
        2 => Credential::NativeStage1([7; 20]),
        3 => Credential::Nothing,
        _ => Credential::Sha2Stage1([7; 32]),
    };
    let secure = source.byte().is_multiple_of(2);
    let (mut auth, answer) = ServerAuth::start(credential, source.bytes(30), source.bytes(24), secure);
    let check = |sent: &[u8]| {
        let clear = sent.windows(PASSWORD.len()).any(|part| part == PASSWORD);
        assert!(secure || !clear, "the password in the clear");
    };
    check(&answer);
    while !source.is_empty() {
        let Ok(reply) = parse_auth_reply(source.bytes(600)) else { continue };
        if let super::ServerStep::Send(payload) = auth.reply(reply) {
            check(&payload);
        }
    }
}

fn host(mut source: Source<'_>) {
    let addresses = [
        None,
        Some(IpAddr::V4(Ipv4Addr::from(source.u32()))),
        Some(IpAddr::V6(Ipv6Addr::from(u128::from(source.u32()) << 96 | u128::from(source.u32())))),
    ];
    let text = String::from_utf8_lossy(source.rest);
    let Ok(pattern) = HostPattern::parse(&text) else { return };
    for address in addresses {
        let _ = pattern.matches(address);
        let canonical = address.map(|address| address.to_canonical());
        assert_eq!(pattern.matches(address), pattern.matches(canonical));
    }
}
