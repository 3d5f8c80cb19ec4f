//! Against a scripted server, and by hand against real ones: `FOREBAY_TEST_PORT=… FOREBAY_TEST_SOCKET=… cargo test --lib
//! pool::connect -- --ignored` (user `app`, password `secret`, schema `app`).

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{
    auth::{caching_sha2, native},
    net::tls::{ClientSideSettings, Verify},
    wire::packet,
};

fn request(port: u16) -> ConnectRequest {
    ConnectRequest {
        address: Address::Tcp { host: "127.0.0.1".into(), port },
        tls: tls_of(ClientMode::Disabled),
        client_is_tls: false,
        timeout: Duration::from_secs(10),
        user: b"app".to_vec(),
        credential: Credential::Password(b"secret".to_vec()),
        schema: Some(b"app".to_vec()),
        charset: 45,
        capabilities: CapabilityFlags::all() - CapabilityFlags::CLIENT_COMPRESS,
        extended: MariaDbCapabilities::all(),
        attributes: b"\x05_name\x07forebay".to_vec(),
        max_packet_bytes: 1 << 30,
    }
}

fn tls_of(mode: ClientMode) -> ClientSide {
    ClientSide::load(&ClientSideSettings { mode, ..Default::default() }).unwrap()
}

/// A server that sends these bytes to whoever comes, reads a little, and closes.
async fn scripted(bytes: &'static [u8]) -> ConnectRequest {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut socket = listener.accept().await.unwrap().0;
        socket.write_all(bytes).await.unwrap();
        let _ = socket.read(&mut [0; 1000]).await;
    });
    ConnectRequest { timeout: Duration::from_millis(500), ..request(port) }
}

#[tokio::test]
async fn each_fault_has_its_name() {
    let refused = connect(&scripted(b"\x17\0\0\0\xff\x10\x04Too many connections").await).await.unwrap_err();
    assert!(
        matches!(&refused, ConnectError::Refused { code: 1040, message, .. } if message == b"Too many connections")
    );
    let garbage = connect(&scripted(b"HTTP/1.1 400 Bad Request\r\n\r\n").await).await.unwrap_err();
    assert!(matches!(garbage, ConnectError::Protocol(_)), "{garbage}");
    let silent = connect(&scripted(b"").await).await.unwrap_err();
    assert!(matches!(silent, ConnectError::TimedOut(_)), "{silent}");
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = connect(&request(unused)).await.unwrap_err();
    assert!(matches!(nobody, ConnectError::Unreachable(_)), "{nobody}");
}

fn greeting(capabilities: CapabilityFlags) -> Greeting {
    let status = crate::wire::capability::StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    let (server_version, auth_plugin) = (b"9.7.0".to_vec(), b"caching_sha2_password".to_vec());
    let (connection_id, mariadb_capabilities, charset) = (1, MariaDbCapabilities::empty(), 45);
    Greeting {
        server_version,
        connection_id,
        nonce: [b'n'; 20],
        capabilities,
        mariadb_capabilities,
        charset,
        status,
        auth_plugin,
    }
}

#[test]
fn only_what_is_translated_is_asked_for() {
    let (all, extended) = negotiate(&request(1), &greeting(CapabilityFlags::all())).unwrap();
    assert_eq!(extended, MariaDbCapabilities::empty());
    for never in [
        CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM,
        CapabilityFlags::CLIENT_PROGRESS_OBSOLETE,
        CapabilityFlags::CLIENT_SSL,
        CapabilityFlags::CLIENT_COMPRESS,
    ] {
        assert!(!all.intersects(never), "{never:?}");
    }
    let silent = ConnectRequest { capabilities: CapabilityFlags::empty(), schema: None, ..request(1) };
    let (least, _) = negotiate(&silent, &greeting(CapabilityFlags::all())).unwrap();
    assert_eq!(least, ALWAYS | CapabilityFlags::CLIENT_LONG_PASSWORD);
}

#[test]
fn of_mariadbs_capabilities_what_both_sides_have_is_asked_for() {
    let offers = |mariadb_capabilities| Greeting {
        mariadb_capabilities,
        ..greeting(CapabilityFlags::all() - CapabilityFlags::CLIENT_LONG_PASSWORD)
    };
    let ask = |extended, offered| {
        let (capabilities, asked) = negotiate(&ConnectRequest { extended, ..request(1) }, &offers(offered)).unwrap();
        // A server reads them only where the bit is off.
        assert_eq!(capabilities.contains(CapabilityFlags::CLIENT_LONG_PASSWORD), asked.is_empty(), "{asked:?}");
        asked
    };
    let (all, none) = (MariaDbCapabilities::from_bits_retain(u32::MAX), MariaDbCapabilities::empty());
    let bulk = MariaDbCapabilities::STMT_BULK_OPERATIONS;
    assert_eq!(ask(all, all), EXTENDED_BY_WISH);
    assert_eq!(ask(bulk, all), bulk);
    assert_eq!(ask(all, bulk), bulk);
    assert_eq!(ask(all, none), none);
    assert_eq!(ask(none, all), none);
}

