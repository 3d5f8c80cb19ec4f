//! Timelines: who leads, who has spoken, what it has executed; and where writes go then.

use super::*;

const P: ServerId = ServerId(0);
const R: ServerId = ServerId(1);

/// Feeds one observation; what the log says.
fn hear(
    failover: &mut Failover,
    at_ms: u64,
    (leader, observed): (Option<ServerId>, ServerId),
    executed: &str,
    acknowledged: &str,
) -> (Vec<String>, bool) {
    let parse = |text: &str| Position::parse(text.as_bytes()).unwrap();
    let executed = (!executed.is_empty()).then(|| parse(executed));
    let ruling = failover.judge(&Word {
        now: Duration::from_millis(at_ms),
        leader,
        observed: Some(observed),
        executed: executed.as_ref(),
        acknowledged: &parse(acknowledged),
        answers: &|id| id != P || at_ms < 10_000,
        name: &|id| format!("s{}", id.0),
    });
    (ruling.events.into_iter().map(|event| event.text).collect(), ruling.forget_acknowledged)
}

fn running() -> Failover {
    let mut failover = Failover::new(false);
    assert_eq!(failover.open(), None);
    hear(&mut failover, 0, (None, R), "", "");
    hear(&mut failover, 0, (Some(P), P), "0-1-5", "");
    assert_eq!((failover.open(), failover.former()), (Some(P), None));
    failover
}

#[test]
fn a_switchover_is_followed_when_the_next_one_has_spoken() {
    let mut failover = running();
    hear(&mut failover, 1000, (None, P), "", "0-1-9");
    assert_eq!((failover.open(), failover.missed()), (None, Some(P)));
    assert!(failover.hurries(Duration::from_secs(2)) && !failover.hurries(Duration::from_secs(1000)));
    // That it leads follows from another's word: what it has is not known yet.
    assert_eq!(hear(&mut failover, 1500, (Some(R), P), "0-1-7", "0-1-9").0, [""; 0]);
    assert_eq!(failover.open(), None);
    let (said, forgets) = hear(&mut failover, 3500, (Some(R), R), "0-1-9", "0-1-9");
    assert_eq!(said, ["switchover: writes go to s1, no more to s0, after 2.5 s without a primary"]);
    assert_eq!((failover.open(), failover.former(), forgets), (Some(R), Some(P), false));
    let counts = failover.counts(Duration::from_secs(60));
    let expected = Counts { switchovers: 1, without_primary: Duration::from_millis(2500), ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn a_primary_that_refuses_writes_has_none_until_it_has_spoken() {
    let mut failover = running();
    assert!(failover.doubt(P, Duration::from_millis(1000)) && !failover.doubt(P, Duration::from_millis(1001)));
    hear(&mut failover, 1010, (Some(P), R), "", "");
    assert_eq!(failover.open(), None, "another one's word says nothing of it");
    assert_eq!(hear(&mut failover, 1020, (Some(P), P), "", "").0, [""; 0]);
    assert_eq!((failover.open(), failover.counts(Duration::ZERO).switchovers), (Some(P), 0));
}

#[test]
fn a_dead_primary_is_a_failover() {
    let mut failover = running();
    hear(&mut failover, 11_000, (None, P), "", "");
    let (said, _) = hear(&mut failover, 12_000, (Some(R), R), "", "");
    assert_eq!(said, ["failover: writes go to s1 in place of s0, after 1.0 s without a primary"]);
    assert_eq!(failover.counts(Duration::ZERO).failovers, 1);
    // A crash that the primary comes back from is none.
    hear(&mut failover, 13_000, (None, R), "", "");
    let (said, _) = hear(&mut failover, 15_000, (Some(R), R), "", "");
    assert_eq!(said, ["writes go to s1 again, after 2.0 s"]);
    assert_eq!((failover.counts(Duration::ZERO).failovers, failover.former()), (1, Some(P)));
}

#[test]
fn without_acknowledged_writes_it_stays_closed() {
    let mut failover = running();
    hear(&mut failover, 11_000, (None, P), "", "0-1-9");
    let (said, forgets) = hear(&mut failover, 12_000, (Some(R), R), "0-1-7", "0-1-9");
    assert_eq!(
        said,
        [
            "alarm: s1 is to be the primary, but lacks writes that clients were told are done (0-1-9; it has 0-1-7): writes stay closed \
             until it has them, a server that has them is the primary, or failover.allow_lost_writes is set"
        ]
    );
    assert!(!forgets && failover.counts(Duration::ZERO).is_closed);
    assert_eq!(hear(&mut failover, 13_000, (Some(R), R), "", "0-1-9").0, [""; 0], "said once");
    assert_eq!((failover.open(), failover.counts(Duration::ZERO).lost_writes), (None, 1));
    // Its applier was late.
    hear(&mut failover, 14_000, (Some(R), R), "0-1-9", "0-1-9");
    assert_eq!((failover.open(), failover.counts(Duration::ZERO).is_closed), (Some(R), false));
}

#[test]
fn an_operator_may_give_up_lost_writes() {
    let mut failover = running();
    hear(&mut failover, 11_000, (None, P), "", "0-1-9");
    hear(&mut failover, 12_000, (Some(R), R), "0-1-7", "0-1-9");
    failover.allow_lost_writes(true);
    let (said, forgets) = hear(&mut failover, 13_000, (Some(R), R), "0-1-7", "0-1-9");
    assert!(said[0].contains("those are lost") && said.len() == 2, "{said:?}");
    assert!(forgets);
    assert_eq!(failover.open(), Some(R));
}
