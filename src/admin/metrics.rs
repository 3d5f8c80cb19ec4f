//! The metrics, in OpenMetrics' text form. They are read from where they are kept when somebody asks.

pub mod samples;
mod statements;

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::{operator::Operator, statsd};
use crate::{
    cache::{
        Store, Why,
        figures::{CAUSES, Figures},
    },
    config::reload::Reloader,
    proxy::{Shared, freshness::Freshness},
    telemetry::{Log, writing::Counts},
    topology::{Health, Server},
};

/// What the page is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of them at this moment.
///
/// # Errors
/// None that is known: writing into memory.
pub fn page(operator: &Operator) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let (reloader, log) = (Arc::clone(&operator.reloader), Arc::clone(&operator.log));
    registry.register_collector(Box::new(Now { reloader, log, statsd: Arc::clone(&operator.statsd) }));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Now {
    reloader: Arc<Reloader>,
    log: Arc<Log>,
    statsd: Arc<statsd::Counts>,
}

/// A metric with a value for each thing of a kind.
type Values = Vec<(Vec<(&'static str, String)>, f64)>;

impl Collector for Now {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let (shared, reloader) = (self.reloader.shared(), &self.reloader);
        let (live, view) = (shared.live(), shared.topology.view());
        let plain = |value: f64| vec![(Vec::new(), value)];
        let count = |count: &std::sync::atomic::AtomicU64| as_float(count.load(Ordering::Relaxed));
        let servers = |value: &dyn Fn(&Server) -> Option<f64>| -> Values {
            let of = |server: &Server| Some((vec![("server", server.name.to_string())], value(server)?));
            view.servers.iter().filter_map(of).collect()
        };
        let rules = |value: &dyn Fn(&crate::routing::rules::Counts) -> f64| -> Values {
            live.rules.iter().map(|rule| (vec![("rule", rule.name().to_owned())], value(&rule.counts))).collect()
        };
        let truth = |is: bool| Some(if is { 1.0 } else { 0.0 });

        gauge(&mut to, "forebay_clients", "Clients connected", &plain(as_float(shared.registry.len() as u64)))?;
        let version = reloader.versions().last().map_or(0, |version| version.number);
        gauge(
            &mut to,
            "forebay_config_version",
            "The version of the configuration in force",
            &plain(as_float(version)),
        )?;
        gauge(
            &mut to,
            "forebay_digests",
            "Shapes of statements that are known",
            &plain(as_float(shared.digests.count() as u64)),
        )?;
        counter(
            &mut to,
            "forebay_digests_forgotten",
            "Shapes that were forgotten for others",
            &plain(as_float(shared.digests.forgotten())),
        )?;
        let paused = if shared.pause.is_on() { 1.0 } else { 0.0 };
        gauge(&mut to, "forebay_paused", "1: new statements wait for an operator's RESUME", &plain(paused))?;
        let outcome = |word: &str, value: f64| (vec![("outcome", word.to_owned())], value);
        let reloads =
            [outcome("applied", count(&reloader.counts.applied)), outcome("refused", count(&reloader.counts.refused))];
        counter(
            &mut to,
            "forebay_reloads",
            "Reloads and rollbacks that changed something, and such as were refused",
            &reloads,
        )?;
        counter(
            &mut to,
            "forebay_rule_hits",
            "Statements of which a rule decided something",
            &rules(&|of| count(&of.hits)),
        )?;
        counter(&mut to, "forebay_rule_refusals", "Statements that a rule refused", &rules(&|of| count(&of.refusals)))?;
        let seconds = |of: &crate::routing::rules::Counts| count(&of.elapsed_us) / 1e6;
        counter(
            &mut to,
            "forebay_rule_seconds",
            "How long the statements took that a rule decided something of",
            &rules(&seconds),
        )?;
        cache(&mut to, &shared.cache)?;
        freshness(&mut to, &shared.freshness)?;
        let in_use = |server: &Server| Some(as_float(shared.pools.in_use(server.id) as u64));
        gauge(
            &mut to,
            "forebay_server_connections_in_use",
            "Connections to a server that sessions have",
            &servers(&in_use),
        )?;
        let lag = |server: &Server| server.lag_ms.map(|lag| as_float(lag) / 1e3);
        gauge(&mut to, "forebay_server_lag_seconds", "How far a replica was behind when last asked", &servers(&lag))?;
        failover(&mut to, shared)?;
        let primary = |server: &Server| truth(view.primary == Some(server.id));
        gauge(&mut to, "forebay_server_primary", "1: the server that takes writes", &servers(&primary))?;
        gauge(
            &mut to,
            "forebay_primary_conflict",
            "1: several servers take writes and follow no other",
            &[(Vec::new(), f64::from(u8::from(view.conflict)))],
        )?;
        let up = |server: &Server| truth(server.health == Health::Up && server.is_online());
        gauge(&mut to, "forebay_server_up", "1: the server may get statements", &servers(&up))?;
        let log = outcomes(&self.log.counts);
        counter(&mut to, "forebay_log_lines", "What became of log lines, where they do not go to stderr", &log)?;
        let packets = [outcome("sent", count(&self.statsd.sent)), outcome("failed", count(&self.statsd.failed))];
        counter(&mut to, "forebay_statsd_packets", "What became of packets to statsd.address", &packets)?;
        statements::encode(&mut to, shared)
    }
}

/// What became of what is written by a thread of its own.
fn outcomes(counts: &Counts) -> Values {
    let of = |(word, count): (&str, u64)| (vec![("outcome", word.to_owned())], as_float(count));
    counts.by_outcome().into_iter().map(of).collect()
}

/// What happens without a primary, and with another one.
fn failover(to: &mut DescriptorEncoder<'_>, shared: &Shared) -> fmt::Result {
    let (counts, queue) = (shared.topology.failovers(), &shared.waiting_for_primary);
    let plain = |value: f64| vec![(Vec::new(), value)];
    let count = |counter: &std::sync::atomic::AtomicU64| as_float(counter.load(Ordering::Relaxed));
    let of = |kind: &str, value: u64| (vec![("kind", kind.to_owned())], as_float(value));
    let kinds = [of("failover", counts.failovers), of("switchover", counts.switchovers)];
    counter(to, "forebay_failovers", "How often another server became the primary", &kinds)?;
    counter(
        to,
        "forebay_lost_writes",
        "How often a new primary lacked writes that clients were told are done",
        &plain(as_float(counts.lost_writes)),
    )?;
    counter(
        to,
        "forebay_without_primary_seconds",
        "How long there was no primary, since there had been one",
        &plain(counts.without_primary.as_secs_f64()),
    )?;
    let closed = f64::from(u8::from(counts.is_closed));
    gauge(to, "forebay_writes_closed", "1: the new primary lacks acknowledged writes and gets none", &plain(closed))?;
    let waiting = as_float(queue.waiting() as u64);
    gauge(to, "forebay_primary_waiting", "Statements that wait for a primary", &plain(waiting))?;
    counter(to, "forebay_primary_waits", "How often one has waited for a primary", &plain(count(&queue.waited)))?;
    counter(
        to,
        "forebay_primary_wait_refusals",
        "How often there was none in time, or too many waited already",
        &plain(count(&queue.refused)),
    )?;
    let seconds = count(&queue.waited_us) / 1e6;
    counter(to, "forebay_primary_wait_seconds", "How long they have waited, together", &plain(seconds))
}

/// Answers from memory.
fn cache(to: &mut DescriptorEncoder<'_>, store: &Store) -> fmt::Result {
    let figures = store.all_figures();
    let of = |value: &dyn Fn(&Figures) -> f64| -> Values {
        figures.iter().map(|(rule, of)| (vec![("rule", rule.to_string())], value(of))).collect()
    };
    let count = |counter: &std::sync::atomic::AtomicU64| as_float(counter.load(Ordering::Relaxed));
    counter(to, "forebay_cache_hits", "Statements answered from memory", &of(&|of| count(&of.hits)))?;
    counter(to, "forebay_cache_stale_hits", "Of these, with an answer past its time", &of(&|of| count(&of.stale)))?;
    counter(to, "forebay_cache_shared_hits", "Of these, behind another's miss", &of(&|of| count(&of.shared)))?;
    counter(to, "forebay_cache_misses", "Marked statements that went to a server", &of(&|of| count(&of.misses)))?;
    counter(
        to,
        "forebay_cache_passed",
        "Marked statements that must not be answered from memory",
        &of(&|of| count(&of.passed)),
    )?;
    counter(to, "forebay_cache_fills", "Answers kept", &of(&|of| count(&of.fills)))?;
    counter(to, "forebay_cache_unfit", "Answers not kept for what they are", &of(&|of| count(&of.unfit)))?;
    counter(
        to,
        "forebay_cache_outrun",
        "Answers not kept since their tables were written meanwhile",
        &of(&|of| count(&of.outrun)),
    )?;
    counter(
        to,
        "forebay_cache_unproven",
        "Misses not kept, asked for the first time while answers of the rule save too little",
        &of(&|of| count(&of.unproven)),
    )?;
    counter(to, "forebay_cache_evictions", "Answers that gave way or ended", &of(&|of| count(&of.evicted)))?;
    counter(to, "forebay_cache_age_seconds", "How old hits were, together", &of(&|of| count(&of.age_us) / 1e6))?;
    counter(
        to,
        "forebay_cache_saved_seconds",
        "How long servers would have taken for the hits",
        &of(&|of| count(&of.saved_us) / 1e6),
    )?;
    let bytes = |of: &Figures| as_float(u64::try_from(of.bytes.load(Ordering::Relaxed)).unwrap_or_default());
    counter(to, "forebay_cache_warmed", "Answers fetched in advance", &of(&|of| count(&of.warmed)))?;
    counter(to, "forebay_cache_warm_failures", "Those that could not be", &of(&|of| count(&of.not_warmed)))?;
    gauge(to, "forebay_cache_bytes", "What the answers of a rule take", &of(&bytes))?;
    let causes: Values = CAUSES
        .iter()
        .map(|(cause, word)| (vec![("cause", (*word).to_owned())], as_float(store.invalidations.of(*cause))))
        .collect();
    counter(to, "forebay_cache_invalidations", "How often answers were made void", &causes)?;
    let plain = |value: f64| vec![(Vec::new(), value)];
    gauge(
        to,
        "forebay_cache_open",
        "0: answers that rules cache are not given from memory, since the log can't be read, or not yet",
        &plain(f64::from(u8::from(matches!(store.closed(), None | Some(Why::Unused))))),
    )?;
    let lag = as_float(store.log_lag_ms.load(Ordering::Relaxed)) / 1e3;
    gauge(to, "forebay_cache_log_lag_seconds", "How far behind the primary's binary log is read", &plain(lag))
}

/// Own writes seen, and those of others.
fn freshness(to: &mut DescriptorEncoder<'_>, all: &Freshness) -> fmt::Result {
    let count = |of: &std::sync::atomic::AtomicU64| vec![(Vec::new(), as_float(of.load(Ordering::Relaxed)))];
    let counts = &all.counts;
    counter(to, "forebay_causal_reads", "Reads on replicas that had what they must", &count(&counts.seen))?;
    counter(
        to,
        "forebay_causal_waits",
        "Reads that waited for a replica to have what they must",
        &count(&counts.waits),
    )?;
    counter(to, "forebay_causal_waits_timed_out", "Of these, in vain", &count(&counts.waits_timed_out))?;
    let seconds = as_float(counts.wait_us.load(Ordering::Relaxed)) / 1e6;
    counter(to, "forebay_causal_wait_seconds", "How long waits took together", &[(Vec::new(), seconds)])?;
    counter(
        to,
        "forebay_causal_primary_reads",
        "Reads that the primary answered since no replica was fresh enough",
        &count(&counts.to_primary),
    )?;
    counter(
        to,
        "forebay_positions_forgotten",
        "How often the primary had lost what it had, so that all positions were forgotten",
        &count(&counts.forgotten_positions),
    )?;
    let kept = as_float(all.groups.len() as u64);
    gauge(to, "forebay_groups", "Groups of sessions of which is known what they wrote", &[(Vec::new(), kept)])?;
    let forgotten = &all.groups.forgotten_count;
    counter(to, "forebay_groups_forgotten", "Groups whose writes count as everybody's now", &count(forgotten))
}

fn gauge(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(Vec<(&'static str, String)>, f64)],
) -> fmt::Result {
    family(to, name, help, MetricType::Gauge, values, &|value| Box::new(ConstGauge::new(value)))
}

fn counter(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(Vec<(&'static str, String)>, f64)],
) -> fmt::Result {
    family(to, name, help, MetricType::Counter, values, &|value| Box::new(ConstCounter::new(value)))
}

fn family(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    values: &[(Vec<(&'static str, String)>, f64)],
    metric: &dyn Fn(f64) -> Box<dyn EncodeMetric>,
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in values {
        let metric = metric(*value);
        if labels.is_empty() {
            // There is one only.
            return metric.encode(family);
        }
        metric.encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

/// Exact up to 2⁵³, which no counter reaches.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn as_float(value: u64) -> f64 {
    value as f64
}
