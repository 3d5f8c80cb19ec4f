//! What HTTP answers is what its OpenAPI document says; and what is shown in full to whom.

use serde_json::Value;

use super::{House, TOKEN, busy_client, house, json, post, state_of, until};
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    http::{get, get_with},
    process::eventually,
    raw::{Client, Expect, Login},
};

both!(answers_are_as_the_document_says, literals_in_full);

const OPERATOR: &str = "Basic b3A6c2VjcmV0LW9w";
const LOOKS: &str = "Basic bG9va3M6c2VjcmV0LW9w";

/// The operation of a path holds for an answer.
fn assert_fits(operation: &Value, answer: &str, what: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    let response = &operation["responses"][status];
    assert!(response.is_object(), "{what}: the document knows no {status}: {answer}");
    if response["$ref"] == "#/components/responses/error" {
        let error: Value = serde_json::from_str(body).unwrap();
        assert!(error.as_object().unwrap().keys().eq(["error"]) && error["error"].is_string(), "{what}: {error}");
        return;
    }
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{what}: no schema for {status}");
    let body: Value = serde_json::from_str(body).unwrap();
    let wrong: Vec<_> = jsonschema::validator_for(schema).unwrap().iter_errors(&body).map(|e| e.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{what}: {body}");
}

fn document(house: &House) -> Value {
    json(&get(house.http, "/api/v1/openapi.json", TOKEN))
}

fn answers_are_as_the_document_says(bed: &Bed) {
    let house = house(bed);
    let mut client = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    client.ok("BEGIN");
    client.ok("SELECT 1 /* report */");
    let document = document(&house);
    let paths = document["paths"].as_object().unwrap();
    let mut looked = 0;
    for (path, item) in paths.iter().filter(|(path, _)| !path.contains("/actions/") && !path.ends_with("/stream")) {
        let digest = json(&get(house.http, "/api/v1/digests?limit=1", TOKEN))["rows"][0]["digest"].clone();
        let page = path.replace("{digest}", digest.as_str().unwrap_or("1"));
        let answer = get(house.http, &page, TOKEN);
        assert!(answer.starts_with("HTTP/1.1 200"), "{page}: {answer}");
        assert_fits(&item["get"], &answer, &page);
        assert_fits(&item["get"], &get(house.http, &(page + "?step=&where=(&limit=x"), TOKEN), path);
        looked += 1;
    }
    assert!(looked >= 17, "{looked}");
    let history = || get(house.http, "/api/v1/history", TOKEN);
    eventually("there is a past", || !json(&history())["points"].as_array().unwrap().is_empty());
    assert_fits(&paths["/api/v1/history"]["get"], &history(), "a history with points");

    let act = |action: &str, who: &str, body: &str| {
        let path = format!("/api/v1/actions/{action}");
        let answer = post(house.http, &path, who, "application/json", body);
        assert_fits(&paths[&path]["post"], &answer, &format!("{action} {body}"));
        answer.starts_with("HTTP/1.1 200")
    };
    let good = [
        ("explain", r#"{"statement": "SELECT 1"}"#),
        ("drain", r#"{"server": "replica1"}"#),
        ("offline", r#"{"server": "replica1"}"#),
        ("online", r#"{"server": "replica1"}"#),
        ("flush_cache", "{}"),
        ("flush_pool", "{}"),
        ("pause", r#"{"wait_seconds": 1}"#),
        ("resume", "{}"),
        ("reload", "{}"),
        ("reset_digests", "{}"),
        ("rollback", r#"{"version": 1}"#),
        ("set_log_level", r#"{"level": "info"}"#),
    ];
    let id = client.value("SELECT CONNECTION_ID()");
    let kill = format!("{{\"id\": {id}}}");
    let (good, ends) = (good.iter().copied().chain([("kill", kill.as_str())]), [("shutdown", "{}")]);
    let mut done = 0;
    for (action, body) in good.chain(ends) {
        assert!(action == "explain" || !act(action, LOOKS, body), "{action}");
        assert!(!act(action, OPERATOR, "[]"), "{action}");
        assert!(act(action, OPERATOR, body), "{action} {body}");
        done += 1;
    }
    assert_eq!(done, paths.keys().filter(|path| path.contains("/actions/")).count());
}

fn literals_in_full(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    let (mut client, id) = busy_client(&house, "SELECT SLEEP(30), 'other secret' FOR UPDATE");
    state_of(&mut operator, &id, "running");
    let statement = |who: &str, more: &str| {
        let headers = format!("Authorization: {who}\r\n");
        let path = format!("/api/v1/sessions?where=id%3D{id}{more}");
        json(&get_with(house.http, &path, &headers))["rows"][0]["statement"].clone()
    };
    let (shape, text) = ("select sleep(?), ? for update", "SELECT SLEEP(30), 'other secret' FOR UPDATE");
    let bearer = format!("Bearer {TOKEN}");
    for (who, more, shown) in [
        (OPERATOR, "", shape),
        (OPERATOR, "&full=0", shape),
        (OPERATOR, "&full=1", text),
        (&bearer, "&full=1", text),
        (LOOKS, "&full=1", shape),
    ] {
        assert_eq!(statement(who, more), shown, "{who} {more}");
    }
    assert!(get(house.http, "/api/v1/sessions?full=yes", TOKEN).starts_with("HTTP/1.1 400"));
    operator.ok(format!("KILL {id}"));
    drop(client.receive(Expect::Results));
    until(&mut operator, &format!("SELECT COUNT(*) FROM sessions WHERE id = {id}"), &[["0"]]);
    if bed.kind == Kind::MariaDb {
        many_shapes(&house, &mut operator);
    }
    house.forebay.assert_sound();
}

/// More shapes than are kept: none gets lost without being counted.
fn many_shapes(house: &House, operator: &mut Client) {
    const SHAPES: u32 = 11_500;
    let figure = |operator: &mut Client, of: &str| -> u32 {
        operator.value(&format!("SELECT value FROM metrics WHERE metric = 'forebay_digests{of}'")).parse().unwrap()
    };
    operator.ok("RESET DIGESTS");
    assert_eq!(figure(operator, "_forgotten_total"), 0);
    let mut client = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    (0..SHAPES).for_each(|n| drop(client.ok(format!("SELECT 1 AS c{n}"))));
    client.ok("DO 0");
    let (kept, forgotten) = (figure(operator, ""), figure(operator, "_forgotten_total"));
    let shown = operator.rows("SHOW DIGESTS").len();
    assert_eq!(shown, kept as usize);
    assert!(forgotten > 1000 && (SHAPES..SHAPES + 5).contains(&(kept + forgotten)), "{kept} and {forgotten}");
    operator.ok("RESET DIGESTS");
    assert_eq!(figure(operator, "_forgotten_total"), forgotten, "it only grows");
}
