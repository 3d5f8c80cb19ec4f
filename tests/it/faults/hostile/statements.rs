//! Statements that are too long, too deep or no text at all: as the servers themselves answer them.

use super::{Before, Bystander, SECOND, forebay};
use crate::{
    faults::connect,
    support::{
        bed::{Bed, both},
        raw::{Client, Login, Reply},
    },
};

both!(no_text_and_too_deep, sixty_four_megabytes);

/// Error code, or the rows.
fn outcome(reply: &Reply) -> String {
    match (reply.code(), &reply.lost) {
        (Some(code), _) => format!("error {code}"),
        (None, Some(why)) => why.clone(),
        (None, None) => format!("{:.300?}", reply.text_rows()),
    }
}

fn no_text_and_too_deep(bed: &Bed) {
    const DEEP: usize = 100_000;
    let forebay = forebay(bed, "");
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    let (open, close) = ("(".repeat(DEEP), ")".repeat(DEEP));
    let statements: Vec<Vec<u8>> = vec![
        b"SELECT '\xff\xfe\xc3'".to_vec(),
        b"\xff\xfe\xfd\xfc".to_vec(),
        b"SELECT \xc3 FROM \xe9\xa0".to_vec(),
        b"SELECT 1 \0 FROM t".to_vec(),
        b"".to_vec(),
        b"\0".to_vec(),
        format!("SELECT {open}1{close}").into(),
        format!("SELECT {open}").into(),
        format!("SELECT 1{close}").into(),
        format!("SELECT {} 1", "NOT ".repeat(DEEP)).into(),
        format!("SELECT {}1{}", "/* ".repeat(DEEP), " */".repeat(DEEP)).into(),
        format!("SELECT {}1{}", "/*! ".repeat(DEEP), " */".repeat(DEEP)).into(),
        format!("{} SELECT 1", "/* x */".repeat(DEEP)).into(),
        format!("SELECT 1{}", ";".repeat(DEEP)).into(),
        format!("SELECT 1 /* {}", "x".repeat(DEEP)).into(),
        format!("SELECT '{}", "\\'".repeat(DEEP)).into(),
        format!("SELECT 1 IN ({}1)", "1,".repeat(DEEP)).into(),
        format!("SET {}@a = 1", "@a = 1, ".repeat(20_000)).into(),
        format!("/* {} */ SELECT 1", "forebay: primary, ".repeat(20_000)).into(),
    ];
    for statement in statements {
        let shown = statement[..statement.len().min(40)].escape_ascii().to_string();
        let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
        let mut through = connect(&forebay);
        let (expected, found) = (outcome(&direct.query(&statement)), outcome(&through.query(&statement)));
        assert_eq!(found, expected, "{shown}…");
        assert_eq!(through.value("SELECT 7"), "7", "the session goes on after {shown}…");
    }
    bystander.assert_served_within(5 * SECOND, 8 * SECOND);
    before.assert_returned(&forebay, 60);
}

/// The servers take packets of less than 64 MiB here.
fn sixty_four_megabytes(bed: &Bed) {
    const LIMIT: usize = 64 << 20;
    for (more, own_limit) in [("", LIMIT), ("limits: {max_allowed_packet: 128MiB}\n", 2 * LIMIT)] {
        let forebay = forebay(bed, more);
        let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
        let statement = |payload_bytes: usize| {
            let mut text = b"SELECT LENGTH('".to_vec();
            text.resize(payload_bytes - 3, b's');
            text.extend(b"')");
            text
        };
        let mut client = connect(&forebay);
        let reply = client.query(statement(LIMIT - 1));
        assert_eq!(outcome(&reply), format!("{:?}", [[Some((LIMIT - 1 - 18).to_string().into_bytes())]]));
        // Where Forebay is configured to take more than the servers, it is theirs to refuse: in their own way, or by
        // closing the connection under the statement.
        for payload_bytes in [LIMIT + 1, LIMIT + (6 << 20), own_limit + 1] {
            let mut client = connect(&forebay);
            let reply = client.query(statement(payload_bytes));
            let told =
                reply.code() == Some(1153) || own_limit > LIMIT && (reply.code().is_some() || reply.lost.is_some());
            assert!(told, "{payload_bytes} over {own_limit}: {}", outcome(&reply));
        }
        drop(client);
        bystander.assert_served_within(10 * SECOND, 15 * SECOND);
        before.assert_returned(&forebay, 60);
    }
}
