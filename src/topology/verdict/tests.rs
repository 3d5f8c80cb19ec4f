//! Timelines: at second …, server … is seen like …, and then it stands like ….

use super::*;
use crate::{net::Address, topology::ServerSettings};

const P: ServerId = ServerId(0);
const R: ServerId = ServerId(1);
const S: ServerId = ServerId(2);

fn verdicts(roles: &[RoleSetting], max_lag: Option<u64>) -> Verdicts {
    let server = |(index, &role): (usize, &RoleSetting)| {
        let address = Address::Tcp { host: "x".to_owned(), port: 1 };
        ServerSettings::new(format!("s{index}"), address, role)
    };
    let servers = roles.iter().enumerate().map(server).collect();
    Verdicts::new(&Settings { max_lag: max_lag.map(Duration::from_secs), ..Settings::new(servers, "", "") })
}

fn fixed() -> Verdicts {
    verdicts(&[RoleSetting::Primary, RoleSetting::Replica], Some(10))
}

fn auto() -> Verdicts {
    verdicts(&[RoleSetting::Auto; 3], Some(10))
}

/// All three probed: s0 leads.
fn auto_running() -> Verdicts {
    let mut verdicts = auto();
    run(
        &mut verdicts,
        vec![(0, S, follower(0), Replica, Up), (0, R, follower(0), Replica, Up), (0, P, leader(), Primary, Up)],
    );
    verdicts
}

fn seen(writable: bool, replication: Replication, lag_s: Option<u64>) -> Observation {
    Observation::Seen(Answer { writable, replication, lag_ms: lag_s.map(|s| s * 1000), ..Answer::default() })
}
fn leader() -> Observation {
    seen(true, Replication::None, None)
}
fn follower(lag_s: u64) -> Observation {
    seen(false, Replication::Running, Some(lag_s))
}
fn unsure() -> Observation {
    seen(false, Replication::Connecting, None)
}
fn timeout() -> Observation {
    Observation::Silent { why: "no answer in 1 s".to_owned() }
}
fn refused() -> Observation {
    Observation::Failed { refused: true, why: "connection refused".to_owned() }
}

/// Feeds observations and checks the observed server's standing after each; everything logged comes back.
fn run(verdicts: &mut Verdicts, timeline: Vec<(u64, ServerId, Observation, Role, Health)>) -> Vec<String> {
    let mut log = Vec::new();
    for (at_s, id, observation, role, health) in timeline {
        let what = format!("at {at_s} s: {id:?} {observation:?}");
        log.extend(verdicts.observe(id, Duration::from_secs(at_s), observation).into_iter().map(|event| event.text));
        assert_eq!(verdicts.standing(id), Some(Standing { role, health }), "{what}");
    }
    log
}

use Health::{Down, Unfit, Up};
use Role::{Primary, Replica, Unknown};

#[test]
fn nothing_seen_is_down() {
    let verdicts = auto();
    assert_eq!(verdicts.primary(), None);
    assert_eq!(verdicts.standing(P), Some(Standing { role: Unknown, health: Down }));
    assert_eq!(verdicts.standing(ServerId(9)), None);
}

#[test]
fn silence_counts_when_it_is_repeated() {
    let mut verdicts = fixed();
    let broken = || Observation::Failed { refused: false, why: "connection reset by peer".to_owned() };
    let timeline = [
        (follower(0), false),
        (timeout(), false),
        (timeout(), true),
        (timeout(), true),
        (follower(0), false),
        (timeout(), false),
        (broken(), false),
        (timeout(), false),
        (refused(), false),
        (timeout(), false),
        (timeout(), true),
    ];
    for (at_s, (observation, silent)) in timeline.into_iter().enumerate() {
        let what = format!("at {at_s} s: {observation:?}");
        verdicts.observe(R, Duration::from_secs(at_s as u64), observation);
        assert_eq!((verdicts.is_silent(R), verdicts.is_silent(P)), (silent, false), "{what}");
    }
}

