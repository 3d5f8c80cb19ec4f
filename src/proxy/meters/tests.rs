//! What is counted of what clients do.
use std::time::Duration;

use super::*;
use crate::proxy::client::End;

fn answer(failed: bool) -> Answer {
    Answer { error: failed.then_some(1064), rows: 2, bytes: 100, ..Answer::default() }
}

#[test]
fn words_stand_where_their_values_do() {
    for (at, kind) in KINDS.into_iter().enumerate() {
        assert_eq!(kind as usize, at, "{kind:?}");
    }
    for (at, (outcome, _)) in OUTCOMES.into_iter().enumerate() {
        assert_eq!(outcome as usize, at, "{outcome:?}");
    }
    for (at, (fault, _)) in FAULTS.into_iter().enumerate() {
        assert_eq!(fault as usize, at, "{fault:?}");
    }
}

#[test]
fn each_statement_counts_once_where_it_was_answered() {
    let meters = Meters::default();
    let mut client = Metered::new(&meters);
    let ms = Duration::from_millis;
    for (place, failed) in [(Place::Primary, false), (Place::Group("far".into()), true), (Place::Replicas, false)] {
        client.begins(10);
        client.is(Kind::Select, 7);
        client.served(ServerId(1), place.clone(), answer(failed), ms(3));
        let ended = client.ended(ms(500), Ok(())).unwrap();
        assert_eq!((ended.digest, ended.outcome.name()), (7, if failed { "error" } else { "ok" }));
        assert_eq!(client.place(), (&place, ended.outcome));
        assert_eq!((ended.answer.server, ended.answer.rows), (Some(ServerId(1)), 2));
    }
    // A PING is no statement; a refusal is none that a server ran.
    client.begins(1);
    assert!(client.ended(ms(500), Ok(())).is_none());
    client.begins(5);
    client.is(Kind::Insert, 0);
    client.refused(Fault::Limit, 1203);
    let ended = client.ended(ms(500), Ok(())).unwrap();
    assert_eq!((ended.outcome, ended.answer.error, ended.answer.server), (Outcome::Refused, Some(1203), None));
    client.begins(5);
    client.is(Kind::Update, 0);
    client.ended(ms(500), Err(&End::Killed));
    client.begins(5);
    client.is(Kind::Select, 0);
    client.hit(7);
    client.ended(Duration::ZERO, Ok(()));
    let meter = &meters.threads.all()[0];
    let count = |place: &Place, kind, outcome| meter.place(place).count(kind, outcome);
    assert_eq!(count(&Place::Primary, Kind::Select, Outcome::Ok), 1);
    assert_eq!(count(&Place::Replicas, Kind::Select, Outcome::Ok), 1);
    assert_eq!(count(&Place::Group("far".into()), Kind::Select, Outcome::Error), 1);
    assert_eq!(count(&Place::Forebay, Kind::Insert, Outcome::Refused), 1);
    assert_eq!(count(&Place::Forebay, Kind::Update, Outcome::Lost), 1);
    assert_eq!(count(&Place::Cache, Kind::Select, Outcome::Ok), 1);
    assert_eq!((meter.rows.get(), meter.bytes_from_servers.get(), meter.bytes_from_clients.get()), (13, 300, 46));
    assert_eq!((meter.errors[2].get(), meter.server_errors.get()), (1, 1));
    let zones = meter.apdex.each_ref().map(Count::get);
    assert_eq!((zones[0], zones.iter().sum::<u64>()), (2, 6));
    let server = meter.servers.get(1).unwrap();
    assert_eq!((server.statements.get(), server.errors.get(), server.rows.get()), (3, 1, 6));
}

#[test]
fn groups_and_servers_are_bounded() {
    let meter = Meter::default();
    for number in 0..3 * MAX_GROUPS {
        meter.place(&Place::Group(format!("g{number}").into())).elapsed.add(Duration::ZERO);
    }
    assert_eq!(meter.groups.count(), MAX_GROUPS + 1);
    assert!(meter.server(ServerId(MAX_SERVERS)).is_none());
}
