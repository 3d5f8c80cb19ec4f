//! Where a run can be broken: learnt from one that is not.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    run::{Site, Sites},
    script::STEPS,
};
use crate::{
    differential::random::Random,
    support::breaking_relay::{Fault, Link, Way},
};

/// A place in a run: so many bytes after the step began, on the connection and the way that it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub site: Site,
    pub way: Way,
    /// An index of [`STEPS`].
    pub step: usize,
    pub offset: u64,
}

/// A run to be broken.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub point: Point,
    pub fault: Fault,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Point { site, way, step, offset } = self.point;
        write!(f, "{:?} {site:?} {way:?}, {offset} bytes into \"{}\"", self.fault, STEPS[step].name)
    }
}

/// What passed on every connection by the end of each step.
#[derive(Debug, Default)]
pub struct Marks(Vec<BTreeMap<(Site, Way), u64>>);

impl Marks {
    /// A step has ended.
    pub fn set(&mut self, sites: &Sites) {
        let passed = |site: Site, way: Way| sites.link(site).map_or(0, |link| link.passed(way));
        let all = Site::ALL.into_iter().flat_map(|site| Way::BOTH.map(|way| (site, way)));
        self.0.push(all.map(|(site, way)| ((site, way), passed(site, way))).collect());
    }

    /// Every step's places on every connection: at the ends of packets, just before and behind them, inside headers, and a
    /// few others.
    pub fn points(&self, sites: &Sites, random: &mut Random) -> BTreeMap<(Site, Way, usize), Vec<Point>> {
        let mut points = BTreeMap::new();
        for (site, way) in Site::ALL.into_iter().flat_map(|site| Way::BOTH.map(|way| (site, way))) {
            let Some(link) = sites.link(site) else { continue };
            let ends = packet_ends(&link, way);
            let mut start = 0;
            for (step, marks) in self.0.iter().enumerate() {
                let end = marks[&(site, way)];
                let inside = ends.iter().filter(|at| (start..=end).contains(*at));
                let mut offsets: Vec<u64> = inside
                    .flat_map(|at| [at.saturating_sub(1), *at, at + 1, at + 4])
                    .filter(|at| (start..=end).contains(at))
                    .collect();
                offsets.extend((0..if end > start { 4 } else { 0 }).map(|_| start + random.next() % (end - start)));
                offsets.sort_unstable();
                offsets.dedup();
                if end > start {
                    let point = |at: u64| Point { site, way, step, offset: at - start };
                    points.insert((site, way, step), offsets.into_iter().map(point).collect());
                }
                start = end;
            }
        }
        points
    }
}

/// Where packets end: MySQL's, and TLS records once they begin.
fn packet_ends(link: &Arc<Link>, way: Way) -> Vec<u64> {
    let bytes = link.recorded(way);
    let (mut at, mut ends) = (0, vec![0]);
    while let Some(header) = bytes.get(at..at + 5) {
        // Handshake, alert, data or change of cipher, in version 3.x: as a length and a sequence id that would be far off.
        let tls = (0x14..=0x17).contains(&header[0]) && header[1] == 3 && header[2] <= 4;
        at += match tls {
            true => 5 + (usize::from(header[3]) << 8 | usize::from(header[4])),
            false => 4 + (usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16),
        };
        ends.push(at as u64);
    }
    ends
}
