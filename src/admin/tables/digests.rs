//! `SHOW DIGESTS`.

use super::{Look, Row, Table, at, number, text};
use crate::{
    telemetry::digests::{Counted, Digest},
    topology::{ServerId, View},
};

pub(super) const TABLE: Table = Table {
    name: "digests",
    about: "What statements cost, by their shape: what took the most time comes first. Some 10,000 shapes are kept; those that took \
            the least time are forgotten first, and `forebay_digests_forgotten_total` of SHOW METRICS says how many were.",
    columns: &[
        text("digest", "the shape's number, in hexadecimal"),
        number("calls", "statements"),
        number("errors", "those that ended in an error"),
        number("elapsed_us", "how long they took in all, in microseconds"),
        number("p50_us", "of the latest calls half took no longer"),
        number("p95_us", "… nineteen of twenty"),
        number("p99_us", "… 99 of 100"),
        number("rows", "rows that clients got"),
        number("bytes", "bytes that servers sent"),
        text("first_seen", "when the first was seen"),
        text("last_seen", "and the last"),
        text("shape", "the text, with `?` for literals"),
        number("server_us", "of `elapsed_us`, from when statements were sent to a server to the end of the reply"),
        number("waited_us", "of `elapsed_us`, what went by until there was a connection"),
        number("cache_hits", "those answered from memory"),
        text(
            "servers",
            "which servers answered how many, as `primary:3 replica1:40`; `-`: servers that are gone, and others",
        ),
        text("rule", "the rule that sent the last one to its server, or said something else of it"),
    ],
    like: "shape",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let shared = look.operator.shared();
    let view = shared.topology.view();
    let mut all = shared.digests.all();
    all.sort_by_key(|(_, digest)| std::cmp::Reverse(digest.elapsed));
    let row = |(digest, known): (u64, Digest)| {
        let quantile = |share| known.latency.quantile(share).as_micros().to_string();
        let rule = known.rule.as_deref().map(str::to_owned);
        let cells = [
            format!("{digest:016x}"),
            known.calls.to_string(),
            known.errors.to_string(),
            known.elapsed.as_micros().to_string(),
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            known.rows.to_string(),
            known.bytes.to_string(),
            at(known.first_seen),
            at(known.last_seen),
            String::from_utf8_lossy(&known.shape).into_owned(),
            known.on_server.as_micros().to_string(),
            known.waited.as_micros().to_string(),
            known.places.hits.to_string(),
            servers(&view, &known.places),
        ];
        cells.map(Some).into_iter().chain([rule]).collect()
    };
    all.into_iter().map(row).collect()
}

/// The busiest first.
fn servers(view: &View, places: &Counted) -> String {
    let mut named: Vec<(u64, String)> = Vec::new();
    let mut others = places.others;
    for (server, count) in places.servers() {
        match view.server(ServerId(server)) {
            Some(server) => named.push((count, server.name.to_string())),
            None => others += count,
        }
    }
    named.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    named.extend((others > 0).then(|| (others, "-".to_owned())));
    named.iter().map(|(count, name)| format!("{name}:{count}")).collect::<Vec<_>>().join(" ")
}
