use super::*;
use crate::auth::{ServerAuth, ServerStep};

const NONCE: [u8; 20] = *b"0123456789abcdefghij";
/// What MySQL 9.7 stored for `secret`, without its 0x.
const SHA2_HASH: &str = "2441243030412458407C79474F275A25133B015F236E7A7A30050C414E7438345253675677786E4D7545696E657763515577343845622F4B6772316659362E62616536436C37";
const NATIVE_HASH: &str = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7";
const ED25519_HASH: &str = "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY";

/// A Forebay that knows one user.
struct House {
    user: Option<Arc<User>>,
    default_plugin: Plugin,
    rsa: Arc<RsaKey>,
    cache: Arc<Sha2Cache>,
}

impl House {
    fn of(default_plugin: Plugin, secrets: Vec<Secret>) -> House {
        let user = User { name: "app".into(), secrets, hosts: vec![], max_connections: None, require_tls: false };
        House { user: Some(Arc::new(user)), default_plugin, rsa: Arc::default(), cache: Arc::default() }
    }

    fn opening<'a>(&self, plugin: Option<&'a [u8]>, answer: &'a [u8], secure: bool) -> Opening<'a> {
        Opening {
            user: self.user.clone(),
            plugin,
            answer,
            changes_user: false,
            nonce: NONCE,
            default_plugin: self.default_plugin,
            mariadb: self.default_plugin == Plugin::Native,
            secure,
            plugin_auth: true,
            rsa: self.rsa.clone(),
            cache: self.cache.clone(),
        }
    }

    /// Lets our own server side log in, beginning with the plugin `first`; says how it ended and after how many questions.
    fn duel(&self, credential: Credential, first: Plugin, secure: bool) -> (Step, usize) {
        let (mut server, answer) = ServerAuth::start(credential, first.name().as_bytes(), &NONCE, secure);
        let plugin = server.plugin().to_vec();
        let (mut client, mut step) = ClientAuth::start(self.opening(Some(&plugin), &answer, secure));
        let mut asked = 0;
        while let Step::Ask(payload) = &step {
            asked += 1;
            assert!(asked < 6, "an endless exchange");
            match server.reply(handshake::parse_auth_reply(payload).unwrap()) {
                ServerStep::Send(reply) => step = client.packet(&reply),
                other => panic!("{other:?} to {payload:?}"),
            }
        }
        if let Step::Accepted { send: Some(payload), .. } = &step {
            assert_eq!(server.reply(handshake::parse_auth_reply(payload).unwrap()), ServerStep::Wait);
        }
        (step, asked)
    }
}

fn plain(password: &str) -> Secret {
    Secret::Plain(password.into())
}

fn hash(text: &str) -> Secret {
    Secret::from_hash(text).unwrap()
}

fn password(password: &str) -> Credential {
    Credential::Password(password.into())
}

fn credential(step: &Step) -> Option<&Credential> {
    match step {
        Step::Accepted { credential, .. } => Some(credential),
        _ => None,
    }
}

#[test]
fn the_right_password_opens_whatever_the_secret_the_plugin_and_the_socket() {
    let both = [Plugin::Native, Plugin::CachingSha2];
    for secret in [plain("secret"), hash(NATIVE_HASH), hash(SHA2_HASH), hash(ED25519_HASH)] {
        for (default_plugin, first) in both.into_iter().flat_map(|d| both.map(|f| (d, f))) {
            for secure in [true, false] {
                let house = House::of(default_plugin, vec![plain("older"), secret.clone()]);
                let cold = house.duel(password("secret"), first, secure);
                assert!(credential(&cold.0).is_some(), "{secret:?} {first:?} {secure} {cold:?}");
                let warm = house.duel(password("secret"), first, secure);
                assert!(credential(&warm.0).is_some(), "{secret:?} {first:?} {secure} {warm:?}");
                assert!(warm.1 <= cold.1);
                assert!(credential(&house.duel(password("older"), first, secure).0).is_some());
            }
        }
    }
}

