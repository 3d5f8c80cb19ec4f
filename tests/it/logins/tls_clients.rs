//! TLS between clients and Forebay.

use super::{House, houses, login, outcome, wait_for};
use crate::support::{
    authority::{self, Authority},
    endpoint::Endpoint,
    forebay::Forebay,
    raw::{Cap, Client, Login},
};

houses!(disabled_preferred_required, certificates_of_clients, only_some_users);

fn secure(login: &Login) -> Login {
    Login { tls: true, ..login.clone() }
}

fn start(house: &House, more: &str) -> Forebay {
    let forebay = Forebay::configured(&house.yaml("  - {name: plain, password: pw-plain}\n", more), &[]);
    wait_for(&Endpoint::socket(forebay.socket.clone()), &Login::default());
    forebay
}

fn disabled_preferred_required(house: &House) {
    let plain = login("plain", "pw-plain");
    let wrong = login("plain", "wrong");
    let by_socket = |forebay: &Forebay| outcome(&Endpoint::socket(forebay.socket.clone()), &plain);

    let forebay = start(house, "tls: {clients: {mode: disabled}}\n");
    let client = Client::connect(&forebay.endpoint, &plain).unwrap();
    assert!(!client.greeting.capabilities.contains(Cap::CLIENT_SSL));
    // Who asks for TLS nevertheless is told as by a server without.
    assert!(outcome(&forebay.endpoint, &secure(&plain)) != "OK");
    assert_eq!(by_socket(&forebay), "OK");

    let forebay = start(house, "tls: {clients: {mode: preferred}}\n");
    assert_eq!(outcome(&forebay.endpoint, &plain), "OK");
    assert_eq!(outcome(&forebay.endpoint, &secure(&plain)), "OK");

    let forebay = start(house, "tls: {clients: {mode: required}}\n");
    let strict = [("require_secure_transport", "1")];
    for login in [&plain, &wrong, &login("nobody", "x"), &login("plain", "")] {
        let direct = house.with_globals(false, &strict, || outcome(&house.direct(), login));
        assert!(direct.starts_with("ERROR "), "{direct}");
        assert_eq!(outcome(&forebay.endpoint, login), direct, "{} {}", login.user, login.password);
        let direct = house.with_globals(false, &strict, || outcome(&house.direct(), &secure(login)));
        assert_eq!(outcome(&forebay.endpoint, &secure(login)), direct, "{} {}", login.user, login.password);
    }
    assert_eq!(by_socket(&forebay), "OK");
    forebay.assert_sound();
}

fn certificates_of_clients(house: &House) {
    let ours = Authority::new("ours");
    let theirs = Authority::new("theirs");
    let server = ours.issue("server", "localhost");
    let good = ours.issue("client", "client");
    let bad = theirs.issue("client", "client");
    let tls = |verify: &str| {
        format!(
            "tls: {{clients: {{certificate: {}, key: {}, client_ca: {}{verify}}}}}\n",
            server.certificate.display(),
            server.key.display(),
            ours.file().display()
        )
    };
    let shows = |identity: Option<&authority::Identity>| Login {
        identity: identity.map(authority::Identity::pem),
        ..secure(&login("plain", "pw-plain"))
    };
    for (verify, none, good_one, bad_one) in [
        ("", true, true, false),
        (", verify: optional", true, true, false),
        (", verify: required", false, true, false),
        (", verify: none", true, true, true),
    ] {
        let forebay = start(house, &tls(verify));
        let lets_in = |identity| outcome(&forebay.endpoint, &shows(identity)) == "OK";
        assert_eq!(
            (lets_in(None), lets_in(Some(&good)), lets_in(Some(&bad))),
            (none, good_one, bad_one),
            "verify {verify:?}: without one, a good one, a foreign one\n{}",
            forebay.log()
        );
        assert_eq!(outcome(&forebay.endpoint, &login("plain", "pw-plain")), "OK", "TLS is not required");
        let client = Client::connect(&forebay.endpoint, &shows(Some(&good))).unwrap();
        assert_eq!(client.stream.peer_certificate(), Some(server.der.clone()));
        forebay.assert_sound();
    }
}

/// `require_tls` of a user is a server's REQUIRE SSL: for that user alone, and a socket does not count.
fn only_some_users(house: &House) {
    let users = "  - {name: tlsonly, password: pw-tlsonly, require_tls: true}\n";
    let forebay = house.forebay_with(users, "tls: {servers: {mode: required}}\n");
    for (tls, password) in [(false, "pw-tlsonly"), (true, "pw-tlsonly"), (true, "wrong"), (false, "wrong"), (false, "")]
    {
        let login = Login { tls, ..login("tlsonly", password) };
        assert_eq!(outcome(&forebay.endpoint, &login), outcome(&house.direct(), &login), "{tls} {password}");
    }
    let login = login("tlsonly", "pw-tlsonly");
    let direct = outcome(&Endpoint::socket(house.cluster.primary.socket.clone()), &login);
    assert_eq!(outcome(&Endpoint::socket(forebay.socket.clone()), &login), direct);
    assert_eq!(outcome(&forebay.endpoint, &Login::default()), "OK");
    forebay.assert_sound();
}
