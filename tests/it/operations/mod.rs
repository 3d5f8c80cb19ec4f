//! What operators live by: metrics, logs, the way a Forebay ends.

mod access_log;
mod documented;
mod floods;
mod grafana;
mod log_targets;
mod metrics;
mod slow_log;
mod statsd;
mod stopping;
mod systemd;

use crate::support::{
    bed::Bed,
    endpoint::Endpoint,
    forebay::{Forebay, Settings, free_port},
    raw::{Client, Login},
};

/// A Forebay of the test's own, with the operator's doors open.
struct House {
    forebay: Forebay,
    port: Endpoint,
}

fn house(bed: &Bed, more: &str, rules: &str) -> House {
    let port = free_port();
    let more = format!("admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n{more}");
    let forebay = Forebay::start(
        bed.cluster,
        &Settings { consistency: "eventual", more, rules: rules.to_owned(), ..Settings::default() },
    );
    forebay.wait_until_serving();
    House { forebay, port: Endpoint::new(port) }
}

impl House {
    fn operator(&self) -> Client {
        Client::connect(&self.port, &Login::operator()).unwrap()
    }

    fn client(&self) -> Client {
        Client::connect(&self.forebay.endpoint, &Login::to("app")).unwrap()
    }
}