#[test]
fn tls_follows_the_mode() {
    let with = greeting(CapabilityFlags::all());
    let without = greeting(CapabilityFlags::all() - CapabilityFlags::CLIENT_SSL);
    let ask = |mode, client_is_tls| ConnectRequest { tls: tls_of(mode), client_is_tls, ..request(1) };
    assert!(!wants_tls(&ask(ClientMode::Disabled, true), &with).unwrap());
    assert!(wants_tls(&ask(ClientMode::Preferred, false), &with).unwrap());
    assert!(!wants_tls(&ask(ClientMode::Preferred, true), &without).unwrap());
    assert!(wants_tls(&ask(ClientMode::AsClient, true), &with).unwrap());
    assert!(!wants_tls(&ask(ClientMode::AsClient, false), &with).unwrap());
    assert!(wants_tls(&ask(ClientMode::Required, false), &without).is_err());
}

/// Runs a query; returns the raw bytes of the answer's first read.
async fn query(connected: &mut Connected, text: &str) -> String {
    let mut payload = vec![3];
    if connected.capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES) {
        payload.extend([0, 1]);
    }
    payload.extend(text.as_bytes());
    connected.channel.begin_command();
    connected.channel.push(&payload);
    connected.channel.flush().await.unwrap();
    connected.channel.fill().await.unwrap();
    let answer = connected.channel.received().to_vec();
    connected.channel.consume(answer.len());
    assert!(answer.len() > packet::HEADER_BYTES);
    String::from_utf8_lossy(&answer).into_owned()
}

fn real_port() -> u16 {
    std::env::var("FOREBAY_TEST_PORT").unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn a_real_server_lets_us_in_cold_and_warm_with_and_without_tls() {
    for (mode, socket, compress) in [
        (ClientMode::Disabled, false, false),
        (ClientMode::Disabled, false, true),
        (ClientMode::Preferred, false, false),
        (ClientMode::Required, false, true),
        (ClientMode::Disabled, true, false),
        (ClientMode::Required, true, false),
    ] {
        let mut root = request(real_port());
        root.address = Address::Unix(std::env::var("FOREBAY_TEST_SOCKET").unwrap().into());
        root.user = b"root".to_vec();
        root.credential = Credential::Password(Vec::new());
        root.schema = None;
        let mut root = connect(&root).await.unwrap();
        query(&mut root, "FLUSH PRIVILEGES").await;
        for _ in 0..2 {
            let mut ask = ConnectRequest { tls: tls_of(mode), ..request(real_port()) };
            ask.capabilities.set(CapabilityFlags::CLIENT_COMPRESS, compress);
            if socket {
                ask.address = Address::Unix(std::env::var("FOREBAY_TEST_SOCKET").unwrap().into());
            }
            let mut connected = connect(&ask).await.unwrap_or_else(|error| panic!("{mode:?} {socket}: {error}"));
            assert_eq!(connected.channel.is_compressed(), compress);
            assert_eq!(connected.channel.stream().is_tls(), mode != ClientMode::Disabled);
            let who = query(&mut connected, "SELECT CURRENT_USER(), DATABASE(), CONNECTION_ID()").await;
            assert!(who.contains("app@%") && who.contains("\x03app"), "{who:?}");
            assert!(who.contains(&connected.greeting.connection_id.to_string()), "{who:?}");
            let tls = query(&mut connected, "SHOW STATUS LIKE 'Ssl_cipher'").await;
            assert_eq!(tls.contains("TLS_"), mode != ClientMode::Disabled, "{tls:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn a_real_server_refuses_in_its_own_words() {
    for (user, schema, code) in [("nobody", "app", 1045), ("app", "app", 1045), ("app", "elsewhere", 1044)] {
        let right = code == 1044;
        let ask = ConnectRequest {
            user: user.into(),
            schema: Some(schema.into()),
            credential: Credential::Password(if right { b"secret".to_vec() } else { b"wrong".to_vec() }),
            ..request(real_port())
        };
        match connect(&ask).await.unwrap_err() {
            ConnectError::Refused { code: actual, .. } => assert_eq!(actual, code),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn half_a_credential_opens_what_it_can() {
    let with = |credential| ConnectRequest { credential, ..request(real_port()) };
    let warm = connect(&request(real_port())).await.unwrap();
    let native = connect(&with(Credential::NativeStage1(native::stage1(b"secret")))).await;
    let sha2 = connect(&with(Credential::Sha2Stage1(caching_sha2::stage1(b"secret")))).await;
    let (works, fails) = match &warm.greeting.auth_plugin[..] {
        b"mysql_native_password" => (native, sha2),
        _ => (sha2, native),
    };
    works.unwrap();
    let error = fails.unwrap_err();
    assert!(matches!(&error, ConnectError::Impossible(why) if why.contains("password_file")), "{error}");
}

#[tokio::test]
#[ignore = "needs a real server, and its CA in FOREBAY_TEST_CA"]
async fn a_real_servers_certificate_is_verified() {
    let with = |verify, ca| {
        let settings = ClientSideSettings { mode: ClientMode::Required, verify, ca: Some(ca), ..Default::default() };
        ConnectRequest { tls: ClientSide::load(&settings).unwrap(), ..request(real_port()) }
    };
    let ca: std::path::PathBuf = std::env::var("FOREBAY_TEST_CA").unwrap().into();
    connect(&with(Verify::Ca, ca)).await.unwrap();
}
