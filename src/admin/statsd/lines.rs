//! Metrics as StatsD's lines: `forebay.queries.primary.select.ok:5|c`, or with Datadog's tags. Pure: pages in, lines out.
//!
//! What counters have grown by since the last time that was sent; gauges as they are; of histograms how many there were since,
//! their mean and percentiles, as timings in milliseconds; and Apdex.

use std::collections::{BTreeMap, HashMap};

use crate::{
    admin::metrics::samples::{Sample, samples},
    config::{Statsd, StatsdFormat},
};

/// The shares that percentiles are told of, with their words.
const SHARES: [(f64, &str); 3] = [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")];

/// A counter by its name and labels, and how much has been told of it.
pub(super) type Told = (String, f64);

/// A line, and what has been told when it is sent.
#[derive(Debug)]
pub(super) struct Line {
    pub text: String,
    pub tells: Vec<Told>,
}

/// Knows what has been told.
#[derive(Debug)]
pub(super) struct Teller {
    prefix: String,
    format: StatsdFormat,
    tags: Vec<String>,
    told: HashMap<String, f64>,
}

/// A histogram's values, of one set of labels.
#[derive(Debug, Default)]
struct Histogram {
    labels: Vec<(String, String)>,
    /// The end of each bucket, and what has come up to there.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
    tells: Vec<Told>,
}

impl Teller {
    /// Nothing has been told: counters begin at zero with Forebay.
    pub fn new(settings: &Statsd) -> Teller {
        let Statsd { prefix, format, tags, .. } = settings.clone();
        Teller { prefix, format, tags, told: HashMap::new() }
    }

    /// This has been sent.
    pub fn told(&mut self, told: Vec<Told>) {
        self.told.extend(told);
    }

    /// All there is to tell of a page.
    pub fn lines(&self, page: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut histograms: BTreeMap<(&str, String), Histogram> = BTreeMap::new();
        let mut zones = BTreeMap::new();
        for sample in samples(page) {
            let Ok(value) = sample.value.parse::<f64>() else { continue };
            let labels: Vec<_> =
                sample.each_label().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            match sample.kind {
                "gauge" => lines.push(self.line(sample.family, &labels, "", (value.max(0.0), "g"), Vec::new())),
                "counter" => {
                    let (more, told) = self.since(&sample, value);
                    if sample.family == "forebay_apdex" {
                        zones.insert(labels[0].1.clone(), more);
                    }
                    if more > 0.0 {
                        lines.push(self.line(sample.family, &labels, "", (more, "c"), vec![told]));
                    }
                }
                "histogram" => self.take(&mut histograms, &sample, labels, value),
                _ => {}
            }
        }
        lines.extend(self.apdex(&zones));
        for ((family, _), histogram) in histograms {
            self.push_histogram(&mut lines, family, histogram);
        }
        lines
    }

    /// By how much a counter has grown, and what has been told when that is.
    fn since(&self, sample: &Sample<'_>, value: f64) -> (f64, Told) {
        let key = format!("{}{{{}}}", sample.name, sample.labels);
        (value - self.told.get(&key).copied().unwrap_or_default(), (key, value))
    }

    /// Those that were fast enough count whole, such as are tolerated half.
    fn apdex(&self, zones: &BTreeMap<String, f64>) -> Option<Line> {
        let of = |zone: &str| zones.get(zone).copied().unwrap_or_default();
        let all: f64 = zones.values().sum();
        let score = (of("satisfied") + of("tolerated") / 2.0) / all;
        (all > 0.0).then(|| self.line("forebay_apdex", &[], "score", (score, "g"), Vec::new()))
    }

    fn take<'p>(
        &self,
        histograms: &mut BTreeMap<(&'p str, String), Histogram>,
        sample: &Sample<'p>,
        mut labels: Vec<(String, String)>,
        value: f64,
    ) {
        let end = labels.iter().position(|(name, _)| name == "le").map(|at| labels.remove(at).1);
        let histogram = histograms.entry((sample.family, format!("{labels:?}"))).or_default();
        let (more, told) = self.since(sample, value);
        histogram.labels = labels;
        histogram.tells.push(told);
        match (end, sample.name.ends_with("_sum")) {
            (Some(end), _) => histogram.buckets.push((end.parse().unwrap_or(f64::INFINITY), more)),
            (None, true) => histogram.sum = more,
            (None, false) => histogram.count = more,
        }
    }

    fn push_histogram(&self, lines: &mut Vec<Line>, family: &str, histogram: Histogram) {
        let Histogram { labels, buckets, sum, count, tells } = histogram;
        if count <= 0.0 {
            return;
        }
        // StatsD's timings are in milliseconds, and are called so.
        let family = family.strip_suffix("_seconds").map_or_else(|| family.to_owned(), |of| format!("{of}_ms"));
        let mut push = |what, value, tells| lines.push(self.line(&family, &labels, what, value, tells));
        push("count", (count, "c"), tells);
        push("mean", (ms(sum / count), "ms"), Vec::new());
        for (share, word) in SHARES {
            push(word, (ms(quantile(&buckets, count * share)), "ms"), Vec::new());
        }
    }

    fn line(
        &self,
        family: &str,
        labels: &[(String, String)],
        what: &str,
        (value, kind): (f64, &str),
        tells: Vec<Told>,
    ) -> Line {
        let mut text = format!("{}.{}", self.prefix, family.strip_prefix("forebay_").unwrap_or(family));
        if self.format == StatsdFormat::Plain {
            labels.iter().for_each(|(_, value)| text.extend(['.'].into_iter().chain(plain(value, "."))));
        }
        if !what.is_empty() {
            text = text + "." + what;
        }
        text += &format!(":{value}|{kind}");
        if self.format == StatsdFormat::Dog {
            let of_labels =
                labels.iter().map(|(name, value)| format!("{name}:{}", plain(value, ",").collect::<String>()));
            let tags: Vec<String> = of_labels.chain(self.tags.iter().cloned()).collect();
            if !tags.is_empty() {
                text += &format!("|#{}", tags.join(","));
            }
        }
        Line { text, tells }
    }
}

/// To the microsecond.
fn ms(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

/// A name without what would end it.
fn plain(name: &str, besides: &'static str) -> impl Iterator<Item = char> {
    let ends =
        move |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '|' | '@' | '#') || besides.contains(c);
    name.chars().map(move |c| if ends(c) { '_' } else { c })
}

/// Where so many have come, as if those of a bucket lay evenly in it; those of the last one, which has no end, at its beginning.
fn quantile(buckets: &[(f64, f64)], rank: f64) -> f64 {
    let (mut begin, mut before) = (0.0, 0.0);
    for (end, up_to) in buckets {
        if *up_to >= rank && *up_to > before {
            let share = (rank - before) / (up_to - before);
            return if end.is_finite() { begin + (end - begin) * share } else { begin };
        }
        (begin, before) = (*end, *up_to);
    }
    begin
}

#[cfg(test)]
mod tests;
