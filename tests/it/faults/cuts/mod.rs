//! The same script of statements, broken everywhere: every connection (the client's, the primary's, a replica's), every
//! step from the greeting to the last row, both ways, by a close, a reset, a half-close, and silence.
//!
//! A run that nobody breaks shows where packets end. Of every step on every connection some places are picked; with
//! `FOREBAY_CUTS=N` N times as many, with `FOREBAY_CUTS=all` all there are. `FOREBAY_SEEDS=FROM..TO` picks others.
//! The client must get the right answers or proper errors, a write happens at most once and if acknowledged exactly once,
//! others are not disturbed, and nothing is left behind.

mod bystander;
mod judge;
mod points;
mod run;
mod script;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bystander::Bystander;
use judge::Oracle;
use points::{Case, Marks};
use run::{Report, Site, Sites};
use script::STEPS;

use crate::{
    differential::random::Random,
    support::{
        bed::{Bed, both},
        breaking_relay::{Fault, Pace},
        process::{descriptors, eventually, resident_bytes},
        raw::Login,
    },
};

both!(plain, tls);

fn plain(bed: &Bed) {
    matrix(bed, false);
}

fn tls(bed: &Bed) {
    matrix(bed, true);
}

/// Stalls are waited for: several at once cost no more.
const WORKERS: usize = 4;
/// Places of each step on each connection, both ways.
const PLACES: usize = 1;

const PACES: [Pace; 2] = [Pace::OneByOne, Pace::Delayed(Duration::from_millis(3))];