#[test]
fn a_replica_goes_at_once_and_returns_after_two() {
    let log = run(
        &mut fixed(),
        vec![
            (0, P, leader(), Primary, Up),
            (0, R, follower(0), Replica, Up),
            (1, R, timeout(), Replica, Down),
            (2, R, follower(0), Replica, Down),
            (3, R, timeout(), Replica, Down),
            (4, R, follower(3), Replica, Down),
            (5, R, follower(3), Replica, Up),
        ],
    );
    assert_eq!(
        log,
        [
            "s0 is up: the primary",
            "s1 is up: a replica, 0 s behind",
            "s1 (a replica) is down: no answer in 1 s",
            "s1 is up: a replica, 3 s behind",
        ]
    );
}

#[test]
fn the_primary_goes_after_two_or_when_refused_and_returns_at_once() {
    let mut verdicts = fixed();
    let log = run(
        &mut verdicts,
        vec![
            (0, P, leader(), Primary, Up),
            (1, P, timeout(), Primary, Up),
            (2, P, leader(), Primary, Up),
            (3, P, timeout(), Primary, Up),
            (4, P, timeout(), Primary, Down),
            (5, P, leader(), Primary, Up),
            (6, P, refused(), Primary, Down),
        ],
    );
    assert_eq!(verdicts.primary(), None);
    assert_eq!(
        log[1..],
        [
            "s0 (the primary) is down: no answer in 1 s",
            "no server takes writes now; until now it was s0",
            "s0 is up: the primary",
            "s0 (the primary) is down: connection refused",
            "no server takes writes now; until now it was s0",
        ]
    );
}

#[test]
fn lag_with_hysteresis() {
    let mut verdicts = fixed();
    let log = run(
        &mut verdicts,
        vec![
            (0, R, follower(0), Replica, Up),
            (1, R, follower(10), Replica, Up),
            (2, R, follower(11), Replica, Unfit),
            (3, R, follower(8), Replica, Unfit),
            (4, R, follower(11), Replica, Unfit),
            // Within the limit, but so near it that it would be out again soon.
            (5, R, follower(9), Replica, Unfit),
            (5, R, follower(9), Replica, Unfit),
            (5, R, follower(8), Replica, Unfit),
            // Another server's observation is not this one's second good one.
            (5, P, leader(), Primary, Up),
        ],
    );
    assert_eq!(verdicts.standing(R).map(|standing| standing.health), Some(Unfit));
    run(&mut verdicts, vec![(6, R, follower(8), Replica, Up)]);
    assert_eq!(verdicts.lag_ms(R), Some(8000));
    assert_eq!(log[1], "s1 takes no new reads: 11 s behind, at most 10 s is allowed");
}

#[test]
fn without_max_lag_any_lag_will_do() {
    let mut verdicts = verdicts(&[RoleSetting::Primary, RoleSetting::Replica], None);
    run(&mut verdicts, vec![(0, R, follower(100_000), Replica, Up)]);
}

#[test]
fn replication_that_stopped_or_never_was() {
    let stopped = || seen(false, Replication::Stopped("Error 1062".to_owned()), None);
    let log = run(
        &mut fixed(),
        vec![
            (0, R, follower(0), Replica, Up),
            (1, R, stopped(), Replica, Unfit),
            (2, R, seen(false, Replication::None, None), Replica, Unfit),
            (3, R, follower(0), Replica, Unfit),
            (4, R, follower(0), Replica, Up),
        ],
    );
    assert_eq!(log[1], "s1 takes no new reads: its replication has stopped: Error 1062");
}

#[test]
fn an_unknown_lag_is_not_zero() {
    // While the primary lives it may have written meanwhile.
    let mut verdicts = fixed();
    run(
        &mut verdicts,
        vec![
            (0, P, leader(), Primary, Up),
            (0, R, follower(2), Replica, Up),
            (5, R, unsure(), Replica, Up),
            (11, R, unsure(), Replica, Unfit),
            (12, R, unsure(), Replica, Unfit),
        ],
    );
    assert_eq!(verdicts.lag_ms(R), None);
    // Never known at all.
    run(&mut fixed(), vec![(0, P, leader(), Primary, Up), (0, R, unsure(), Replica, Unfit)]);
}

