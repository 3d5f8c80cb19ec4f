//! Servers whose new sessions begin differently: a session is what it would be on the primary, wherever it reads.

use super::{House, houses, login};
use crate::support::{
    endpoint::Endpoint,
    forebay::Forebay,
    raw::{Client, Kind, Login},
};

houses!(the_primarys_globals_count, an_init_connect, an_init_connect_that_fails);

/// Answers depend on the session's variables.
const READS: [&str; 9] = [
    "SELECT \"text\" AS quoted FROM app.t",
    "SELECT 'a' || 'b' FROM app.t",
    "SELECT 1 / 3, 10 / 4 FROM app.t",
    "SELECT FROM_UNIXTIME(0) FROM app.t",
    "SELECT DAYNAME('2026-01-01'), MONTHNAME('2026-01-01'), WEEK('2026-01-01') FROM app.t",
    "SELECT GROUP_CONCAT(REPEAT('x', 30) SEPARATOR '') FROM app.t",
    "SELECT CHARSET('x'), COLLATION('x') FROM app.t",
    "SELECT id FROM app.t UNION ALL SELECT 2 UNION ALL SELECT 3",
    "SELECT CAST('2026-02-31' AS DATE), 5 DIV 0 FROM app.t",
];

/// What each read says on a connection; a hint in front says where it is to run.
fn answers(to: &Endpoint, hint: &str) -> Vec<String> {
    let mut client = Client::connect(to, &Login { schema: Some("app".into()), ..login("plain", "pw-plain") }).unwrap();
    READS
        .iter()
        .map(|read| {
            let reply = client.query(format!("{hint}{read}"));
            match reply.error() {
                Some((code, ..)) => format!("{read}: error {code}"),
                None => format!("{read}: {:?}", reply.text_rows()),
            }
        })
        .collect()
}

fn assert_as_on_the_primary(house: &House, forebay: &Forebay) {
    let direct = answers(&house.direct(), "");
    for hint in ["", "/* forebay: server=replica1 */ ", "/* forebay: server=primary */ "] {
        let other = answers(&forebay.endpoint, hint);
        for (direct, other) in direct.iter().zip(&other) {
            assert_eq!(direct, other, "with {hint:?}");
        }
    }
    let mut client = Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
    let server = client.value("/* forebay: server=replica1 */ SELECT @@server_id FROM app.t");
    assert_eq!(server, "2", "the hint leads to the replica");
}

fn the_primarys_globals_count(house: &House) {
    let forebay = house.forebay_with("  - {name: plain, password: pw-plain}\n", "routing: {hints_may_loosen: true}\n");
    let odd = [
        ("sql_mode", "'ANSI_QUOTES,PIPES_AS_CONCAT'"),
        ("time_zone", "'+05:30'"),
        ("lc_time_names", "'de_DE'"),
        ("div_precision_increment", "9"),
        ("group_concat_max_len", "7"),
        ("default_week_format", "3"),
        ("sql_select_limit", "2"),
    ];
    let before = answers(&house.direct(), "");
    house.with_globals(true, &odd, || assert_as_on_the_primary(house, &forebay));
    house.with_globals(false, &odd, || {
        assert_ne!(answers(&house.direct(), ""), before, "the settings matter");
        assert_as_on_the_primary(house, &forebay);
    });
    forebay.assert_sound();
}

fn an_init_connect(house: &House) {
    let forebay = house.forebay_with("  - {name: plain, password: pw-plain}\n", "routing: {hints_may_loosen: true}\n");
    let odd =
        "'SET SESSION sql_mode = ''ANSI_QUOTES,PIPES_AS_CONCAT'', time_zone = ''+03:00'', NAMES latin1, @greeting = 7'";
    for replica in [true, false] {
        house.with_globals(replica, &[("init_connect", odd)], || {
            assert_as_on_the_primary(house, &forebay);
            let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| {
                let mut client = Client::connect(&to, &login("plain", "pw-plain")).unwrap();
                [
                    client.value("SELECT @greeting"),
                    client.value("SELECT @@sql_mode"),
                    client.value("SELECT @greeting FROM app.t"),
                ]
            });
            assert_eq!(direct, other, "init_connect on the replica: {replica}");
        });
    }
    forebay.assert_sound();
}

/// The server ends every connection. On the replica that costs nothing: reads go to the primary.
fn an_init_connect_that_fails(house: &House) {
    let forebay = house.forebay_with("  - {name: plain, password: pw-plain}\n", "failover: {wait: 0s}\n");
    house.with_globals(true, &[("init_connect", "'SELECT nonsense'")], || {
        let mut client = Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
        for _ in 0..3 {
            assert_eq!(client.value("SELECT n FROM app.t"), "0");
        }
        client.ok("UPDATE app.t SET n = 0");
    });
    house.with_globals(false, &[("init_connect", "'SELECT nonsense'")], || {
        let run = |to: &Endpoint, text: &str| match Client::connect(to, &login("plain", "pw-plain")) {
            Ok(mut client) => client.query(text).packets.last().is_some_and(|(kind, _)| *kind != Kind::Err),
            Err(_) => false,
        };
        assert!(!run(&house.direct(), "SELECT n FROM app.t"), "the server ends such a connection");
        assert!(run(&forebay.endpoint, "SELECT n FROM app.t"), "plain reads go on, as without a primary");
        assert!(!run(&forebay.endpoint, "UPDATE app.t SET n = n"));
    });
    assert!(Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).is_ok());
    forebay.assert_sound();
}
