//! Clients from before the present protocol, and packets that are no login.

use std::io::Read;

use super::{House, houses};
use crate::support::{
    cluster::Kind,
    endpoint::Endpoint,
    raw::{Cap, Greeting, PLAIN, Stream, error_text, proof},
};

houses!(first_packets);

/// What comes back for a first packet: an error as text, `asked` for a question, `closed`.
fn answer(to: &Endpoint, first: impl Fn(&Greeting) -> Vec<u8>) -> String {
    let mut stream = Stream::connect(to).unwrap();
    let mut seq = 0;
    let greeting = Greeting::parse(&stream.read_payload(&mut seq).unwrap());
    stream.write_payload(&mut seq, &first(&greeting)).unwrap();
    match stream.read_payload(&mut seq) {
        Ok(payload) if payload.first() == Some(&0xff) => error_text(&payload).replace(" ()", " (HY000)"),
        Ok(payload) if payload.first() == Some(&0) => "OK".into(),
        Ok(payload) => format!("asked {:02x}", payload[0]),
        Err(_) => {
            let rest = stream.read(&mut [0; 100]);
            assert!(matches!(rest, Ok(0) | Err(_)), "{rest:?}");
            "closed".into()
        }
    }
}

fn head(capabilities: Cap) -> Vec<u8> {
    let mut out = capabilities.bits().to_le_bytes().to_vec();
    out.extend((16_u32 << 20).to_le_bytes());
    out.push(8);
    out.extend([0; 23]);
    out
}

/// A login in the form of protocol 4.1; `native` is the answer of mysql_native_password.
fn login(capabilities: Cap, user: &str, native: &[u8]) -> Vec<u8> {
    let mut out = head(capabilities);
    out.extend(user.as_bytes());
    out.push(0);
    if capabilities.contains(Cap::CLIENT_SECURE_CONNECTION) {
        out.push(u8::try_from(native.len()).unwrap());
        out.extend(native);
    } else {
        out.extend(native);
        out.push(0);
    }
    if capabilities.contains(Cap::CLIENT_PLUGIN_AUTH) {
        out.extend(b"mysql_native_password\0");
    }
    out
}

/// The login of MySQL 3.20 and 4.0: 16 bits of capabilities, 24 of packet size, user, scramble of eight characters.
fn from_before_41(user: &str, scramble: &[u8]) -> Vec<u8> {
    let capabilities = (Cap::CLIENT_LONG_PASSWORD | Cap::CLIENT_TRANSACTIONS).bits();
    let mut out = capabilities.to_le_bytes()[..2].to_vec();
    out.extend(&(1_u32 << 20).to_le_bytes()[..3]);
    out.extend(user.as_bytes());
    out.push(0);
    out.extend(scramble);
    out
}

/// As the server, but for two things: who can't switch to another plugin gets in with mysql_native_password also in front
/// of a MySQL that has no such plugin, and answers of impossible lengths are wrong rather than malformed.
fn first_packets(house: &House) {
    let forebay = house.forebay("");
    let native = |greeting: &Greeting| proof("mysql_native_password", "pw-plain", &greeting.nonce);
    let no_plugin = PLAIN.difference(Cap::CLIENT_PLUGIN_AUTH);
    let insecure = no_plugin.difference(Cap::CLIENT_SECURE_CONNECTION);
    let mysql = house.kind() == Kind::MySql;
    let packets: Vec<(&str, First<'_>, Option<&str>)> = vec![
        ("before 4.1", Box::new(|_| from_before_41("plain", b"ABCDEFGH")), None),
        ("no SECURE_CONNECTION", Box::new(|_| login(insecure, "plain", b"ABCDEFGH")), None),
        ("no SECURE_CONNECTION, no password", Box::new(|_| login(insecure, "nopass", b"")), Some("OK")),
        ("no plugins, wrong", Box::new(|_| login(no_plugin, "plain", &[7; 20])), Some(WRONG)),
        ("no plugins", Box::new(|greeting| login(no_plugin, "plain", &native(greeting))), Some("OK")),
        ("plain", Box::new(|greeting| login(PLAIN, "plain", &native(greeting))), Some("OK")),
        ("nothing", Box::new(|_| Vec::new()), None),
        ("one byte", Box::new(|_| vec![1]), None),
        ("a head only", Box::new(|_| head(PLAIN)), None),
        ("half a head", Box::new(|_| head(PLAIN)[..20].to_vec()), None),
        ("a user without its end", Box::new(|_| [head(PLAIN), b"plain".to_vec()].concat()), None),
        ("an answer that is too short", Box::new(|_| [head(PLAIN), b"plain\0\x14abc".to_vec()].concat()), None),
        ("a query", Box::new(|_| b"\x03SELECT 1".to_vec()), None),
    ];
    let mut differences = String::new();
    for (name, first, in_front_of_mysql) in &packets {
        let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| answer(&to, first));
        let expected = in_front_of_mysql.filter(|_| mysql).unwrap_or(&direct);
        if other != expected {
            differences += &format!("{name}: {expected} (directly {direct}), but {other}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
    forebay.assert_sound();
}

type First<'a> = Box<dyn Fn(&Greeting) -> Vec<u8> + 'a>;
const WRONG: &str = "ERROR 1045 (28000): Access denied for user 'plain'@'localhost' (using password: YES)";