fn matrix(bed: &Bed, tls: bool) {
    let name = if tls { "cuts_tls" } else { "cuts_plain" };
    let users: &'static [&'static str] =
        if tls { &["{name: cuts_tls, password: secret}"] } else { &["{name: cuts_plain, password: secret}"] };
    prepare(bed, name);
    let login = Login { user: name.into(), tls, ..Login::to("app_cuts") };
    let numbers = AtomicU64::new(if tls { 2_000_000 } else { 1_000_000 });
    let next = || numbers.fetch_add(1, Ordering::SeqCst);
    let oracle = run::oracle(bed.cluster, &login, next());

    let sites: Vec<Sites> = (0..WORKERS).map(|_| Sites::start(bed.cluster, users)).collect();
    let cases = cases(&sites[0], &login, next(), &oracle, tls);
    println!("{} {name}: {} runs", bed.kind.name(), cases.len());
    let cases = Mutex::new(cases);
    let reports: Vec<Report> = thread::scope(|scope| {
        let work = |sites| work(sites, &login, &oracle, &next, &cases);
        let workers: Vec<_> = sites.iter().map(|sites| scope.spawn(move || work(sites))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    summary(&reports);
    nothing_stays(bed, name);
    let mut wrong: Vec<String> =
        reports.iter().filter_map(|report| Some(format!("{}: {}", report.title(), report.wrong()?))).collect();
    wrong.extend(written(bed, &reports));
    assert!(
        wrong.is_empty(),
        "{} of {} runs:\n{}",
        wrong.len(),
        reports.len(),
        wrong[..wrong.len().min(8)].join("\n\n")
    );
}

fn prepare(bed: &Bed, user: &str) {
    static ONCE: [Mutex<bool>; 2] = [const { Mutex::new(false) }; 2];
    let mut done = ONCE[bed.kind.pick(0, 1)].lock().unwrap();
    if !*done {
        bed.cluster.fresh_database("app_cuts");
        let rows: Vec<_> = (1..=60).map(|id| format!("({id}, 'row {id} of those that are always there')")).collect();
        bed.cluster.sql(&[
            "CREATE TABLE app_cuts.cuts (run INT, tag INT, n INT, pad VARCHAR(250), KEY (run))",
            "CREATE TABLE app_cuts.cuts_rows (id INT PRIMARY KEY, pad VARCHAR(100))",
            &format!("INSERT INTO app_cuts.cuts_rows VALUES {}", rows.join(", ")),
        ]);
        *done = true;
    }
    bed.cluster.sql(&[
        &format!("CREATE USER IF NOT EXISTS {user}@'%' IDENTIFIED BY 'secret'"),
        &format!("GRANT ALL ON app_cuts.* TO {user}@'%'"),
    ]);
    bed.cluster.settle();
}

/// Learns where a run can be broken, and picks.
fn cases(sites: &Sites, login: &Login, run: u64, oracle: &Oracle, tls: bool) -> VecDeque<Case> {
    let mut random = Random(seed());
    let mut marks = Marks::default();
    Site::ALL.iter().for_each(|site| sites.relay(*site).record(true));
    let report = run::run(sites, login, run, oracle, None, &mut marks);
    Site::ALL.iter().for_each(|site| sites.relay(*site).record(false));
    assert_eq!((report.wrong(), report.ended.len()), (None, STEPS.len()), "{:?}", report.ended);

    let mut cases = Vec::new();
    for points in marks.points(sites, &mut random).into_values() {
        let all = points.iter().flat_map(|point| Fault::ALL.map(|fault| Case { point: *point, fault }));
        let mut all: Vec<Case> = all.collect();
        let wanted = match std::env::var("FOREBAY_CUTS").as_deref() {
            Ok("all") => all.len(),
            Ok(times) => PLACES * times.parse::<usize>().expect("FOREBAY_CUTS=N or all"),
            // The same steps inside TLS: every second will do.
            Err(_) if tls => usize::from(random.one_in(2)),
            Err(_) => PLACES,
        };
        for _ in 0..wanted.min(all.len()) {
            cases.push(all.swap_remove(random.below(all.len())));
        }
    }
    cases.into()
}

fn seed() -> u64 {
    let seeds = std::env::var("FOREBAY_SEEDS").ok();
    seeds.map_or(1, |text| text.split("..").next().unwrap_or_default().parse().expect("FOREBAY_SEEDS=from..to"))
}

/// One Forebay's share of the cases, with somebody else at work all the time.
fn work(
    sites: &Sites,
    login: &Login,
    oracle: &Oracle,
    next: &(dyn Fn() -> u64 + Sync),
    cases: &Mutex<VecDeque<Case>>,
) -> Vec<Report> {
    let bystander = Bystander::start(&sites.forebay.endpoint, login, next());
    let mut reports: Vec<_> = PACES.map(|pace| run::paced(sites, login, next(), oracle, pace)).into();
    let (before, memory) = (descriptors(sites.forebay.pid()), resident_bytes(sites.forebay.pid()));
    loop {
        let Some(case) = cases.lock().unwrap().pop_front() else { break };
        reports.push(run::run(sites, login, next(), oracle, Some(case), &mut Marks::default()));
    }
    bystander.stop();
    super::assert_descriptors_return(&sites.forebay, before);
    let grown = resident_bytes(sites.forebay.pid()).saturating_sub(memory) >> 20;
    assert!(grown < 24, "grew by {grown} MiB");
    sites.forebay.assert_sound();
    reports
}

/// No connection of anybody who is gone.
fn nothing_stays(bed: &Bed, user: &str) {
    let text = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{user}'");
    for server in bed.cluster.servers() {
        eventually(&format!("{} has no connection left", server.name), || bed.cluster.root(server).value(&text) == "0");
    }
}

/// What is in the table is what the client knows.
fn written(bed: &Bed, reports: &[Report]) -> Vec<String> {
    let text = "SELECT run, tag, COUNT(*), COUNT(DISTINCT n) FROM app_cuts.cuts GROUP BY run, tag";
    let found: HashMap<(u64, u8), (usize, usize)> = bed
        .cluster
        .root(&bed.cluster.primary)
        .rows(text)
        .iter()
        .map(|row| {
            let number = |at: usize| row[at].parse::<usize>().unwrap();
            ((number(0) as u64, number(1) as u8), (number(2), number(3)))
        })
        .collect();
    let mut wrong = Vec::new();
    for report in reports {
        for (tag, all) in STEPS.iter().filter_map(|step| step.does.writes()) {
            let (rows, different) = found.get(&(report.run, tag)).copied().unwrap_or_default();
            let fate = report.ledger.fate(tag);
            if rows != different || !fate.fits(rows, all) {
                wrong.push(format!(
                    "{}: rows {tag} are {fate:?}, and {rows} ({different} different) of {all} are there\n{:?}",
                    report.title(),
                    report.ended
                ));
            }
        }
    }
    wrong
}

/// How the runs went, for those who look.
fn summary(reports: &[Report]) {
    let mut ends: HashMap<String, usize> = HashMap::new();
    for report in reports {
        let end = match report.ended.iter().find(|(_, ended)| *ended != judge::Ended::Well) {
            None => format!("well, struck: {}", report.struck),
            Some((_, judge::Ended::Wrong(_))) => "wrong".to_owned(),
            Some((_, ended)) => format!("{ended:?}"),
        };
        *ends.entry(end).or_default() += 1;
    }
    println!("{ends:?}");
}
