//! Logging in, in every way, and replies of every form; the raw client itself.

use crate::support::{
    bed::{Bed, both},
    raw::{Cap, Client, Expect, Login, PLAIN, Value, execute},
};

both!(logs_in_every_way, refuses_in_the_same_words, greets_as_the_server_does, reads_every_reply);

fn logs_in_every_way(bed: &Bed) {
    for endpoint in [bed.direct(), bed.forebay(), bed.forebay_socket()] {
        for tls in [false, true] {
            for capabilities in [PLAIN, Login::default().capabilities, PLAIN.union(Cap::CLIENT_SESSION_TRACK)] {
                let tls = tls && endpoint.socket.is_none();
                let login = Login { tls, ..Login::to("app").with(capabilities) };
                let mut client = Client::connect(&endpoint, &login).unwrap();
                assert_eq!(client.value("SELECT DATABASE()"), "app");
            }
        }
    }
}

fn refuses_in_the_same_words(bed: &Bed) {
    let user = |name: &str, password: &str| Login { user: name.into(), password: password.into(), ..Login::default() };
    let schema = |login: Login| Login { schema: Some("app_missing".into()), ..login };
    for tls in [false, true] {
        for login in [
            user("app", "wrong"),
            user("app", ""),
            user("nobody", "secret"),
            user("nobody", ""),
            schema(user("app", "secret")),
        ] {
            let login = Login { tls, ..login };
            let refusal = |to| Client::connect(&to, &login).map(|_| ()).unwrap_err().to_string();
            let direct = refusal(bed.direct());
            assert!(direct.starts_with("ERROR 10"), "{direct}");
            assert_eq!(direct, refusal(bed.forebay()));
        }
    }
}

fn greets_as_the_server_does(bed: &Bed) {
    let greeting = |to| Client::connect(&to, &Login::default()).unwrap().greeting;
    let (direct, forebay) = (greeting(bed.direct()), greeting(bed.forebay()));
    assert_eq!(direct.version, forebay.version);
    assert_eq!(direct.charset, forebay.charset);
    assert_eq!(direct.status, forebay.status);
    assert_eq!(direct.plugin, forebay.plugin);
    let more = forebay.capabilities - direct.capabilities;
    assert!(more.is_empty(), "Forebay offers what the server does not: {more:?}");
}

fn reads_every_reply(bed: &Bed) {
    let several = PLAIN | Cap::CLIENT_MULTI_STATEMENTS | Cap::CLIENT_MULTI_RESULTS;
    for (_, endpoint) in bed.both() {
        for capabilities in [several, Login::default().capabilities] {
            read_every_reply(&mut Client::connect(&endpoint, &Login::to("app").with(capabilities)).unwrap());
        }
    }
}

fn read_every_reply(client: &mut Client) {
    let several = client.ok("SELECT 1; SET @a = 2; SELECT @a, NULL UNION ALL SELECT 3, 4");
    assert_eq!(several.text_rows().len(), 3);
    assert_eq!(client.query("SELECT 1; SELECT nonsense").code(), Some(1054));
    let prepared = client.command(b"\x16SELECT ?, ? + 1", Expect::Prepare);
    let id = u32::from_le_bytes(prepared.packets[0].1[1..5].try_into().unwrap());
    let values = [Value::Bytes(b"x".to_vec()), Value::Int(41)];
    let reply = client.command(&execute(id, 0, &values, true), Expect::Results);
    assert!(reply.error().is_none(), "{reply}");
    let cursor = client.command(&execute(id, 1, &[Value::Null, Value::Double(1.5)], true), Expect::Results);
    assert!(cursor.error().is_none(), "{cursor}");
    let fetched = client.command(&[&[0x1c][..], &id.to_le_bytes(), &9_u32.to_le_bytes()].concat(), Expect::Rows);
    assert!(fetched.error().is_none(), "{fetched}");
    assert_eq!(client.change_user("app", "secret", "app", 45).error(), None);
    assert_eq!(client.value("SELECT DATABASE()"), "app");
    assert!(client.command(b"\x09", Expect::Text).error().is_none());
    assert_eq!(client.value("SELECT REPEAT('x', 20 << 20)").len(), 20 << 20);
    assert_eq!(client.value(&format!("SELECT LENGTH('{}')", "x".repeat(17 << 20))), (17 << 20).to_string());
}
