//! The raw client itself, against the servers alone.

use crate::support::{
    bed::{Bed, both},
    raw::{Cap, Client, Expect, Login, PLAIN, Value, execute},
};

both!(logs_in_every_way, reads_every_reply);

fn logs_in_every_way(bed: &Bed) {
    for tls in [false, true] {
        for capabilities in [PLAIN, Login::default().capabilities, PLAIN.union(Cap::CLIENT_SESSION_TRACK)] {
            let login = Login { tls, capabilities, schema: Some("app".into()), ..Login::default() };
            let mut client = Client::connect(&bed.direct(), &login).unwrap();
            assert_eq!(client.value("SELECT DATABASE()"), "app");
        }
    }
    let refused = Client::connect(&bed.direct(), &Login { password: "wrong".into(), ..Login::default() });
    assert!(refused.unwrap_err().to_string().contains("ERROR 1045 (28000)"));
}

fn reads_every_reply(bed: &Bed) {
    for capabilities in
        [PLAIN | Cap::CLIENT_MULTI_STATEMENTS | Cap::CLIENT_MULTI_RESULTS, Login::default().capabilities]
    {
        let mut client = Client::connect(&bed.direct(), &Login::to("app").with(capabilities)).unwrap();
        let several = client.ok("SELECT 1; SET @a = 2; SELECT @a, NULL UNION ALL SELECT 3, 4");
        assert_eq!(several.text_rows().len(), 3);
        assert_eq!(client.query("SELECT 1; SELECT nonsense").code(), Some(1054));
        let prepared = client.command(b"\x16SELECT ?, ? + 1", Expect::Prepare);
        let id = u32::from_le_bytes(prepared.packets[0].1[1..5].try_into().unwrap());
        let reply =
            client.command(&execute(id, 0, &[Value::Bytes(b"x".to_vec()), Value::Int(41)], true), Expect::Results);
        assert!(reply.error().is_none(), "{reply}");
        let cursor = client.command(&execute(id, 1, &[Value::Null, Value::Double(1.5)], true), Expect::Results);
        assert!(cursor.error().is_none(), "{cursor}");
        let fetched = client.command(&[&[0x1c][..], &id.to_le_bytes(), &9_u32.to_le_bytes()].concat(), Expect::Rows);
        assert!(fetched.error().is_none(), "{fetched}");
        assert_eq!(client.change_user("app", "secret", "app", 45).error(), None);
        assert_eq!(client.value("SELECT DATABASE()"), "app");
        assert!(client.command(b"\x09", Expect::Text).error().is_none());
        assert_eq!(client.value("SELECT REPEAT('x', 20 << 20)").len(), 20 << 20);
    }
}