#[test]
fn an_unknown_lag_is_not_infinite() {
    // The primary is dead: nothing new is written, the replicas go on.
    let mut verdicts = fixed();
    run(
        &mut verdicts,
        vec![
            (0, P, leader(), Primary, Up),
            (0, R, follower(0), Replica, Up),
            (1, P, refused(), Primary, Down),
            (2, R, unsure(), Replica, Up),
            (500, R, unsure(), Replica, Up),
            // It is back, and 500 s may have happened elsewhere: unfit until the lag is known again.
            (501, P, leader(), Primary, Up),
        ],
    );
    assert_eq!(verdicts.standing(R).map(|standing| standing.health), Some(Unfit));
    run(&mut verdicts, vec![(502, R, follower(0), Replica, Unfit), (503, R, follower(0), Replica, Up)]);
    // Too far behind stays too far behind.
    run(
        &mut verdicts,
        vec![
            (504, R, follower(60), Replica, Unfit),
            (505, P, refused(), Primary, Down),
            (506, R, unsure(), Replica, Unfit),
        ],
    );
}

#[test]
fn a_lag_that_may_not_be_seen_is_said_once() {
    let hidden = || seen(false, Replication::Hidden("Access denied".to_owned()), None);
    let log = run(
        &mut fixed(),
        vec![
            (0, P, leader(), Primary, Up),
            (0, R, hidden(), Replica, Up),
            (1, R, hidden(), Replica, Up),
            (99, R, hidden(), Replica, Up),
        ],
    );
    assert_eq!(log.iter().filter(|line| line.contains("GRANT REPLICATION CLIENT")).count(), 1);
    assert!(log.contains(&"s1 is up: a replica, lag unknown".to_owned()));
}

#[test]
fn a_monitor_user_that_is_locked_out_takes_no_primary_down() {
    let blind = || Observation::Blind { why: "Access denied".to_owned() };
    let mut verdicts = fixed();
    let log = run(
        &mut verdicts,
        vec![
            (0, P, blind(), Primary, Up),
            (0, R, follower(0), Replica, Up),
            (1, R, blind(), Replica, Unfit),
            (2, R, blind(), Replica, Unfit),
        ],
    );
    assert_eq!(verdicts.primary(), Some(P));
    assert_eq!(log.iter().filter(|line| line.contains("not let in")).count(), 2);
}

#[test]
fn auto_roles_follow_read_only() {
    let mut verdicts = auto_running();
    run(
        &mut verdicts,
        vec![
            // A planned switch: the old one closes, the new one opens.
            (1, P, seen(false, Replication::None, None), Replica, Unfit),
        ],
    );
    assert_eq!(verdicts.primary(), None);
    run(
        &mut verdicts,
        vec![(2, R, leader(), Primary, Up), (3, P, follower(0), Replica, Unfit), (4, P, follower(0), Replica, Up)],
    );
    assert_eq!(verdicts.primary(), Some(R));
}

#[test]
fn two_writable_servers_keep_the_last_confirmed_and_alarm_after_a_while() {
    let mut verdicts = auto_running();
    let log = run(
        &mut verdicts,
        vec![
            (1, R, leader(), Unknown, Up),
            (2, R, leader(), Unknown, Up),
            (3, P, leader(), Primary, Up),
            (4, R, follower(0), Replica, Up),
        ],
    );
    assert_eq!(verdicts.primary(), Some(P));
    assert!(
        log.contains(
            &"alarm: several servers are writable and follow no other (s0, s1): s0 stays the primary, the others get nothing"
                .to_owned()
        )
    );
    assert!(!verdicts.is_in_conflict());
    assert!(log.contains(&"there is one writable server again".to_owned()));
}

