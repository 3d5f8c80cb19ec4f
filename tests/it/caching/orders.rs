//! What operators and applications order, and what they are shown.

use super::{caching, connect, read, set_directly, table, told, until_hit, until_kept};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::free_port,
    http,
    raw::{Client, Login},
};

both!(orders_make_answers_void);

const RULES: &str = "rules: [{name: kept, match: {kind: select}, cache: {ttl: 10m, tags: [catalog, other]}}]\n";

fn post(port: u16, path: &str, token: &str) -> String {
    http::post(port, path, &format!("Authorization: Bearer {token}\r\n"), "")
}

fn orders_make_answers_void(bed: &Bed) {
    const TOKEN: &str = "a-token-of-the-test";
    table(bed, "kept_z");
    let (port, http) = (free_port(), free_port());
    let admin = format!(
        "admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n  \
         http: {{listen: \"127.0.0.1:{http}\", token: {TOKEN}}}\n"
    );
    let forebay = caching(bed, RULES, &admin);
    let mut operator = Client::connect(&Endpoint::new(port), &Login::operator()).unwrap();
    let mut client = connect(&forebay);
    until_kept(bed, &mut client, "kept_z");
    until_hit(&mut client, "kept_z");
    let digest = {
        let all = operator.rows("SHOW CACHE ENTRIES LIKE 'ke%'");
        assert!(!all.is_empty() && all.iter().all(|row| row[0] == "kept"), "{all:?}");
        all[0][1].clone()
    };
    assert_eq!(operator.rows("SHOW CACHE ENTRIES LIKE 'nothing'").len(), 0);
    let mut n = 0;
    let mut is_void_after = |order: &mut dyn FnMut()| {
        n += 1;
        let before = until_hit(&mut client, "kept_z");
        set_directly(bed, "kept_z", n);
        assert_eq!(read(&mut client, "kept_z"), before, "{}", told(&mut client));
        order();
        let now = read(&mut client, "kept_z");
        assert!(now == n || now == before, "{now}");
        now == n
    };
    for (order, voids) in [
        ("FLUSH CACHE", true),
        ("flush cache table app.kept_z;", true),
        ("FLUSH CACHE TABLE `app`.`kept_z`", true),
        ("FLUSH CACHE SCHEMA app", true),
        ("FLUSH CACHE TAG catalog", true),
        ("FLUSH CACHE TAG 'other'", true),
        ("FLUSH CACHE RULE kept", true),
        (&format!("FLUSH CACHE DIGEST {digest}"), true),
        ("FLUSH CACHE TAG nobodys", false),
        ("FLUSH CACHE TABLE app.others", false),
        ("FLUSH CACHE SCHEMA nothing", false),
    ] {
        assert_eq!(is_void_after(&mut || drop(operator.ok(order))), voids, "{order}");
    }
    for (wrong, right) in [
        ("FLUSH CACHE TABLE kept_z", "schema.table"),
        ("FLUSH CACHE COLOUR x", "table, schema, tag"),
        ("FLUSH CACHE DIGEST x", "16 hexadecimal"),
    ] {
        let error = operator.query(wrong).error().unwrap_or_else(|| panic!("{wrong}"));
        assert!(error.2.contains(right), "{wrong}: {}", error.2);
    }
    for query in ["?tag=catalog", "?table=app.kept_z", "?tag=nobodys&schema=app", "", "?rule=kept"] {
        let order = &mut || {
            let answer = post(http, &format!("/cache/invalidate{query}"), TOKEN);
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        };
        assert!(is_void_after(order), "{query}");
    }
    let half_wrong = &mut || {
        assert!(post(http, "/cache/invalidate?tag=catalog&colour=x", TOKEN).starts_with("HTTP/1.1 400"));
    };
    assert!(!is_void_after(half_wrong), "an order of which a part is wrong is carried out in no part");
    assert!(post(http, "/cache/invalidate?colour=x", TOKEN).starts_with("HTTP/1.1 400"));
    assert!(post(http, "/cache/invalidate", "wrong").starts_with("HTTP/1.1 401"));
    let figures = operator.rows("SHOW CACHE");
    let of = &figures[0];
    let number = |at: usize| of[at].parse::<u64>().unwrap();
    assert!(of[0] == "kept" && number(1) > 10 && number(4) > 10 && number(5) > 10 && number(11) > 0, "{of:?}");
    assert_eq!(of[14], "open");
    forebay.assert_sound();
}