#[test]
fn a_wrong_password_opens_nothing_and_looks_like_an_unknown_user() {
    for (first, secure) in [Plugin::Native, Plugin::CachingSha2].into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let house = House::of(Plugin::CachingSha2, vec![plain("secret"), plain("older")]);
        let known = house.duel(password("wrong"), first, secure);
        assert!(matches!(known.0, Step::Denied { using_password: true, .. }), "{known:?}");
        let unknown = House { user: None, ..house }.duel(password("wrong"), first, secure);
        assert!(matches!(unknown.0, Step::Denied { using_password: true, .. }), "{unknown:?}");
        assert_eq!(known.1, unknown.1);
    }
    for secret in [hash(NATIVE_HASH), hash(SHA2_HASH)] {
        let house = House::of(Plugin::CachingSha2, vec![secret]);
        for first in [Plugin::Native, Plugin::CachingSha2] {
            assert!(matches!(house.duel(password("wrong"), first, true).0, Step::Denied { using_password: true, .. }));
        }
    }
}

#[test]
fn no_password_is_told_apart_and_opens_only_the_empty_one() {
    for plugin in [Plugin::Native, Plugin::CachingSha2] {
        let house = House::of(plugin, vec![plain("secret")]);
        let denied = house.duel(password(""), plugin, false).0;
        assert!(matches!(denied, Step::Denied { using_password: false, .. }), "{denied:?}");
        let open = House::of(plugin, vec![plain("")]);
        assert_eq!(credential(&open.duel(password(""), plugin, false).0), Some(&password("")));
        assert!(credential(&open.duel(password("x"), plugin, false).0).is_none());
    }
}

#[test]
fn the_full_exchange_is_needed_once_for_a_hash() {
    let house = House::of(Plugin::CachingSha2, vec![hash(SHA2_HASH)]);
    let cold = house.duel(password("secret"), Plugin::CachingSha2, false);
    assert_eq!((credential(&cold.0), cold.1), (Some(&password("secret")), 2), "full, then the key");
    let warm = house.duel(password("secret"), Plugin::CachingSha2, false);
    assert_eq!((credential(&warm.0), warm.1), (Some(&password("secret")), 0));
    house.cache.forget("app");
    assert_eq!(house.duel(password("secret"), Plugin::CachingSha2, true).1, 1);
}

#[test]
fn a_native_hash_is_proven_by_its_own_plugin_or_by_a_shown_password() {
    let house = House::of(Plugin::CachingSha2, vec![hash(NATIVE_HASH)]);
    let stage1 = Credential::NativeStage1(native::stage1(b"secret"));
    let insecure = house.duel(password("secret"), Plugin::CachingSha2, false);
    assert_eq!((credential(&insecure.0), insecure.1), (Some(&stage1), 1), "switched to the native plugin");
    let secure = house.duel(password("secret"), Plugin::CachingSha2, true);
    assert_eq!(credential(&secure.0), Some(&password("secret")));
    assert_eq!(credential(&house.duel(stage1.clone(), Plugin::Native, false).0), Some(&stage1));
}

#[test]
fn a_client_is_switched_from_a_plugin_that_is_not_spoken() {
    let house = House::of(Plugin::Native, vec![plain("secret")]);
    for plugin in [Some(&b"auth_gssapi_client"[..]), Some(b"")] {
        let (mut auth, step) = ClientAuth::start(house.opening(plugin, b"whatever", false));
        let expected = [b"\xfemysql_native_password\0", &NONCE[..], b"\0"].concat();
        assert_eq!(step, Step::Ask(expected));
        let answer = native::answer(&native::stage1(b"secret"), &NONCE);
        assert_eq!(credential(&auth.packet(&answer)), Some(&password("secret")));
        assert!(matches!(auth.packet(&answer), Step::Denied { .. }), "nothing comes after the end");
    }
}

#[test]
fn a_client_without_plugins_gets_the_native_one_or_is_told_to_upgrade() {
    let answer = native::answer(&native::stage1(b"secret"), &NONCE);
    let start = |secret| {
        let house = House::of(Plugin::CachingSha2, vec![secret]);
        ClientAuth::start(Opening { plugin_auth: false, ..house.opening(None, &answer, false) }).1
    };
    assert_eq!(credential(&start(plain("secret"))), Some(&password("secret")));
    assert_eq!(start(hash(SHA2_HASH)), Step::Unsupported);
}