#[test]
fn a_server_under_two_names_is_told_of() {
    let mut verdicts = auto_running();
    let twice = || of(1, &[], true);
    let log = run(
        &mut verdicts,
        vec![(1, P, twice(), Primary, Up), (1, R, twice(), Unknown, Up), (4, R, twice(), Unknown, Up)],
    );
    let wanted = "s0 stays the primary, the others get nothing; \
                  s0 and s1 have the same server_id: if they are two names of one server, list it once";
    assert!(log.iter().any(|line| line.ends_with(wanted)), "{log:?}");
}

#[test]
fn two_writable_servers_at_the_start_make_no_primary() {
    let mut verdicts = auto();
    let log = run(
        &mut verdicts,
        vec![
            (0, P, leader(), Unknown, Up),
            (0, R, leader(), Unknown, Up),
            (0, S, follower(0), Replica, Up),
            (3, R, leader(), Unknown, Up),
        ],
    );
    assert_eq!(verdicts.primary(), None);
    assert!(log.last().is_some_and(|line| line.ends_with("none of them gets writes")), "{log:?}");
    run(&mut verdicts, vec![(4, R, follower(0), Replica, Up), (5, P, leader(), Primary, Up)]);
}

#[test]
fn a_server_that_was_never_reached_is_told() {
    let log = run(&mut fixed(), vec![(0, R, refused(), Replica, Down), (1, R, refused(), Replica, Down)]);
    assert_eq!(log, ["s1 can't be reached: connection refused"]);
}

#[test]
fn a_dead_primary_is_replaced_and_fenced_when_it_returns() {
    let mut verdicts = auto_running();
    run(
        &mut verdicts,
        vec![
            (1, P, refused(), Primary, Down),
            (2, R, unsure(), Replica, Up),
            (3, R, seen(true, Replication::Stopped("STOP SLAVE".to_owned()), None), Primary, Up),
            (4, P, leader(), Unknown, Down),
            (5, P, leader(), Unknown, Up),
        ],
    );
    assert_eq!(verdicts.primary(), Some(R));
}

#[test]
fn a_replica_that_somebody_left_writable_never_leads() {
    let mut verdicts = auto_running();
    let writable = || seen(true, Replication::Running, Some(0));
    let log = run(
        &mut verdicts,
        vec![
            (0, R, writable(), Replica, Up),
            (1, P, refused(), Primary, Down),
            (2, R, seen(true, Replication::Connecting, None), Replica, Up),
        ],
    );
    assert_eq!(verdicts.primary(), None);
    assert_eq!(log[0], "s1 replicates but is not read_only: a client that writes there directly would make it diverge");
}

#[test]
fn a_configured_primary_that_is_read_only_stays_and_is_told() {
    let mut verdicts = fixed();
    let log = run(&mut verdicts, vec![(0, P, seen(false, Replication::None, None), Primary, Up)]);
    assert_eq!(verdicts.primary(), Some(P));
    assert!(log[0].contains("but it is read_only"));
}

