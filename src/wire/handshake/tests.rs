use super::*;
use crate::wire::capability::StatusFlags;
use proptest::prelude::*;

const MARIADB: &[u8] = b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1-log\x00\x07\x00\x00\x00cr4KZems\x00\xfe\xff\x08\x02\x00\
    \xff\x81\x15\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00y&P>(JzLJmiF\x00mysql_native_password\x00";
const MYSQL: &[u8] = b"\x0a9.7.4-2\x00\x0b\x00\x00\x00|\x20\x0bv\x18e\x04\x01\x00\xff\xff\xff\x02\x00\
    \xff\xdf\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7fO!\x1bx%\x08\x19\x17\x1bA\x13\x00caching_sha2_password\x00";

#[track_caller]
fn greeting_both_ways(payload: &[u8]) -> Greeting {
    let greeting = Greeting::parse(payload).unwrap();
    let mut out = Vec::new();
    greeting.push(&mut out);
    assert_eq!(out, payload);
    greeting
}

#[test]
fn mariadbs_greeting_has_extended_capabilities_in_its_filler() {
    let greeting = greeting_both_ways(MARIADB);
    assert_eq!(greeting.server_version, b"5.5.5-10.11.19-MariaDB-0+deb12u1-log");
    assert_eq!(greeting.connection_id, 7);
    assert_eq!(&greeting.nonce, b"cr4KZemsy&P>(JzLJmiF");
    assert_eq!(greeting.capabilities.bits(), 0x81ff_fffe);
    assert_eq!(greeting.mariadb_capabilities.bits(), 0x1d);
    assert_eq!((greeting.charset, greeting.status), (8, StatusFlags::SERVER_STATUS_AUTOCOMMIT));
    assert_eq!(greeting.auth_plugin, b"mysql_native_password");
}

#[test]
fn mysqls_greeting_keeps_the_bit_without_a_name() {
    let greeting = greeting_both_ways(MYSQL);
    assert_eq!(greeting.capabilities.bits(), 0xdfff_ffff);
    assert_eq!((greeting.mariadb_capabilities.bits(), greeting.charset), (0, 0xff));
    assert_eq!(greeting.auth_plugin, b"caching_sha2_password");
}

#[test]
fn no_greeting() {
    assert!(Greeting::parse(b"\xff\x10\x04Too many connections").is_err());
    assert!(Greeting::parse(&MARIADB[..60]).is_err());
    let mut long_nonce = MARIADB.to_vec();
    let length = MARIADB.iter().position(|&byte| byte == 0x15).unwrap();
    long_nonce[length] = 0xff;
    assert!(Greeting::parse(&long_nonce).is_err());
}

/// `mysql -uroot w` of MySQL 9.7 to its server.
const MYSQL_CLI: &[u8] = b"\x8d\xa2\xbf\x19\x00\x00\x00\x01\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00root\x00\x01\x00w\x00caching_sha2_password\x00\x72\
    \x04_pid\x0511869\x09_platform\x06x86_64\x03_os\x05Linux\x0c_client_name\x08libmysql\x07os_user\x04root\
    \x0f_client_version\x059.7.4\x0cprogram_name\x05mysql";
/// `mariadb --skip-ssl -uroot w` of MariaDB 10.11 to its server: extended capabilities at the filler's end.
const MARIADB_CLI: &[u8] = b"\x8c\xa2\xbf\x00\x00\x00\x10\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00root\x00\x00w\x00mysql_native_password\x00\x68\
    \x03_os\x05Linux\x0c_client_name\x0alibmariadb\x04_pid\x0512010\x0f_client_version\x063.3.20\
    \x09_platform\x06x86_64\x0cprogram_name\x05mysql";
/// PHP 8.4's PDO with a password to MariaDB.
const PDO: &[u8] = b"\x8d\xa2\x1b\x00\x00\x00\x00\xc0\x2d\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00app\x00\
    \x14\xfb8F\x8d\xcfn\x18h\xe9\xb7`\xe8y\x08\xa1\xe3\xca\xbcC\x84w\x00mysql_native_password\x00\
    \x2c\x0c_client_name\x07mysqlnd\x0c_server_host\x09127.0.0.1";

#[track_caller]
fn login_both_ways(payload: &[u8]) -> Login {
    let FirstPacket::Login(login) = FirstPacket::parse(payload).unwrap() else { panic!("a login") };
    let mut out = Vec::new();
    login.push(&mut out);
    assert_eq!(out, payload);
    login
}

#[test]
fn the_mysql_command_line_logs_in() {
    let login = login_both_ways(MYSQL_CLI);
    assert_eq!((login.capabilities.bits(), login.mariadb_capabilities.bits()), (0x19bf_a28d, 0));
    assert_eq!((login.max_packet_bytes, login.charset), (1 << 24, 255));
    // An empty password is one zero byte with this plugin.
    assert_eq!((&login.user[..], &login.auth[..]), (&b"root"[..], &b"\0"[..]));
    assert_eq!(login.schema.as_deref(), Some(&b"w"[..]));
    assert_eq!(login.auth_plugin.as_deref(), Some(&b"caching_sha2_password"[..]));
    assert!(login.attributes.starts_with(b"\x04_pid\x0511869\x09_platform"));
}

#[test]
fn the_mariadb_command_line_logs_in() {
    let login = login_both_ways(MARIADB_CLI);
    assert_eq!((login.mariadb_capabilities.bits(), login.charset), (0x1d, 33));
    assert!(login.auth.is_empty());
}

#[test]
fn pdo_logs_in() {
    let login = login_both_ways(PDO);
    assert_eq!((login.auth.len(), login.max_packet_bytes, login.charset), (20, 0xc000_0000, 45));
    assert!(
        !login.capabilities.intersects(CapabilityFlags::CLIENT_SESSION_TRACK | CapabilityFlags::CLIENT_DEPRECATE_EOF)
    );
}

/// `mariadb -uroot w`, before TLS.
#[test]
fn the_mariadb_command_line_asks_for_tls() {
    let payload = b"\x8c\xaa\xbf\x00\x00\x00\x10\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00";
    let capabilities = CapabilityFlags::from_bits_retain(0x00bf_aa8c);
    let ssl = FirstPacket::Ssl { capabilities, charset: 33, max_packet_bytes: 1 << 20 };
    assert_eq!(FirstPacket::parse(payload), Ok(ssl));
    let FirstPacket::Login(mut login) = FirstPacket::parse(MARIADB_CLI).unwrap() else { panic!("a login") };
    login.capabilities = capabilities;
    let mut out = Vec::new();
    login.push_ssl_request(&mut out);
    assert_eq!(out, payload);
}

#[test]
fn an_ssl_request_is_the_head_of_a_login() {
    let login = Login { capabilities: CapabilityFlags::from_bits_retain(0x0abf_a68c), ..some_login() };
    let mut out = Vec::new();
    login.push_ssl_request(&mut out);
    let capabilities = login.capabilities | CapabilityFlags::CLIENT_SSL;
    let ssl = FirstPacket::Ssl { capabilities, charset: 45, max_packet_bytes: 1 << 24 };
    assert_eq!((out.len(), FirstPacket::parse(&out)), (32, Ok(ssl)));
    out.clear();
    let inside = Login { capabilities, ..login };
    inside.push(&mut out);
    assert!(matches!(FirstPacket::parse(&out), Ok(FirstPacket::Login(_))));
}

#[test]
fn a_login_without_protocol_41_is_old() {
    assert_eq!(FirstPacket::parse(b"\x85\x24\x00\x00\x00root\x00"), Ok(FirstPacket::Old));
}

#[test]
fn announced_fields_may_be_missing_at_the_end() {
    let mut out = Vec::new();
    let login = Login { attributes: Vec::new(), zstd_level: None, ..some_login() };
    login.push(&mut out);
    // Without the empty attributes' length and the plugin's closing zero.
    let FirstPacket::Login(cut) = FirstPacket::parse(&out[..out.len() - 2]).unwrap() else { panic!("a login") };
    assert_eq!(cut, login);
}

fn some_login() -> Login {
    Login {
        capabilities: CapabilityFlags::all() - CapabilityFlags::CLIENT_LONG_PASSWORD,
        mariadb_capabilities: MariaDbCapabilities::STMT_BULK_OPERATIONS,
        max_packet_bytes: 1 << 24,
        charset: 45,
        user: b"app".to_vec(),
        auth: vec![7; 20],
        schema: Some(b"app".to_vec()),
        auth_plugin: Some(b"mysql_native_password".to_vec()),
        attributes: b"\x04_pid\x0242".to_vec(),
        zstd_level: Some(3),
    }
}

/// What both servers answer when a client with another default plugin than the account's changes user.
#[test]
fn auth_switch() {
    let payload = b"\xfemysql_native_password\x00tOkN&mx2-*-CG|\\7=m.:\x00";
    let switch = AuthReply::Switch { plugin: b"mysql_native_password", nonce: b"tOkN&mx2-*-CG|\\7=m.:" };
    assert_eq!(parse_auth_reply(payload), Ok(switch));
    let mut out = Vec::new();
    push_auth_switch(&mut out, b"mysql_native_password", b"tOkN&mx2-*-CG|\\7=m.:");
    assert_eq!(out, payload);
    // client_ed25519's challenge has no closing zero and may end in one.
    let challenge = b"0123456789abcdefghijklmnopqrstu\0";
    let mut out = Vec::new();
    push_auth_switch_bare(&mut out, b"client_ed25519", challenge);
    assert_eq!(out, b"\xfeclient_ed25519\x000123456789abcdefghijklmnopqrstu\0");
    assert_eq!(parse_auth_reply(&out), Ok(AuthReply::Switch { plugin: b"client_ed25519", nonce: challenge }));
}

#[test]
fn other_auth_replies() {
    assert_eq!(parse_auth_reply(b"\x00\x00\x00\x02\x00\x00\x00"), Ok(AuthReply::Ok));
    assert_eq!(parse_auth_reply(b"\xff\x15\x04#28000Access denied"), Ok(AuthReply::Err));
    assert_eq!(parse_auth_reply(b"\x01\x04"), Ok(AuthReply::More(b"\x04")));
    assert_eq!(parse_auth_reply(b"\xfe"), Ok(AuthReply::Switch { plugin: b"mysql_old_password", nonce: b"" }));
    assert!(parse_auth_reply(b"\x02next factor").is_err());
    assert!(parse_auth_reply(b"").is_err());
    let mut out = Vec::new();
    push_auth_more(&mut out, b"\x03");
    assert_eq!(out, b"\x01\x03");
}

#[test]
fn a_change_user() {
    let capabilities = CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_CONNECT_ATTRS;
    let payload = b"root\0\x00w\0\x2d\x01mysql_native_password\0\x0a\x04_pid\x04abcd";
    let change = ChangeUser {
        user: b"root".to_vec(),
        auth: Vec::new(),
        schema: b"w".to_vec(),
        charset: Some(0x012d),
        auth_plugin: Some(b"mysql_native_password".to_vec()),
        attributes: b"\x04_pid\x04abcd".to_vec(),
    };
    assert_eq!(ChangeUser::parse(payload, capabilities), Ok(change.clone()));
    let mut out = Vec::new();
    change.push(&mut out, capabilities);
    assert_eq!(out, payload);
    let short = ChangeUser { charset: None, auth_plugin: None, attributes: Vec::new(), ..change };
    assert_eq!(ChangeUser::parse(b"root\0\x00w\0", capabilities), Ok(short));
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1u8.., 0..30)
}