proptest::proptest! {
    #[test]
    fn any_packets_are_judged_without_a_panic_and_open_nothing(
        plugin in proptest::option::of("mysql_native_password|caching_sha2_password|[a-z]{0,8}"),
        packets in proptest::collection::vec(proptest::collection::vec(0u8.., 0..40), 1..5),
        secure: bool, plugin_auth: bool, sha2: bool,
    ) {
        let house = House::of(if sha2 { Plugin::CachingSha2 } else { Plugin::Native }, vec![hash(NATIVE_HASH)]);
        let opening = house.opening(plugin.as_ref().map(String::as_bytes), &packets[0], secure);
        let (mut auth, mut step) = ClientAuth::start(Opening { plugin_auth, ..opening });
        for packet in &packets[1..] {
            assert!(credential(&step).is_none());
            // An RSA key per case would take hours.
            if packet.len() > 1 && secure {
                step = auth.packet(packet);
            }
        }
    }
}

#[test]
fn a_change_of_user_without_an_answer_is_asked_for_one() {
    let house = House::of(Plugin::CachingSha2, vec![plain("secret")]);
    let name = Plugin::CachingSha2.name().as_bytes();
    let opening = |changes_user| Opening { changes_user, ..house.opening(Some(name), b"", false) };
    let (_, step) = ClientAuth::start(opening(false));
    assert!(matches!(step, Step::Denied { using_password: false, .. }), "{step:?}");

    let (mut auth, step) = ClientAuth::start(opening(true));
    let mut asked = Vec::new();
    handshake::push_auth_switch(&mut asked, name, &NONCE);
    assert_eq!(step, Step::Ask(asked));
    let answer = caching_sha2::answer(&caching_sha2::stage1(b"secret"), &NONCE);
    let step = auth.packet(&answer);
    assert!(matches!(step, Step::Accepted { .. }), "{step:?}");
    let (mut auth, _) = ClientAuth::start(opening(true));
    let step = auth.packet(b"");
    assert!(matches!(step, Step::Denied { using_password: false, .. }), "{step:?}");
}

/// A client that asks for client_ed25519 gets its challenge by a switch, whatever it answered before.
#[test]
fn a_client_may_sign() {
    for (secret, left) in [(plain("secret"), password("secret")), (hash(ED25519_HASH), Credential::Nothing)] {
        for secure in [true, false] {
            let house = House::of(Plugin::Native, vec![secret.clone()]);
            for (given, opens) in [("secret", true), ("wrong", false), ("", false)] {
                let (mut auth, step) = ClientAuth::start(house.opening(Some(b"client_ed25519"), b"?", secure));
                let Step::Ask(switch) = step else { panic!("{step:?}") };
                let (mut server, _) = ServerAuth::start(password(given), b"mysql_native_password", &NONCE, secure);
                let ServerStep::Send(signature) = server.reply(handshake::parse_auth_reply(&switch).unwrap()) else {
                    panic!("{switch:?}")
                };
                let step = auth.packet(&signature);
                assert_eq!(credential(&step), opens.then_some(&left), "{secret:?} {given}: {step:?}");
            }
        }
    }
}

#[test]
fn mysql_knows_no_signatures() {
    let house = House::of(Plugin::CachingSha2, vec![plain("secret")]);
    let (_, step) = ClientAuth::start(house.opening(Some(b"client_ed25519"), b"", true));
    let mut asked = Vec::new();
    handshake::push_auth_switch(&mut asked, b"caching_sha2_password", &NONCE);
    assert_eq!(step, Step::Ask(asked));
}

#[test]
fn other_hashes_are_not_proven_by_a_signature() {
    for secret in [hash(NATIVE_HASH), hash(SHA2_HASH)] {
        let house = House::of(Plugin::Native, vec![secret]);
        let (_, step) = ClientAuth::start(house.opening(Some(b"client_ed25519"), b"", true));
        let Step::Ask(switch) = step else { panic!("{step:?}") };
        assert!(!switch.starts_with(b"\xfeclient_ed25519"), "{}", switch.escape_ascii());
    }
}