#[test]
fn a_replica_that_flaps_is_held_off_longer_each_time_and_comes_back_slowly() {
    let mut verdicts = fixed();
    let log = run(
        &mut verdicts,
        vec![
            (0, P, leader(), Primary, Up),
            (0, R, follower(0), Replica, Up),
            (10, R, follower(30), Replica, Unfit),
            (11, R, follower(0), Replica, Unfit),
            (12, R, follower(0), Replica, Up),
            (20, R, timeout(), Replica, Down),
            (20, R, follower(0), Replica, Down),
            (20, R, follower(0), Replica, Unfit),
            (21, R, follower(0), Replica, Up),
            (30, R, follower(30), Replica, Unfit),
            (30, R, follower(0), Replica, Unfit),
            (31, R, follower(0), Replica, Unfit),
            (32, R, follower(0), Replica, Up),
            // It has been calm for a while.
            (200, R, follower(30), Replica, Unfit),
            (200, R, follower(0), Replica, Unfit),
            (200, R, follower(0), Replica, Up),
        ],
    );
    assert_eq!(
        log[2..],
        [
            "s1 takes no new reads: 30 s behind, at most 10 s is allowed",
            "s1 is up: a replica, 0 s behind",
            "s1 (a replica) is down: no answer in 1 s; as it comes and goes, for 1 s at least",
            "s1 takes no new reads: it comes and goes",
            "s1 is up: a replica, 0 s behind",
            "s1 takes no new reads: 30 s behind, at most 10 s is allowed; as it comes and goes, for 2 s at least",
            "s1 is up: a replica, 0 s behind",
            "s1 takes no new reads: 30 s behind, at most 10 s is allowed",
            "s1 is up: a replica, 0 s behind",
        ]
    );
    let percent = |at_s| verdicts.share_percent(R, Duration::from_secs(at_s));
    assert_eq!([200, 205, 210].map(percent), [10, 55, 100]);
    assert_eq!(verdicts.share_percent(P, Duration::from_secs(200)), 100);
}

/// With a heartbeat that was written then, by a clock that is ahead.
fn heard(leads: bool, at_s: i64, written_s: i64, ahead_s: i64) -> Observation {
    const S: i64 = 1_000_000;
    let times = Times {
        read_at_us: at_s * S,
        clock_ahead_us: Some(if leads { ahead_s * S } else { 0 }),
        heartbeat_us: Some((written_s + ahead_s) * S),
        progress: None,
    };
    let replication = if leads { Replication::None } else { Replication::Running };
    let lag_ms = (!leads).then_some(0);
    Observation::Seen(Answer { writable: leads, replication, lag_ms, times, ..Answer::default() })
}

#[test]
fn a_wrong_clock_is_told_once_and_measures_all_the_same() {
    let mut verdicts = fixed();
    let mut log = run(
        &mut verdicts,
        vec![
            (99, P, heard(true, 99, 99, 3600), Primary, Up),
            (100, P, heard(true, 100, 100, 3600), Primary, Up),
            (100, R, heard(false, 100, 98, 3600), Replica, Up),
        ],
    );
    assert_eq!(verdicts.lag_ms(R), Some(2000));
    log.extend(run(
        &mut verdicts,
        vec![(102, R, heard(false, 102, 90, 3600), Replica, Unfit), (103, P, heard(true, 103, 103, 0), Primary, Up)],
    ));
    assert_eq!(
        log,
        [
            "s0: its clock is 3600 s ahead of Forebay's; what is measured with it is set right, but what it calls NOW() is wrong",
            "s0 is up: the primary",
            "s1 is up: a replica, 2 s behind",
            "s1 takes no new reads: 12 s behind, at most 10 s is allowed",
            "s0: its clock agrees with Forebay's again",
        ]
    );
}

#[test]
fn what_clients_meet_takes_a_replica_out_for_a_time() {
    let mut verdicts = verdicts(&[RoleSetting::Primary, RoleSetting::Replica, RoleSetting::Replica], None);
    let broken = TrafficSeen { reads: 1, reads_us: 1000, failures: 9 };
    let good = |at| (at, R, follower(0), Replica, Up);
    let out = |at| (at, R, follower(0), Replica, Unfit);
    run(&mut verdicts, vec![(0, P, leader(), Primary, Up), (0, S, follower(0), Replica, Up), good(0)]);
    verdicts.traffic(R, Duration::from_secs(1), broken);
    let log = run(&mut verdicts, vec![out(1), out(30), out(31), good(32)]);
    assert_eq!(log[0], "s1 takes no new reads: 9 connections of clients broke, 1 reads were answered; out for 30 s");
    assert_eq!(log[1], "s1 is up: a replica, 0 s behind");
    verdicts.traffic(P, Duration::from_secs(40), broken);
    run(&mut verdicts, vec![(40, P, leader(), Primary, Up)]);
}

