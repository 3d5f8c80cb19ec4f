//! User variables are the session's, whoever had its connection meanwhile.

use super::forebay;
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    raw::{Client, Expect, Login},
};

both!(
    those_of_triggers_are_carried,
    user_variables_are_carried,
    what_is_not_carried_stays,
    undefined_ones_are_undefined
);

/// Values of every type.
const VALUES: &[&str] = &[
    "5",
    "-9223372036854775808",
    "18446744073709551615",
    "CAST(7 AS UNSIGNED)",
    "99999999999999999999",
    "1.50",
    "-0.001",
    "CAST(5 AS DECIMAL(5,0))",
    "1e0",
    "0.1e0 + 0.2e0",
    "-1e308",
    "5e-324",
    "1e22",
    "123456789.123e0",
    "1 / 3",
    "'it''s'",
    "''",
    "_latin1 x'e9'",
    "'x' COLLATE utf8mb4_bin",
    "CONVERT('é' USING utf16)",
    "x'00ff'",
    "b'101'",
    "REPEAT('x', 16000)",
    "NULL",
    "CAST(NULL AS SIGNED)",
    "CAST(NULL AS UNSIGNED)",
    "CAST(NULL AS DECIMAL)",
    "NULL + 0e0",
    "CONVERT(NULL USING latin1) COLLATE latin1_bin",
    "TRUE",
    "DATE'2020-01-02'",
    "JSON_ARRAY(1, 'a')",
    "USER()",
];

/// What may be asked of them.
const QUESTIONS: [&str; 4] =
    ["SELECT @v", "SELECT @v + 1", "SELECT CHARSET(@v), COLLATION(@v), HEX(@v)", "SELECT @v, @`other`, @'third'"];

/// With one server connection and another client that uses it, every statement has it anew.
fn user_variables_are_carried(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1");
    let mut others = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
    let mut through = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    for client in [&mut direct, &mut through] {
        client.ok("SET NAMES utf8mb4");
        client.ok("DROP TABLE IF EXISTS app.uv, app.uv2");
        client.ok("CREATE TABLE app.uv (v BLOB)");
    }
    for charset in ["utf8mb4", "latin1"] {
        for client in [&mut direct, &mut through] {
            client.ok(format!("SET NAMES {charset}"));
            client.ok("SET @`Other` = 'o', @third = 3");
        }
        for value in VALUES {
            for text in [format!("SET @v = {value}"), format!("SELECT @v := {value}")] {
                let mut answers = [&mut direct, &mut through].map(|client| {
                    let mut answers = vec![client.query(text.as_str()).to_string()];
                    for question in QUESTIONS {
                        others.ok("SET @v = 'another', @other = 1");
                        answers.push(client.query(question).to_string());
                    }
                    others.ok("DO 1");
                    // Not named in the statement that looks at it.
                    client.ok("INSERT INTO app.uv VALUES (@V)");
                    others.ok("DO 1");
                    client.ok("CREATE TABLE app.uv2 AS SELECT @v AS v");
                    // A replica makes the table by another text.
                    answers.push(client.query("/* forebay: primary */ SELECT * FROM app.uv2").to_string());
                    client.ok("DROP TABLE app.uv2");
                    answers
                });
                let [direct, through] = &mut answers;
                assert_eq!(through, direct, "{text}");
            }
        }
    }
}

/// No text tells what a trigger or SQL's EXECUTE assigns.
fn those_of_triggers_are_carried(bed: &Bed) {
    let trigger = "FOR EACH ROW SET @from_trigger = NEW.n + 0.5";
    bed.cluster.sql(&[
        "DROP TABLE IF EXISTS app.uvt",
        "CREATE TABLE app.uvt (n INT)",
        &format!("CREATE TRIGGER app.uvt_t BEFORE INSERT ON app.uvt {trigger}"),
    ]);
    let forebay = forebay(bed, "max_connections: 2, wait_timeout: 1s");
    let [mut one, mut other] = [(), ()].map(|()| Client::connect(&forebay.endpoint, &Login::to("app")).unwrap());
    one.ok("INSERT INTO app.uvt VALUES (7)");
    for _ in 0..2 {
        other.ok("INSERT INTO app.uvt VALUES (8)");
        assert_eq!(one.value("SELECT @from_trigger"), "7.5");
        let mut third = Client::connect(&forebay.endpoint, &Login::to("app"));
        if bed.kind == Kind::MariaDb {
            // Its names can be asked for: nothing is kept.
            let third = third.as_mut().expect("a connection is free");
            assert_eq!(third.value("SELECT @from_trigger IS NULL"), "1");
        }
        assert_eq!(other.value("SELECT @from_trigger"), "8.5");
    }
}

/// Where nobody else can have the connection, the session keeps it: what it has is right.
fn what_is_not_carried_stays(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 2, wait_timeout: 300ms");
    let mut texts = vec!["SET @v = REPEAT('x', 100000)", "SET @`é` = 'x', @v = 1"];
    if bed.kind == Kind::MariaDb {
        texts.push("SET @v = POINT(1, 2)");
    }
    for text in texts {
        let mut one = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
        one.ok("SET NAMES utf8mb4");
        one.ok(text);
        let mut others = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
        let expected = one.query("SELECT HEX(@v)").to_string();
        for _ in 0..3 {
            others.ok("SET @v = 2");
            others.ok("BEGIN");
            others.ok("COMMIT");
        }
        assert_eq!(one.query("SELECT HEX(@v)").to_string(), expected, "{text}");
    }
}

/// A variable that another session assigned is unknown to this one, in the metadata too.
fn undefined_ones_are_undefined(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1, hold: 0s");
    bed.cluster.sql(&["CREATE TABLE IF NOT EXISTS app.uv3 (v TEXT)"]);
    for leaves in [
        "SET @u = 1",
        "SELECT @u := 1",
        "SELECT 1 INTO @u",
        "INSERT INTO app.uv3 VALUES (@u)",
        "DO @u := 1",
        "SELECT @u := 1 FROM app.absent",
    ] {
        for how in ["query", "prepare", "end"] {
            let mut one = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
            match how {
                "prepare" => drop(one.command(&[b"\x16", leaves.as_bytes()].concat(), Expect::Prepare)),
                _ => drop(one.query(leaves)),
            }
            if how == "end" {
                drop(one);
            }
            let mut other = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
            let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
            assert_eq!(other.query("SELECT @u").to_string(), direct.query("SELECT @u").to_string(), "{leaves}, {how}");
        }
    }
}
