//! TLS at both doors, with the clients that operators use.

use std::{path::Path, process::Command};

use super::{TOKEN, house, house_with, login};
use crate::support::{
    authority::{Authority, Identity},
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
    process::{Run, eventually, run, signal},
    raw::{Client, Login},
};

both!(command_lines, who_must_and_who_may, https);

fn files(identity: &Identity) -> String {
    format!("certificate: {}, key: {}", identity.certificate.display(), identity.key.display())
}

/// A kind's command line on the admin port, by name, since certificates bear names.
fn command_line(bed: &Bed, to: &Endpoint, options: &[&str], statement: &str) -> Run {
    let program = bed.kind.pick("mariadb".into(), paths::cache("mysql/bin/mysql"));
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--protocol=tcp", "--host=localhost", "--user=op", "--password=secret-op"]);
    command.arg(format!("--port={}", to.port)).args(options).args(["--batch", "--execute", statement]);
    run(&mut command)
}

/// Both servers' own, without any option, with a certificate that is verified, and with a foreign one.
fn command_lines(bed: &Bed) {
    let plain = house(bed);
    let said = command_line(bed, &plain.port, &[], "SHOW SERVERS LIKE 'replica1'").good();
    assert!(said.contains("replica1"), "{said}");

    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let identity = ours.issue("admin", "localhost");
    let house = house_with(bed, &format!("  tls: {{mode: required, {}}}\n", files(&identity)), "", "");
    let trusting = |ca: &Path| {
        let ca = format!("--ssl-ca={}", ca.display());
        let verify = bed.kind.pick("--ssl-verify-server-cert", "--ssl-mode=VERIFY_IDENTITY");
        command_line(bed, &house.port, &[&ca, verify], "SHOW SERVERS LIKE 'replica1'")
    };
    let said = trusting(&ours.file()).good();
    assert!(said.contains("replica1"), "{said}");
    let refused = trusting(&theirs.file());
    assert!(!refused.success && refused.err.contains("certificate"), "{refused:?}");
    let refused = command_line(bed, &house.port, &bed.kind.pick(["--skip-ssl"], ["--ssl-mode=DISABLED"]), "HELP");
    assert!(!refused.success, "{refused:?}");
    house.forebay.assert_sound();
}

fn who_must_and_who_may(bed: &Bed) {
    let secure = Login { tls: true, ..Login::operator() };
    for (mode, plain_may, secure_may) in
        [("disabled", true, false), ("preferred", true, true), ("required", false, true)]
    {
        let house = house_with(bed, &format!("  tls: {{mode: {mode}}}\n"), "", "");
        let may = |login: &Login| Client::connect(&house.port, login).map(|mut on| on.rows("SHOW SERVERS").len());
        assert_eq!(may(&Login::operator()).ok(), plain_may.then_some(3), "{mode}");
        assert_eq!(may(&secure).ok(), secure_may.then_some(3), "{mode}");
        assert!(may(&Login { tls: true, ..login("wrong") }).is_err());
        house.forebay.assert_sound();
    }
}

fn curl(http: u16, ca: &Path, path: &str) -> Run {
    let (header, url) = (format!("Authorization: Bearer {TOKEN}"), format!("https://localhost:{http}{path}"));
    run(Command::new("curl").args(["-sS", "--max-time", "30", "--cacert"]).arg(ca).args(["-H", &header, &url]))
}

fn https(bed: &Bed) {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let first = ours.issue("first", "localhost");
    let house = house_with(bed, "", &format!(", tls: {{{}}}", files(&first)), "");
    let look = |ca: &Path| curl(house.http, ca, "/api/v1/servers?order_by=server");
    let said = look(&ours.file()).good();
    assert!(said.contains("\"replica1\""), "{said}");
    let refused = look(&theirs.file());
    assert!(!refused.success && refused.err.contains("certificate"), "{refused:?}");
    let plain =
        run(Command::new("curl").args(["-sS", "--max-time", "30"]).arg(format!("http://localhost:{}/", house.http)));
    assert!(!plain.success, "{plain:?}");
    assert!(house.forebay.log().contains(&format!("https://127.0.0.1:{}", house.http)));

    // Another certificate, and the listeners stand. A key that does not fit changes nothing.
    let second = theirs.issue("second", "localhost");
    second.replace(&first);
    signal(house.forebay.pid(), "HUP");
    eventually("the second certificate", || look(&theirs.file()).success);
    std::fs::write(&first.key, "no key").unwrap();
    signal(house.forebay.pid(), "HUP");
    eventually("the complaint", || house.forebay.log().contains("`admin.http.tls`: "));
    assert!(look(&theirs.file()).success);
    house.forebay.assert_sound();
}