/// Its own `server_id`, and those of its sources.
fn of(id: u32, sources: &[u32], writable: bool) -> Observation {
    let replication = if sources.is_empty() { Replication::None } else { Replication::Running };
    let lag_ms = (!sources.is_empty()).then_some(0);
    Observation::Seen(Answer {
        writable,
        replication,
        lag_ms,
        id: Some(id),
        sources: sources.to_vec(),
        ..Answer::default()
    })
}

#[test]
fn a_replica_of_a_replica_is_one_and_one_of_another_server_is_not() {
    let mut verdicts = auto();
    run(
        &mut verdicts,
        vec![
            (0, S, of(3, &[2], false), Replica, Up),
            (0, R, of(2, &[1], false), Replica, Up),
            (0, P, of(1, &[], true), Primary, Up),
            (1, S, of(3, &[2], false), Replica, Up),
            // From somebody who is not listed.
            (2, S, of(3, &[77], false), Replica, Up),
            (3, S, of(3, &[2], false), Replica, Up),
            // The middle one is promoted; the old primary is back and takes nothing.
            (4, P, refused(), Primary, Down),
            (5, R, of(2, &[], true), Primary, Up),
            (6, P, of(1, &[], true), Unknown, Down),
            (7, P, of(1, &[], true), Unknown, Up),
        ],
    );
    let log = run(
        &mut verdicts,
        vec![
            (8, S, of(3, &[1], false), Replica, Unfit),
            (9, S, of(3, &[2], false), Replica, Unfit),
            (10, S, of(3, &[2], false), Replica, Up),
        ],
    );
    assert_eq!(log[0], "s2 takes no new reads: its data comes from s0, which is not the primary");
}

#[test]
fn of_two_that_replicate_from_each_other_the_writable_one_leads() {
    let mut verdicts = verdicts(&[RoleSetting::Auto; 2], Some(10));
    let log = run(
        &mut verdicts,
        vec![
            (0, P, of(1, &[2], true), Replica, Up),
            (0, R, of(2, &[1], false), Replica, Up),
            (1, P, of(1, &[2], true), Primary, Up),
            (2, R, of(2, &[1], false), Replica, Up),
            // Switched.
            (3, P, of(1, &[2], false), Replica, Up),
            (4, R, of(2, &[1], true), Primary, Up),
        ],
    );
    assert_eq!(verdicts.primary(), Some(R));
    assert!(!log.iter().skip(2).any(|line| line.contains("diverge")), "{log:?}");
}

fn member(writable: bool, rank: u32, out: Option<&str>) -> Observation {
    let membership = out.map_or(Membership::Serves, |why| Membership::Out(why.to_owned()));
    let member = Member { membership, may_lead: true, rank };
    Observation::Seen(Answer { writable, replication: Replication::Member(member), ..Answer::default() })
}

#[test]
fn of_a_cluster_whose_members_all_take_writes_one_gets_them() {
    let mut verdicts = auto();
    let log = run(
        &mut verdicts,
        vec![
            (0, P, member(true, 2, None), Replica, Up),
            (0, R, member(true, 0, None), Replica, Up),
            (0, S, member(true, 1, None), Replica, Up),
            (1, R, member(true, 0, None), Primary, Up),
            (5, S, member(false, 1, Some("in its cluster it is Donor/Desynced, not Synced")), Replica, Unfit),
            (6, S, member(true, 1, None), Replica, Unfit),
            (7, S, member(true, 1, None), Replica, Up),
            (8, R, refused(), Unknown, Down),
        ],
    );
    assert_eq!(verdicts.primary(), Some(S));
    assert!(!log.iter().any(|line| line.contains("several servers are writable")), "{log:?}");
    run(&mut verdicts, vec![(9, R, member(true, 0, None), Unknown, Down), (10, R, member(true, 0, None), Replica, Up)]);
    assert_eq!(verdicts.primary(), Some(S), "the last confirmed stays");
}
