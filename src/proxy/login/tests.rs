//! Our own server side, and by hand real clients, log in to a small listener that answers OK to everything.
//! By hand: `FOREBAY_TEST_MARIADB=…/mariadb FOREBAY_TEST_MYSQL=…/mysql cargo test --lib proxy::login -- --ignored`.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    auth::{HostPattern, Secret},
    net::{
        Address,
        tls::{ClientMode, ClientSide, ClientSideSettings, Mode, ServerSideSettings},
    },
    pool::connect::{ConnectError, ConnectRequest, Connected, EXTENDED_BY_WISH, connect},
    wire::{capability::StatusFlags, ok},
};

/// What MySQL 9.7 stored for `secret`.
const SHA2_HASH: &str = "0x2441243030412458407C79474F275A25133B015F236E7A7A30050C414E7438345253675677786E4D7545696E657763515577343845622F4B6772316659362E62616536436C37";
const NATIVE_HASH: &str = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7";

fn greeting(mariadb: bool) -> Greeting {
    let (version, plugin) = match mariadb {
        true => (&b"5.5.5-10.11.19-MariaDB-log"[..], &b"mysql_native_password"[..]),
        false => (&b"9.7.4"[..], &b"caching_sha2_password"[..]),
    };
    Greeting {
        server_version: version.to_vec(),
        connection_id: 0,
        nonce: [0; 20],
        capabilities: CapabilityFlags::all().difference(if mariadb {
            CapabilityFlags::CLIENT_LONG_PASSWORD
        } else {
            CapabilityFlags::empty()
        }),
        // With what newer servers may have.
        mariadb_capabilities: MariaDbCapabilities::from_bits_retain(u32::MAX),
        charset: 45,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        auth_plugin: plugin.to_vec(),
    }
}

fn user(name: &str, secret: Secret) -> User {
    User { name: name.into(), secrets: vec![secret], hosts: vec![], max_connections: None, require_tls: false }
}

fn users() -> Vec<User> {
    let plain = || Secret::Plain(b"secret".to_vec());
    vec![
        user("plain", plain()),
        user("empty", Secret::Plain(Vec::new())),
        user("sha2", Secret::from_hash(SHA2_HASH).unwrap()),
        user("native", Secret::from_hash(NATIVE_HASH).unwrap()),
        User { require_tls: true, ..user("tls", plain()) },
        User { hosts: vec![HostPattern::parse("10.0.0.0/8").unwrap()], ..user("far", plain()) },
    ]
}

/// A listener that lets clients in and says OK to whatever they ask.
struct House {
    port: u16,
}

impl House {
    async fn open(mariadb: bool, mode: Mode, users: Vec<User>) -> House {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let context = LoginContext {
            users: Arc::new(Users::new(users)),
            tls: ServerSide::load(&ServerSideSettings { mode, ..Default::default() }).unwrap(),
            compression: Compression::default(),
            greeting: Arc::new(greeting(mariadb)),
            connection_id: 4711,
            timeout: Duration::from_secs(10),
            rsa: Arc::default(),
            sha2_cache: Arc::default(),
            guard: Arc::default(),
            max_delay: Duration::from_secs(5),
        };
        tokio::spawn(async move {
            while let Ok((socket, address)) = listener.accept().await {
                let context = context.clone();
                tokio::spawn(async move { serve(Stream::Tcp(socket), Peer(Some(address)), &context).await });
            }
        });
        House { port }
    }

    fn request(&self, user: &str, password: &str, tls: ClientMode) -> ConnectRequest {
        ConnectRequest {
            address: Address::Tcp { host: "127.0.0.1".into(), port: self.port },
            tls: ClientSide::load(&ClientSideSettings { mode: tls, ..Default::default() }).unwrap(),
            client_is_tls: false,
            timeout: Duration::from_secs(10),
            user: user.into(),
            credential: Credential::Password(password.into()),
            schema: Some(b"app".to_vec()),
            charset: 45,
            capabilities: CapabilityFlags::all(),
            extended: MariaDbCapabilities::all(),
            attributes: b"\x01k\x01v".to_vec(),
            max_packet_bytes: 1 << 24,
        }
    }

    async fn refused(&self, user: &str, password: &str, tls: ClientMode) -> (u16, String) {
        refusal(connect(&self.request(user, password, tls)).await)
    }

    /// Sends bytes as they are after the greeting; returns what comes back behind it.
    async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let mut header = [0; 4];
        socket.read_exact(&mut header).await.unwrap();
        let mut greeting = vec![0; header[0].into()];
        socket.read_exact(&mut greeting).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        answer
    }
}