proptest! {
    #[test]
    fn greetings_come_back(
        server_version in text(), auth_plugin in text(), connection_id: u32, nonce: [u8; 20], bits: u32, filler: u32,
        charset: u8, status: u16,
    ) {
        let capabilities = CapabilityFlags::from_bits_retain(bits);
        let greeting = Greeting {
            server_version, connection_id, nonce, capabilities, charset,
            mariadb_capabilities: mariadb_capabilities(capabilities, filler),
            status: StatusFlags::from_bits_retain(status),
            auth_plugin: if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) { auth_plugin } else { vec![] },
        };
        let mut out = Vec::new();
        greeting.push(&mut out);
        prop_assert_eq!(Greeting::parse(&out), Ok(greeting));
    }

    #[test]
    fn logins_come_back(
        bits: u32, filler: u32, max_packet_bytes: u32, charset: u8, user in text(), auth in text(), schema in text(),
        plugin in text(), attributes: Vec<u8>, level: u8,
    ) {
        let capabilities = CapabilityFlags::from_bits_retain(bits) | CapabilityFlags::CLIENT_PROTOCOL_41;
        let has = |bit| capabilities.contains(bit);
        let login = Login {
            capabilities, max_packet_bytes, charset, user, auth,
            mariadb_capabilities: mariadb_capabilities(capabilities, filler),
            schema: has(CapabilityFlags::CLIENT_CONNECT_WITH_DB).then_some(schema),
            auth_plugin: has(CapabilityFlags::CLIENT_PLUGIN_AUTH).then_some(plugin),
            attributes: if has(CapabilityFlags::CLIENT_CONNECT_ATTRS) { attributes } else { vec![] },
            zstd_level: has(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM).then_some(level),
        };
        let mut out = Vec::new();
        login.push(&mut out);
        prop_assert_eq!(FirstPacket::parse(&out), Ok(FirstPacket::Login(login)));
    }

    #[test]
    fn change_users_come_back(
        bits: u32, user in text(), auth in text(), schema in text(), charset: u16, plugin in text(), attributes: Vec<u8>,
    ) {
        let capabilities = CapabilityFlags::from_bits_retain(bits);
        let has = |bit| capabilities.contains(bit);
        let plugins = has(CapabilityFlags::CLIENT_PLUGIN_AUTH);
        let attributes = if has(CapabilityFlags::CLIENT_CONNECT_ATTRS) { attributes } else { vec![] };
        let change =
            ChangeUser { user, auth, schema, charset: Some(charset), auth_plugin: plugins.then_some(plugin), attributes };
        let mut out = Vec::new();
        change.push(&mut out, capabilities);
        prop_assert_eq!(ChangeUser::parse(&out, capabilities), Ok(change));
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, bits: u32) {
        let _ = Greeting::parse(&bytes);
        let _ = FirstPacket::parse(&bytes);
        let _ = ChangeUser::parse(&bytes, CapabilityFlags::from_bits_retain(bits));
        let _ = parse_auth_reply(&bytes);
        let fronted = [&[0x0a, 0][..], &bytes].concat();
        let _ = Greeting::parse(&fronted);
        let head = [&(bits | 0x200).to_le_bytes()[..], &[0; 28], &bytes].concat();
        let _ = FirstPacket::parse(&head);
    }
}
