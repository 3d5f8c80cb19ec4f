//! No password stands in a log, whatever the level and however it went.

use super::{House, houses, login, outcome};
use crate::support::{
    forebay::Forebay,
    paths,
    raw::{Client, Login},
};

houses!(as_text, as_json);

fn as_text(house: &House) {
    nothing_is_told(house, "text");
}

fn as_json(house: &House) {
    nothing_is_told(house, "json");
}

fn nothing_is_told(house: &House, format: &str) {
    let file = paths::scratch("files").join("other");
    std::fs::write(&file, "pw-other").unwrap();
    let hash = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7";
    let users = format!(
        "  - {{name: plain, passwords: [\"${{FOREBAY_TEST_PASSWORD}}\", pw-retired]}}\n  - {{name: other, password_file: \
         {}}}\n  - {{name: hashed, password_hash: \"{hash}\"}}\n  - {{name: wrongly, password: pw-wrongly}}\n",
        file.display()
    );
    let more = format!("log: {{level: trace, format: {format}}}\n");
    let yaml = house
        .yaml(&users, &more)
        .replace("monitor, password: secret", "monitor, password: \"${FOREBAY_TEST_MONITOR}\"");
    let forebay =
        Forebay::configured(&yaml, &[("FOREBAY_TEST_PASSWORD", "pw-plain"), ("FOREBAY_TEST_MONITOR", "secret")]);
    forebay.wait_until_serving();
    for tls in [false, true] {
        for plugin in [None, Some("caching_sha2_password"), Some("mysql_native_password"), Some("mysql_clear_password")]
        {
            for (user, password) in [
                ("plain", "pw-plain"),
                ("plain", "pw-retired"),
                ("other", "pw-other"),
                ("hashed", "secret"),
                ("wrongly", "pw-wrongly"),
                ("plain", "pw-mistaken"),
                ("nobody", "pw-mistaken"),
            ] {
                let login = Login { tls, plugin: plugin.map(str::to_owned), ..login(user, password) };
                outcome(&forebay.endpoint, &login);
            }
        }
    }
    let mut client = Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
    for statement in [
        "SET PASSWORD FOR nobody@'%' = 'pw-statement'",
        "CREATE USER x@y IDENTIFIED BY 'pw-statement'",
        "ALTER USERS x@y IDENTIFIED BY 'pw-statement'",
        "SELECT 'pw-statement' FROM app.t WHERE nonsense('pw-statement')",
        "SELECT n FROM app.t WHERE 'pw-statement' = ''",
        "INSERT INTO app.t VALUES ('pw-statement')",
        "SET @hidden = 'pw-statement'",
        "SET sql_mode = 'pw-statement'",
        "SELECT * FROM app.`pw-statement`",
        "USE `pw-statement`",
        "DO SLEEP('pw-statement')",
    ] {
        client.query(statement);
    }
    let prepare =
        client.command(b"\x16SELECT 'pw-statement' FROM app.t WHERE nonsense(?)", crate::support::raw::Expect::Prepare);
    assert!(prepare.error().is_some());
    client.change_user("other", "pw-other", "app", 45);
    client.change_user("other", "pw-mistaken", "app", 45);
    drop(client);
    // The word itself is none.
    let log = forebay.log().replace("the user's secret", "");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log:.2000}");
    assert!(log.contains("login refused"), "{log:.2000}");
    for secret in
        ["pw-plain", "pw-retired", "pw-other", "pw-wrongly", "pw-mistaken", "pw-statement", &hash[1..], "secret"]
    {
        let said: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(said.is_empty(), "`{secret}` in\n{}", said.join("\n"));
        // As bytes, or as the driver's Debug would show them.
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = &bytes[1..bytes.len() - 1];
        assert!(!log.contains(bytes), "the bytes of `{secret}`");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!log.to_ascii_lowercase().contains(&hex), "`{secret}` in hexadecimal");
    }
    forebay.assert_sound();
}