fn refusal(result: Result<Connected, ConnectError>) -> (u16, String) {
    match result.map(|_| ()).unwrap_err() {
        ConnectError::Refused { code, sql_state, message } => {
            (code, format!("{}: {}", String::from_utf8_lossy(&sql_state), String::from_utf8_lossy(&message)))
        }
        other => panic!("{other}"),
    }
}

/// Logs in and answers OK until the client goes; the OK's info tells what the login understood.
async fn serve(stream: Stream, peer: Peer, context: &LoginContext) -> Option<()> {
    let mut client = login(stream, peer, context).await.ok()?;
    let mut channel = client.channel;
    let mut compression = client.compression;
    let mut info = told(&client.user, &client.credential, client.schema.as_deref(), &client.attributes);
    loop {
        let ok = ok::Ok {
            affected_rows: 0,
            last_insert_id: 0,
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            warnings: 0,
            info: info.as_bytes(),
            session: b"",
        };
        let mut payload = Vec::new();
        ok.push(&mut payload, ok::HEADER, client.capabilities);
        channel.push(&payload);
        channel.flush().await.ok()?;
        if let Some(method) = compression.take() {
            channel.compress(method);
        }
        channel.begin_command();
        let command = channel.read(1 << 24).await.ok()?;
        match command.split_first()? {
            (1, _) => return None,
            (17, fields) => {
                let change = ChangeUser::parse(fields, client.capabilities).ok()?;
                let known = (client.capabilities, client.nonce, peer);
                let (user, credential) = verify_change_user(&mut channel, &change, known, context).await.ok()?;
                info = told(&user, &credential, Some(&change.schema), &change.attributes);
                client.user = user;
            }
            _ => {}
        }
    }
}

fn told(user: &User, credential: &Credential, schema: Option<&[u8]>, attributes: &[u8]) -> String {
    let schema = String::from_utf8_lossy(schema.unwrap_or_default()).into_owned();
    format!("{} {credential:?} {schema} {}", user.name, attributes.len())
}

const BOTH_TLS: [ClientMode; 2] = [ClientMode::Disabled, ClientMode::Required];

#[tokio::test]
async fn users_come_in_by_every_kind_of_secret_with_and_without_tls() {
    for mariadb in [true, false] {
        let house = House::open(mariadb, Mode::Preferred, users()).await;
        for name in ["plain", "sha2", "native", "empty", "sha2"] {
            for tls in BOTH_TLS {
                let password = if name == "empty" { "" } else { "secret" };
                let connected =
                    connect(&house.request(name, password, tls)).await.unwrap_or_else(|e| panic!("{name} {tls:?} {e}"));
                assert_eq!(connected.greeting.connection_id, 4711);
                let offered = if mariadb { MariaDbCapabilities::all() } else { MariaDbCapabilities::empty() };
                assert_eq!(connected.greeting.mariadb_capabilities, offered);
                assert_eq!(connected.extended, offered & EXTENDED_BY_WISH);
                assert_eq!(connected.channel.stream().is_tls(), tls == ClientMode::Required);
                let told = String::from_utf8_lossy(&connected.ok).into_owned();
                let half = name == "native" && (mariadb || tls == ClientMode::Disabled);
                let credential = if half { "NativeStage1(..)" } else { "Password(..)" };
                assert!(told.contains(&format!("{name} {credential} app 4")), "{told}");
            }
        }
    }
}

#[tokio::test]
async fn strangers_read_the_servers_own_words() {
    let denied = |name: &str, yes: &str| {
        (1045, format!("28000: Access denied for user '{name}'@'localhost' (using password: {yes})"))
    };
    for mariadb in [true, false] {
        let house = House::open(mariadb, Mode::Preferred, users()).await;
        for tls in BOTH_TLS {
            for name in ["plain", "sha2", "native", "nobody"] {
                assert_eq!(house.refused(name, "wrong", tls).await, denied(name, "YES"));
                assert_eq!(house.refused(name, "", tls).await, denied(name, "NO"));
            }
            assert_eq!(house.refused("far", "secret", tls).await, denied("far", "YES"));
        }
        assert_eq!(house.refused("tls", "secret", ClientMode::Disabled).await, denied("tls", "YES"));
        connect(&house.request("tls", "secret", ClientMode::Required)).await.unwrap();
        let cut = if mariadb { "u".repeat(60) } else { "u".repeat(48) };
        assert_eq!(house.refused(&"u".repeat(60), "x", ClientMode::Disabled).await, denied(&cut, "YES"));
    }
}

