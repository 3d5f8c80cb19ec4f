use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    net::Address,
    topology::{Health, Role, RoleSetting, Server, ServerSettings},
};

fn server(id: usize, position: &str, probes: u64) -> Server {
    let role = if id == 0 { RoleSetting::Primary } else { RoleSetting::Replica };
    let settings = ServerSettings::new("", Address::Unix("/".into()), role);
    let unknown = Server::unknown(ServerId(id), &settings);
    Server { position: Some(at(position).into()), position_probes: probes, health: Health::Up, ..unknown }
}

fn at(text: &str) -> Position {
    Position::parse(text.as_bytes()).unwrap()
}

fn primary_at(position: &str, probes: u64) -> View {
    let server = Server { role: Role::Primary, ..server(0, position, probes) };
    View { primary: Some(server.id), servers: vec![server], ..View::default() }
}

#[test]
fn groups_see_what_they_wrote_and_no_more() {
    let (all, now) = (Freshness::default(), Instant::now());
    all.apply(true, 100);
    assert!(!all.observe(&primary_at("0-1-5", 1)));
    all.wrote(b"0-1-6", &[1], now);
    all.wrote(b"0-1-7", &[2, 3], now);
    let needs = |key| {
        let mut needs = Needs::default();
        let version = all.groups.add_to(key, &mut needs, 0, now);
        let mut again = Needs::default();
        assert_eq!(all.groups.add_to(key, &mut again, version, now), version);
        assert!(again.is_empty(), "what is known is not taken in again");
        needs.position.to_sql()
    };
    assert_eq!([1, 2, 3].map(needs), ["0-1-6", "0-1-7", "0-1-7"]);
    assert_eq!(needs(4), "0-1-5", "what was there when Forebay began");
    let mut everybody = Needs::default();
    assert!(all.everything_into(&mut everybody, 0).is_some());
    assert_eq!(everybody.position.to_sql(), "0-1-7");
}

#[test]
fn a_forgotten_group_is_told_too_much_and_never_too_little() {
    let (all, begin) = (Freshness::default(), Instant::now());
    all.apply(true, 32);
    for n in 1..=1000u64 {
        all.wrote(format!("0-1-{n}").as_bytes(), &[n], begin + Duration::from_millis(n));
    }
    assert!(all.groups.len() <= 32, "{}", all.groups.len());
    let forgotten = all.groups.forgotten_count.load(Ordering::Relaxed);
    assert_eq!(all.groups.len() as u64 + forgotten, 1000);
    for n in 1..=1000u64 {
        let mut needs = Needs::default();
        all.groups.add_to(n, &mut needs, 0, begin);
        assert!(needs.position.covers(&at(&format!("0-1-{n}"))), "{n}: {needs:?}");
    }
    (0..16).for_each(|_| all.groups.sweep(begin + Duration::from_secs(3600)));
    assert!(all.groups.is_empty());
    let mut needs = Needs::default();
    all.groups.add_to(1000, &mut needs, 0, begin);
    assert_eq!(needs.position, at("0-1-1000"));
}

#[test]
fn positions_that_the_primary_has_lost_are_forgotten_by_two_probes() {
    let all = Freshness::default();
    all.apply(true, 100);
    let now = Instant::now();
    all.observe(&primary_at("0-1-5", 1));
    all.wrote(b"0-1-9", &[1], now);
    assert!(!all.observe(&primary_at("0-1-8", 2)), "the probe may have been before the write");
    assert!(!all.observe(&primary_at("0-1-8", 3)), "this one may have begun before");
    assert!(!all.observe(&primary_at("0-1-9", 4)));
    assert!(!all.observe(&primary_at("0-1-2", 5)));
    assert!(!all.observe(&primary_at("0-1-3", 6)));
    assert!(all.observe(&primary_at("0-1-4", 7)), "it has been reset");
    assert_eq!(all.epoch(), 1);
    let mut needs = Needs::default();
    all.groups.add_to(1, &mut needs, 0, now);
    assert_eq!((needs.position.to_sql(), all.floor().position.to_sql()), ("0-1-4".into(), "0-1-4".into()));
}

#[test]
fn what_waits_taught_holds_until_probes_tell() {
    let replicas = Replicas::default();
    assert!(replicas.has(&server(1, "0-1-5", 1), &at("0-1-5")));
    assert!(!replicas.has(&server(1, "0-1-5", 1), &at("0-1-6")));
    replicas.taught(&server(1, "0-1-5", 1), &at("0-1-7"));
    assert!(replicas.has(&server(1, "0-1-5", 1), &at("0-1-7")));
    assert!(replicas.has(&server(1, "0-1-6", 2), &at("0-1-7")), "a probe may have begun before the wait ended");
    assert!(!replicas.has(&server(1, "0-1-3", 3), &at("0-1-7")), "it has gone back in time");
    assert_eq!(replicas.known(&server(1, "0-1-3", 3)), at("0-1-3"));
    assert!(!replicas.has(&server(2, "0-1-5", 1), &at("0-1-7")));
}

#[test]
fn a_wait_that_is_not_worth_it_is_tried_now_and_then() {
    let (replicas, limit, now) = (Replicas::default(), Duration::from_millis(100), Instant::now());
    let id = ServerId(1);
    assert!(replicas.is_worth_waiting(id, limit, now));
    replicas.waited(id, limit, Duration::from_millis(3), true);
    assert!(replicas.is_worth_waiting(id, limit, now));
    replicas.waited(id, limit, limit, false);
    assert!(replicas.is_worth_waiting(id, limit, now), "one tries");
    assert!(!replicas.is_worth_waiting(id, limit, now), "the others don't");
    assert!(!replicas.is_worth_waiting(id, limit, now + Duration::from_millis(900)));
    assert!(replicas.is_worth_waiting(id, limit, now + Duration::from_millis(1100)));
    replicas.waited(id, limit, Duration::from_millis(5), true);
    assert!((0..3).all(|_| replicas.is_worth_waiting(id, limit, now + Duration::from_millis(1100))));
}
