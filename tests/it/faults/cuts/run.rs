//! One run of the script through relays on all sides, and what the client knows after it.

use std::{sync::Arc, time::Duration};

use super::{
    judge::{Ended, Ledger, Oracle, judge},
    points::{Case, Marks},
    script::{Does, STEPS, perform, perform_by_id},
};
use crate::support::{
    breaking_relay::{BreakingRelay, Link, Pace, Plan},
    cluster::Cluster,
    forebay::{Forebay, Settings},
    raw::{Client, Login},
};

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    Client,
    Primary,
    Replica,
}

impl Site {
    pub const ALL: [Site; 3] = [Site::Client, Site::Primary, Site::Replica];
}

/// A Forebay with a relay on every side.
#[derive(Debug)]
pub struct Sites {
    relays: [BreakingRelay; 3],
    pub forebay: Forebay,
}

/// Beyond this nobody waits: what a silent server costs is `connect` and `query` of the configuration and some more.
const PATIENCE: Duration = Duration::from_secs(15);
/// A client whose own connection falls silent gives up.
const CLIENT_PATIENCE: Duration = Duration::from_millis(700);

impl Sites {
    pub fn start(cluster: &Cluster, user: &'static [&'static str]) -> Sites {
        let servers = [&cluster.primary, &cluster.replicas[0]].map(|server| {
            let relay = BreakingRelay::in_front_of(server.port);
            ((server.name.clone(), relay.port), relay)
        });
        let [(primary, to_primary), (replica, to_replica)] = servers;
        let more = "timeouts: {handshake: 2s, connect: 1s, query: 5s}\nlimits: {max_clients: 6}\npool: {max_idle: 0}\n";
        let settings = Settings { users: user, more: more.into(), ..Settings::default() };
        let forebay = Forebay::in_front_of(&[primary, replica], &settings);
        forebay.wait_until_serving();
        let to_forebay = BreakingRelay::in_front_of(forebay.endpoint.port);
        let sites = Sites { relays: [to_forebay, to_primary, to_replica], forebay };
        sites.forget();
        sites
    }

    pub fn relay(&self, site: Site) -> &BreakingRelay {
        &self.relays[site as usize]
    }

    /// The run's connection there: the first since [`Sites::forget`].
    pub fn link(&self, site: Site) -> Option<Arc<Link>> {
        self.relay(site).links().first().cloned()
    }

    /// A new run begins.
    pub fn forget(&self) {
        for relay in &self.relays {
            relay.take_links();
        }
    }
}

/// How a run went.
#[derive(Debug)]
pub struct Report {
    pub run: u64,
    pub case: Option<Case>,
    /// Of every step that was tried.
    pub ended: Vec<(&'static str, Ended)>,
    pub ledger: Ledger,
    pub struck: bool,
    /// Without what takes long.
    pub brief: bool,
}

impl Report {
    /// What must not be, if there is any.
    pub fn wrong(&self) -> Option<String> {
        let wrong = self.ended.iter().find_map(|(name, ended)| match ended {
            Ended::Wrong(why) => Some(format!("\"{name}\": {why}")),
            // Only the client's own connection may leave it waiting.
            Ended::Lost(why)
                if why != "connection lost" && self.case.is_none_or(|case| case.point.site != Site::Client) =>
            {
                Some(format!("\"{name}\": {why}"))
            }
            _ => None,
        });
        let untouched = !self.struck && self.ended.iter().any(|(_, ended)| *ended != Ended::Well);
        wrong.or_else(|| untouched.then(|| format!("nothing was broken, and yet: {:?}", self.ended)))
    }