#[tokio::test]
async fn required_tls_is_told_after_the_proof() {
    let house = House::open(false, Mode::Required, users()).await;
    assert_eq!(house.refused("plain", "wrong", ClientMode::Disabled).await.0, 1045);
    let (code, text) = house.refused("plain", "secret", ClientMode::Disabled).await;
    let expected = "HY000: Connections using insecure transport are prohibited while --require_secure_transport=ON.";
    assert_eq!((code, &text[..]), (3159, expected));
    connect(&house.request("plain", "secret", ClientMode::Required)).await.unwrap();
    let mariadb = House::open(true, Mode::Required, users()).await;
    assert_eq!(mariadb.refused("plain", "secret", ClientMode::Disabled).await.0, 1045);
}

#[tokio::test]
async fn hosts_of_nobody_are_refused_before_the_greeting() {
    let far = || users().into_iter().filter(|user| user.name == "far").collect();
    for (mariadb, product) in [(true, "MariaDB"), (false, "MySQL")] {
        let house = House::open(mariadb, Mode::Preferred, far()).await;
        let expected = format!("HY000: Host 'localhost' is not allowed to connect to this {product} server");
        assert_eq!(house.refused("far", "secret", ClientMode::Disabled).await, (1130, expected));
    }
}

#[tokio::test]
async fn no_login_reads_bad_handshake() {
    let house = House::open(false, Mode::Disabled, users()).await;
    for (sent, expected) in [
        (&b"\x02\0\0\x01\0\x02"[..], &b"\x16\0\0\x02\xff\x13\x04#08S01Bad handshake"[..]),
        (b"\0\0\0\x01", b"\x16\0\0\x02\xff\x13\x04#08S01Bad handshake"),
        (b"\x09\0\0\x01\x05\0\xff\xff\xffapp\0", b"\x10\0\0\x02\xff\x13\x04Bad handshake"),
        (b"\x09\0\0\x05\x05\0\xff\xff\xffapp\0", b"\x21\0\0\x01\xff\x84\x04#08S01Got packets out of order"),
        (b"\xff\xff\xff\x01", b"\x3c\0\0\x01\xff\x81\x04#08S01Got a packet bigger than 'max_allowed_packet' bytes"),
    ] {
        let answer = house.raw(sent).await;
        assert_eq!(answer, expected, "{:?} to {sent:?}", String::from_utf8_lossy(&answer));
    }
    let mut ssl_request = vec![32, 0, 0, 1];
    ssl_request.extend((CapabilityFlags::CLIENT_SSL | CapabilityFlags::CLIENT_PROTOCOL_41).bits().to_le_bytes());
    ssl_request.resize(36, 0);
    assert!(house.raw(&ssl_request).await.ends_with(b"Bad handshake"), "TLS was not offered");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_left_in_time() {
    let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
    let context = LoginContext {
        users: Arc::new(Users::new(users())),
        tls: ServerSide::load(&ServerSideSettings::default()).unwrap(),
        compression: Compression::default(),
        greeting: Arc::new(greeting(true)),
        connection_id: 1,
        timeout: Duration::from_millis(50),
        rsa: Arc::default(),
        sha2_cache: Arc::default(),
        guard: Arc::default(),
        max_delay: Duration::ZERO,
    };
    let end = login(Stream::Unix(ours), Peer(None), &context).await.unwrap_err();
    assert!(matches!(end, LoginEnd::TimedOut));
    let mut greeting = Vec::new();
    theirs.read_to_end(&mut greeting).await.unwrap();
    assert_eq!(greeting[4], 10);
}

#[tokio::test]
async fn change_user_is_verified_on_an_open_connection() {
    for (mariadb, compress) in [(true, false), (false, true)] {
        let house = House::open(mariadb, Mode::Preferred, users()).await;
        for (name, opens) in [("sha2", true), ("native", true), ("nobody", false)] {
            let mut request = house.request("plain", "secret", ClientMode::Disabled);
            request.capabilities.set(CapabilityFlags::CLIENT_COMPRESS, compress);
            let mut connected = connect(&request).await.unwrap();
            let change = ChangeUser {
                user: name.into(),
                auth: Vec::new(),
                schema: b"other".to_vec(),
                charset: Some(45),
                auth_plugin: Some(b"unknown".to_vec()),
                attributes: Vec::new(),
            };
            let mut payload = vec![17];
            change.push(&mut payload, connected.capabilities);
            connected.channel.begin_command();
            connected.channel.push(&payload);
            let last = answer_switch(&mut connected).await;
            let text = String::from_utf8_lossy(&last).into_owned();
            assert_eq!(text.contains(&format!("{name} ")) && text.contains("other"), opens, "{text:?}");
            assert_eq!(text.contains("Access denied for user 'nobody'@'localhost'"), !opens);
        }
    }
}

/// Does what a client does after COM_CHANGE_USER; returns the packet that ends it.
async fn answer_switch(connected: &mut Connected) -> Vec<u8> {
    use crate::{
        auth::{ServerAuth, ServerStep},
        wire::handshake::parse_auth_reply,
    };
    let password = Credential::Password(b"secret".to_vec());
    let (mut auth, _) = ServerAuth::start(password, b"", &connected.greeting.nonce, false);
    loop {
        connected.channel.flush().await.unwrap();
        let payload = connected.channel.read(1 << 20).await.unwrap();
        match auth.reply(parse_auth_reply(&payload).unwrap()) {
            ServerStep::Send(answer) => connected.channel.push(&answer),
            ServerStep::Wait => {}
            _ => return payload,
        }
    }
}

#[tokio::test]
#[ignore = "needs the mariadb and mysql command lines"]
async fn real_clients_come_in() {
    let run = async |program: &str, port: u16, args: &[&str]| {
        let output = tokio::process::Command::new(std::env::var(program).unwrap())
            .args(["--no-defaults", "-h127.0.0.1", &format!("-P{port}"), "-vv", "-e", "DO 1"])
            .args(args)
            .output()
            .await
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    for mariadb in [true, false] {
        let house = House::open(mariadb, Mode::Preferred, users()).await;
        for name in ["plain", "sha2", "sha2", "native", "tls"] {
            let who = format!("-u{name}");
            for compress in [&["--compress"][..], &[]] {
                let args = [&[&who[..], "-psecret", "app"], compress].concat();
                for (program, tls, plain) in [
                    ("FOREBAY_TEST_MARIADB", "--ssl", "--skip-ssl"),
                    ("FOREBAY_TEST_MYSQL", "--ssl-mode=required", "--ssl-mode=disabled"),
                ] {
                    let (fine, text) = run(program, house.port, &[&args[..], &[tls]].concat()).await;
                    assert!(fine, "{program} {name} {tls} {compress:?}: {text}");
                    let mut args = [&args[..], &[plain]].concat();
                    if program == "FOREBAY_TEST_MYSQL" {
                        args.push("--get-server-public-key");
                    }
                    let (fine, text) = run(program, house.port, &args).await;
                    assert_eq!(fine, name != "tls", "{program} {name} {plain} {compress:?}: {text}");
                }
            }
        }
        for program in ["FOREBAY_TEST_MARIADB", "FOREBAY_TEST_MYSQL"] {
            let cold = House::open(mariadb, Mode::Disabled, users()).await;
            for password in ["-psecret", "-pwrong", "-psecret"] {
                // Without --skip-ssl the mariadb client shows its password in the clear where no TLS is offered; MySQL
                // servers deny that too.
                let key = if program == "FOREBAY_TEST_MYSQL" { "--get-server-public-key" } else { "--skip-ssl" };
                let args = ["-usha2", password, key];
                let (fine, text) = run(program, cold.port, &args).await;
                assert_eq!(fine, password == "-psecret", "{program} by RSA: {text}");
                assert!(
                    fine || text.contains("ERROR 1045 (28000): Access denied for user 'sha2'@'localhost'"),
                    "{text}"
                );
            }
        }
        let (fine, text) = run("FOREBAY_TEST_MYSQL", house.port, &["-uplain", "-pwrong"]).await;
        assert!(
            !fine
                && text
                    .contains("ERROR 1045 (28000): Access denied for user 'plain'@'localhost' (using password: YES)"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn guesses_are_looked_at_later_and_later() {
    let house = House::open(true, Mode::Disabled, users()).await;
    let timed = async |password: &str| {
        let start = std::time::Instant::now();
        let result = connect(&house.request("plain", password, ClientMode::Disabled)).await;
        (result.is_ok(), start.elapsed().as_millis())
    };
    for guess in ["a", "b", "c", "d", "e"] {
        assert!(!timed(guess).await.0);
    }
    for (password, least_ms) in [("f", 100), ("g", 200), ("secret", 400)] {
        let (let_in, took_ms) = timed(password).await;
        assert!(let_in == (password == "secret") && took_ms >= least_ms, "{password}: {took_ms} ms");
    }
    let (let_in, took_ms) = timed("secret").await;
    assert!(let_in && took_ms < 400, "{took_ms} ms: a good login ends it");
}
