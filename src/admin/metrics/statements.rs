//! What clients' statements were, how long they took, and what came of them.

use std::{collections::BTreeMap, fmt};

use prometheus_client::{encoding::DescriptorEncoder, metrics::MetricType};

use super::{Values, as_float, counter, gauge, outcomes};
use crate::{
    proxy::{
        Shared,
        meters::{FAULTS, KINDS, Meter, OUTCOMES, PLACES, ServerMeter, Statements},
    },
    telemetry::meter::{BOUNDS_US, Count, Timer, Times},
    topology::Server,
};

/// A histogram for each thing of a kind.
type Histograms = Vec<(Vec<(&'static str, String)>, Times)>;

/// All of it.
pub(super) fn encode(to: &mut DescriptorEncoder<'_>, shared: &Shared) -> fmt::Result {
    let threads = shared.meters.threads.all();
    let sum = |of: &dyn Fn(&Meter) -> &Count| as_float(threads.iter().map(|meter| of(meter).get()).sum());
    let plain = |value: f64| vec![(Vec::new(), value)];
    let labelled = |label: &'static str, word: &str, value: f64| (vec![(label, word.to_owned())], value);

    let zones = ["satisfied", "tolerated", "frustrated"];
    let apdex: Values =
        zones.iter().enumerate().map(|(at, zone)| labelled("zone", zone, sum(&|meter| &meter.apdex[at]))).collect();
    counter(to, "forebay_apdex", "Statements by whether apdex_t was met", &apdex)?;
    let apdex_t = shared.live().settings.apdex_t.as_secs_f64();
    gauge(to, "forebay_apdex_t_seconds", "The T of Apdex", &plain(apdex_t))?;
    let bytes = [
        labelled("from", "clients", sum(&|meter| &meter.bytes_from_clients)),
        labelled("from", "servers", sum(&|meter| &meter.bytes_from_servers)),
    ];
    counter(to, "forebay_bytes", "Bytes of commands and of replies", &bytes)?;
    let mut errors: Values = FAULTS
        .iter()
        .enumerate()
        .map(|(at, (_, word))| labelled("fault", word, sum(&|meter| &meter.errors[at])))
        .collect();
    errors.push(labelled("fault", "statement", sum(&|meter| &meter.server_errors)));
    counter(to, "forebay_errors", "Errors that clients got, by whose fault they are", &errors)?;
    logins(to, shared)?;
    pins(to, shared)?;
    let prepares = [
        labelled("by", "server", sum(&|meter| &meter.prepares[0])),
        labelled("by", "forebay", sum(&|meter| &meter.prepares[1])),
    ];
    counter(to, "forebay_prepares", "PREPAREs that a server answered, and such as needed none", &prepares)?;

    let places = places(&threads);
    counter(to, "forebay_queries", "Statements that have ended", &queries(&places))?;
    let elapsed = |(place, of): (&String, &Vec<&Statements>)| {
        (vec![("group", place.clone())], together(of.iter().map(|statements| &statements.elapsed)))
    };
    let elapsed: Histograms = places.iter().map(elapsed).collect();
    histogram(to, "forebay_query_seconds", "From a statement's arrival to its answer's end", &elapsed)?;
    let waited = vec![(Vec::new(), together(threads.iter().map(|meter| &meter.waited)))];
    histogram(to, "forebay_query_wait_seconds", "Until a statement had a server connection", &waited)?;
    let (slow, access) = (outcomes(&shared.slow_log.counts), outcomes(&shared.access_log.counts));
    counter(to, "forebay_slow_log_statements", "What became of statements for the slow log", &slow)?;
    counter(to, "forebay_access_log_statements", "What became of statements for the access log", &access)?;
    counter(to, "forebay_rows", "Rows that clients got", &plain(sum(&|meter| &meter.rows)))?;
    servers(to, shared, &threads)
}

/// Everybody's statements, by place; those of the places that are always there also before there are any.
fn places(threads: &[std::sync::Arc<Meter>]) -> BTreeMap<String, Vec<&Statements>> {
    let mut places: BTreeMap<String, Vec<&Statements>> = BTreeMap::new();
    for meter in threads {
        let own = meter.groups.iter().map(|(_, (name, statements))| (name.to_string(), statements));
        let always = PLACES.iter().map(|name| (*name).to_owned()).zip(&meter.places);
        for (name, statements) in always.chain(own) {
            places.entry(name).or_default().push(statements);
        }
    }
    places
}

/// Of the many kinds and ways to end only those that there were.
fn queries(places: &BTreeMap<String, Vec<&Statements>>) -> Values {
    let mut values = Values::new();
    for (place, of) in places {
        for (kind, (outcome, word)) in KINDS.iter().flat_map(|kind| OUTCOMES.iter().map(move |outcome| (kind, outcome)))
        {
            let count: u64 = of.iter().map(|statements| statements.count(*kind, *outcome)).sum();
            if count > 0 {
                let labels = [("group", &place[..]), ("kind", kind.name()), ("outcome", word)];
                values.push((labels.map(|(label, value)| (label, value.to_owned())).to_vec(), as_float(count)));
            }
        }
    }
    values
}

fn servers(to: &mut DescriptorEncoder<'_>, shared: &Shared, threads: &[std::sync::Arc<Meter>]) -> fmt::Result {
    let view = shared.topology.view();
    let labels = |server: &Server| vec![("server", server.name.to_string())];
    let meters = |server: &Server| threads.iter().filter_map(|meter| meter.servers.get(server.id.0)).collect();
    let of = |value: &dyn Fn(&ServerMeter) -> &Count| -> Values {
        let sum = |meters: Vec<&ServerMeter>| as_float(meters.iter().map(|meter| value(meter).get()).sum());
        view.servers.iter().map(|server| (labels(server), sum(meters(server)))).collect()
    };
    counter(to, "forebay_server_bytes", "Bytes that a server sent for clients", &of(&|meter| &meter.bytes))?;
    let figure = |value: &dyn Fn(crate::pool::Figures) -> usize| -> Values {
        let one = |server: &Server| (labels(server), as_float(value(shared.pools.figures(server.id)) as u64));
        view.servers.iter().map(one).collect()
    };
    gauge(to, "forebay_server_connections_idle", "Connections that no session has", &figure(&|of| of.idle))?;
    gauge(to, "forebay_server_connections_max", "How many there may be", &figure(&|of| of.max_connections))?;
    gauge(to, "forebay_server_connections_waiting", "Sessions that wait for one", &figure(&|of| of.waiting))?;
    counter(to, "forebay_server_errors", "Statements that ended in a server's error", &of(&|meter| &meter.errors))?;
    let elapsed = |server: &Server| {
        (labels(server), together(meters(server).into_iter().map(|meter: &ServerMeter| &meter.elapsed)))
    };
    let elapsed: Histograms = view.servers.iter().map(elapsed).collect();
    counter(to, "forebay_server_queries", "Statements that a server ran", &of(&|meter| &meter.statements))?;
    histogram(to, "forebay_server_query_seconds", "How long a server took for statements", &elapsed)?;
    counter(to, "forebay_server_rows", "Rows that a server sent", &of(&|meter| &meter.rows))
}

fn logins(to: &mut DescriptorEncoder<'_>, shared: &Shared) -> fmt::Result {
    let logins = &shared.meters.logins;
    let outcomes = [("accepted", &logins.accepted), ("failed", &logins.failed), ("turned_away", &logins.turned_away)];
    let values = outcomes.map(|(word, count)| (vec![("outcome", word.to_owned())], as_float(count.get())));
    counter(to, "forebay_logins", "Clients that logged in, and such as could not", &values)
}

/// Sessions that keep a connection to themselves, by why.
fn pins(to: &mut DescriptorEncoder<'_>, shared: &Shared) -> fmt::Result {
    let counts = shared.registry.pinned().into_iter();
    let values: Values = counts.map(|(name, count)| (vec![("reason", name.to_owned())], as_float(count))).collect();
    gauge(to, "forebay_pinned_sessions", "Sessions that keep a server connection, by why", &values)
}

fn together<'a>(timers: impl Iterator<Item = &'a Timer>) -> Times {
    timers.fold(Times::default(), |mut times, timer| {
        times.add(timer);
        times
    })
}

fn histogram(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, values: &Histograms) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (labels, times) in values {
        let bounds = BOUNDS_US.iter().map(|us| as_float(*us) / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(times.buckets).collect();
        let sum = as_float(times.sum_us) / 1e6;
        match labels.is_empty() {
            true => family.encode_histogram::<NoLabels>(sum, times.count(), &buckets, None)?,
            false => family.encode_family(labels)?.encode_histogram::<NoLabels>(sum, times.count(), &buckets, None)?,
        }
    }
    Ok(())
}

type NoLabels = Vec<(String, String)>;