    pub fn title(&self) -> String {
        self.case.map_or_else(|| "a whole run".to_owned(), |case| case.to_string())
    }
}

/// The right answers.
pub fn oracle(cluster: &Cluster, login: &Login, run: u64) -> Oracle {
    let mut client = Client::connect(&cluster.direct(), login).unwrap();
    let mut id = 1;
    let mut answer = |client: &mut Client, does: Does| {
        let mut reply = perform_by_id(client, run, does, id);
        assert!(reply.error().is_none() && reply.lost.is_none(), "{does:?}: {reply}");
        if let (Does::Prepare, Some((_, first))) = (does, reply.packets.first_mut()) {
            id = u32::from_le_bytes([first[1], first[2], first[3], first[4]]);
            first[1..5].copy_from_slice(&1u32.to_le_bytes());
        }
        reply
    };
    STEPS[1..].iter().map(|step| (step.name, answer(&mut client, step.does))).collect()
}

/// Runs the script, broken as `case` says.
pub fn run(sites: &Sites, login: &Login, run: u64, oracle: &Oracle, case: Option<Case>, marks: &mut Marks) -> Report {
    let report = Report { run, case, ended: Vec::new(), ledger: Ledger::default(), struck: false, brief: false };
    proceed(sites, login, oracle, report, marks)
}

fn proceed(sites: &Sites, login: &Login, oracle: &Oracle, mut report: Report, marks: &mut Marks) -> Report {
    let case = report.case;
    sites.forget();
    arm(sites, case, 0);
    let own = case.is_some_and(|case| case.point.site == Site::Client);
    let patience = if own { CLIENT_PATIENCE } else { PATIENCE };
    let client = Client::connect_within(patience, &sites.relay(Site::Client).endpoint(), login);
    marks.set(sites);
    match client {
        Ok(mut client) => {
            report.ended.push((STEPS[0].name, Ended::Well));
            steps(&mut client, sites, oracle, &mut report, marks);
        }
        Err(error) => report.ended.push((STEPS[0].name, refused(&error))),
    }
    report.struck = case.is_some_and(|case| sites.link(case.point.site).is_some_and(|link| link.struck()));
    report
}

fn refused(error: &std::io::Error) -> Ended {
    let text = error.to_string();
    match text.strip_prefix("ERROR ").and_then(|text| text.split(' ').next()?.parse().ok()) {
        Some(1158) => Ended::Error(1158),
        Some(code) => Ended::Wrong(format!("a login was refused with error {code}: {text}")),
        None if error.kind() == std::io::ErrorKind::WouldBlock => Ended::Lost("no answer".to_owned()),
        None => Ended::Lost("connection lost".to_owned()),
    }
}

fn arm(sites: &Sites, case: Option<Case>, step: usize) {
    let Some(Case { point, fault }) = case.filter(|case| case.point.step == step) else { return };
    match sites.link(point.site) {
        Some(link) => link.strike(point.way, point.offset, fault),
        None => sites.relay(point.site).next(Plan::strike(point.way, point.offset, fault)),
    }
}

fn steps(client: &mut Client, sites: &Sites, oracle: &Oracle, report: &mut Report, marks: &mut Marks) {
    let mut skipping = false;
    for (index, step) in STEPS.iter().enumerate().skip(1) {
        let ends_transaction = matches!(step.does, Does::Commit(_) | Does::Rollback(_));
        if skipping {
            skipping = !ends_transaction;
            continue;
        }
        if report.brief && step.does.is_long() {
            continue;
        }
        arm(sites, report.case, index);
        report.ledger.sent(step.does);
        let reply = perform(client, report.run, step.does);
        let ended = judge(*step, &reply, oracle, &report.ledger);
        report.ended.push((step.name, ended.clone()));
        marks.set(sites);
        match ended {
            Ended::Well => report.ledger.acknowledged(step.does),
            Ended::Error(_) if matches!(step.does, Does::Session(_) | Does::Prepare) => {
                return last_word(client, report);
            }
            Ended::Error(_) => {
                skipping = (report.ledger.in_transaction && !ends_transaction) || step.does == Does::Begin;
                if report.ledger.in_transaction && !rolled_back(client, report) {
                    return;
                }
                report.ledger.in_transaction = false;
            }
            Ended::Lost(_) | Ended::Wrong(_) => return,
        }
    }
}

/// An error amid a transaction: the client gives it up.
fn rolled_back(client: &mut Client, report: &mut Report) -> bool {
    let reply = client.query("ROLLBACK");
    let good = reply.error().is_none() && reply.lost.is_none();
    if !good && reply.error().is_none() && reply.lost.as_deref() != Some("connection lost") {
        report.ended.push(("rollback", Ended::Wrong(reply.to_string())));
    }
    good
}

/// A session that can't be what the script wants: it must still be sound.
fn last_word(client: &mut Client, report: &mut Report) {
    let reply = client.query("SELECT 7");
    let right = reply.text_rows() == [[Some(b"7".to_vec())]];
    if !right && reply.error().is_none() && reply.lost.as_deref() != Some("connection lost") {
        report.ended.push(("last word", Ended::Wrong(reply.to_string())));
    }
}

/// The same run with all connections at a pace: nothing may be different.
pub fn paced(sites: &Sites, login: &Login, run: u64, oracle: &Oracle, pace: Pace) -> Report {
    for relay in &sites.relays {
        relay.every(Plan::pace(pace));
    }
    let brief = pace == Pace::OneByOne;
    let report = Report { run, case: None, ended: Vec::new(), ledger: Ledger::default(), struck: false, brief };
    let report = proceed(sites, login, oracle, report, &mut Marks::default());
    for relay in &sites.relays {
        relay.every(Plan::default());
    }
    report
}
