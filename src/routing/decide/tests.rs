//! One table per question: what the statement is, what the session is in, what is wished, what servers there are.

use super::*;
use crate::{
    routing::{
        rules::RuleFile,
        testing::{facts, question, view},
    },
    sql::{
        Effects, Kind, Transaction,
        facts::{Assignment, Hint, HintRoute, Target as SetTarget},
    },
    topology::Health,
};

/// A primary (0) and two replicas (1, 2).
fn servers() -> View {
    view(&[("p", 1), ("r1", 1), ("r2", 1)])
}

/// Takes the primary away.
fn headless() -> View {
    let mut view = servers();
    view.servers[0].health = Health::Down;
    view.primary = None;
    view
}

fn rules(yaml: &str) -> Rules {
    let file: RuleFile = serde_yaml::from_str(yaml).unwrap();
    Rules::compile(vec![file], &[]).unwrap()
}

fn hinted(kind: Kind, effects: Effects, route: HintRoute) -> Facts {
    Facts { hint: Hint { route: Some(route), ..Hint::default() }, ..facts(kind, effects) }
}

fn set(target: SetTarget) -> Facts {
    let assignment = Assignment { target, span: 0..0, value: 0..0 };
    Facts { assignments: vec![assignment], ..facts(Kind::Set, Effects::empty()) }
}

fn begin(read_only: bool) -> Facts {
    let transaction = Transaction::Begin { read_only, read_write: false, consistent_snapshot: true };
    Facts { transaction: Some(transaction), ..facts(Kind::Transaction, Effects::IMPLICIT_COMMIT) }
}

fn variable(global: bool) -> SetTarget {
    SetTarget::Variable { name: "sql_mode".into(), global, next_only: false }
}

/// Decides with everything default but what `change` changes.
fn decided<'a>(facts: &'a Facts, rules: &'a Rules, view: &'a View, change: impl FnOnce(&mut Question<'a>)) -> Decision {
    let mut question = question(facts, rules, view);
    change(&mut question);
    decide(&question)
}

fn plain(facts: &Facts, view: &View) -> (Target, Reason) {
    let decision = decided(facts, &Rules::default(), view, |_| ());
    (decision.target, decision.reason)
}

fn is_replica(target: Target) -> bool {
    matches!(target, Target::Replica(ServerId(1 | 2)))
}

#[test]
fn reads_go_to_replicas_by_turns() {
    let view = servers();
    for kind in [Kind::Select, Kind::Show, Kind::Explain, Kind::Describe] {
        let facts =
            facts(kind, Effects::NOT_DETERMINISTIC | Effects::CURRENT_TIME | Effects::RAND | Effects::CALC_FOUND_ROWS);
        let [one, two] = [0, 1].map(|turn| decided(&facts, &Rules::default(), &view, |q| q.turn = turn));
        assert!(is_replica(one.target) && is_replica(two.target) && one.target != two.target, "{kind:?}");
        assert!(one.reason == Reason::PlainRead && one.repeatable && one.causal && one.note.is_none());
    }
}

#[test]
fn what_the_facts_tie_to_the_primary() {
    let view = servers();
    for (kind, effects, reason) in [
        (Kind::Select, Effects::WRITE, Reason::Write),
        (Kind::Select, Effects::INTO | Effects::WRITE, Reason::Write),
        (Kind::Select, Effects::LOCKING_READ | Effects::WRITE, Reason::LockingRead),
        (Kind::Select, Effects::USER_VARIABLE, Reason::UserVariable),
        (Kind::Select, Effects::ASSIGNS_USER_VARIABLE | Effects::WRITE, Reason::UserVariable),
        (Kind::Select, Effects::LAST_INSERT_ID, Reason::LastInsertId),
        (Kind::Select, Effects::USER_LOCK | Effects::TAKES_USER_LOCK, Reason::UserLock),
        (Kind::Select, Effects::SEQUENCE, Reason::Sequence),
        (Kind::Select, Effects::UNKNOWN_FUNCTION | Effects::WRITE, Reason::UnknownFunction),
        (Kind::Select, Effects::SYSTEM_VARIABLE, Reason::SystemVariable),
        (Kind::Select, Effects::SERVER_STATE, Reason::ServerState),
        (Kind::Show, Effects::PROCESSLIST, Reason::ServerState),
        (Kind::Select, Effects::HOST_DEPENDENT, Reason::HostDependent),
        (Kind::Select, Effects::SEVERAL_STATEMENTS | Effects::WRITE, Reason::SeveralStatements),
        (Kind::Set, Effects::SEVERAL_STATEMENTS, Reason::SeveralStatements),
        (Kind::Ddl, Effects::CREATES_TEMPORARY_TABLE | Effects::WRITE, Reason::TemporaryTable),
        (Kind::Explain, Effects::EXPLAIN | Effects::WRITE, Reason::Write),
        (Kind::Do, Effects::USER_LOCK, Reason::UserLock),
        (Kind::Set, Effects::empty(), Reason::Write),
        (Kind::Transaction, Effects::empty(), Reason::Write),
    ] {
        assert_eq!(plain(&facts(kind, effects), &view), (Target::Primary, reason), "{kind:?} {effects:?}");
    }
    // Nothing but the four kinds of reads may leave the primary, even if no effect is known.
    for kind in [
        Kind::Insert,
        Kind::Replace,
        Kind::Update,
        Kind::Delete,
        Kind::Load,
        Kind::Call,
        Kind::Do,
        Kind::Handler,
        Kind::Ddl,
        Kind::Admin,
        Kind::LockTables,
        Kind::UnlockTables,
        Kind::Kill,
        Kind::Prepare,
        Kind::Execute,
        Kind::Deallocate,
        Kind::Unknown,
    ] {
        assert_eq!(plain(&facts(kind, Effects::empty()), &view), (Target::Primary, Reason::Write), "{kind:?}");
    }
}

#[test]
fn several_statements_that_all_read_are_a_read() {
    let view = servers();
    let all = facts(Kind::Select, Effects::SEVERAL_STATEMENTS);
    assert!(is_replica(plain(&all, &view).0));
    let uses = Facts { schema: Some(b"x".to_vec()), ..all.clone() };
    let sets = Facts { assignments: set(SetTarget::Names).assignments, ..all };
    [uses, sets].iter().for_each(|facts| assert_eq!(plain(facts, &view), (Target::Primary, Reason::SeveralStatements)));
}

#[test]
fn a_pin_comes_first() {
    let (view, rules) = (servers(), rules("rules: [{name: all, route: primary}]"));
    for facts in [
        facts(Kind::Select, Effects::empty()),
        facts(Kind::Insert, Effects::WRITE),
        hinted(Kind::Select, Effects::empty(), HintRoute::Primary),
    ] {
        let decision = decided(&facts, &rules, &view, |q| q.session.pinned_to = Some(ServerId(2)));
        assert_eq!((decision.target, decision.reason), (Target::Server(ServerId(2)), Reason::Pinned));
        assert!(!decision.repeatable && !decision.causal);
    }
}

#[test]
fn transactions() {
    let view = servers();
    let read = facts(Kind::Select, Effects::empty());
    let of = |facts: &Facts, session: SessionView| {
        let decision = decided(facts, &Rules::default(), &view, |q| q.session = session);
        (decision.target, decision.reason, decision.repeatable)
    };
    let within = SessionView { in_transaction: true, ..SessionView::default() };
    let autocommit_off = SessionView { autocommit_off: true, in_transaction: true, ..SessionView::default() };
    let variables = SessionView { has_primary_state: true, ..SessionView::default() };
    assert_eq!(of(&read, within), (Target::Primary, Reason::InTransaction, false));
    assert_eq!(of(&read, autocommit_off), (Target::Primary, Reason::AutocommitOff, false));
    assert_eq!(of(&hinted(Kind::Select, Effects::empty(), HintRoute::Replica), within).0, Target::Primary);
    assert_eq!(of(&begin(false), SessionView::default()), (Target::Primary, Reason::InTransaction, false));
    assert_eq!(of(&begin(true), variables), (Target::Primary, Reason::PrimaryState, false));
    assert_eq!(of(&begin(true), autocommit_off).0, Target::Primary);
    assert!(matches!(
        of(&begin(true), SessionView::default()),
        (Target::Replica(_), Reason::ReadOnlyTransaction, true)
    ));
}

#[test]
fn the_previous_statements_connection_answers_for_it() {
    let view = servers();
    let warnings = facts(Kind::Show, Effects::LAST_STATEMENT);
    let after = |server, consistency| {
        let decision = decided(&warnings, &Rules::default(), &view, |q| {
            (q.session.last_server, q.consistency) = (server, consistency)
        });
        (decision.target, decision.reason)
    };
    assert_eq!(after(Some(ServerId(2)), Consistency::Session), (Target::Server(ServerId(2)), Reason::LastStatement));
    assert_eq!(after(Some(ServerId(2)), Consistency::Strong), (Target::Primary, Reason::Strong));
    assert_eq!(after(Some(ServerId(0)), Consistency::Strong), (Target::Server(ServerId(0)), Reason::LastStatement));
    assert_eq!(after(None, Consistency::Session), (Target::Primary, Reason::LastStatement));
}

#[test]
fn session_statements_prefer_the_primary_and_go_on_without() {
    for facts in [
        set(variable(false)),
        set(SetTarget::Names),
        facts(Kind::Use, Effects::empty()),
        facts(Kind::Empty, Effects::empty()),
        Facts {
            transaction: Some(Transaction::Commit { chain: false, release: false }),
            ..facts(Kind::Transaction, Effects::empty())
        },
    ] {
        assert_eq!(plain(&facts, &servers()), (Target::Primary, Reason::SessionStatement));
        let (target, reason) = plain(&facts, &headless());
        assert!(is_replica(target) && reason == Reason::NoPrimary, "{facts:?}");
    }
    for target in
        [variable(true), SetTarget::User(b"x".to_vec()), SetTarget::Role, SetTarget::Password, SetTarget::Other]
    {
        let facts = set(target);
        assert_eq!(plain(&facts, &servers()).0, Target::Primary);
        assert_eq!(plain(&facts, &headless()), (Target::Unavailable, Reason::NoPrimary));
    }
}

#[test]
fn tables_that_only_the_primary_has() {
    let (view, read) = (servers(), facts(Kind::Select, Effects::empty()));
    let decision = decided(&read, &Rules::default(), &view, |q| q.mentions_primary_only = true);
    assert_eq!((decision.target, decision.reason), (Target::Primary, Reason::PrimaryOnlyTable));
}

#[test]
fn strong_means_the_primary() {
    let (view, read) = (servers(), hinted(Kind::Select, Effects::empty(), HintRoute::Replica));
    let strong =
        decided(&read, &Rules::default(), &view, |q| (q.consistency, q.hints_may_loosen) = (Consistency::Strong, true));
    assert_eq!((strong.target, strong.reason, strong.repeatable), (Target::Primary, Reason::Strong, true));
    let eventual = decided(&read, &Rules::default(), &view, |q| q.consistency = Consistency::Eventual);
    assert!(is_replica(eventual.target) && !eventual.causal);
}

#[test]
fn hints() {
    let view = servers();
    let named = |name: &str| HintRoute::Server(name.into());
    let read = Effects::empty();
    let (p, r2, r) = (Target::Primary, Target::Replica(ServerId(2)), Target::Replica(ServerId(1)));
    for (effects, hint, may_loosen, target, reason, note) in [
        (read, HintRoute::Primary, false, p, Reason::HintPrimary, None),
        (read, HintRoute::Replica, false, r, Reason::HintReplica, None),
        (read, named("r2"), false, r2, Reason::HintServer, None),
        (read, named("p"), false, p, Reason::HintServer, None),
        (read, named("nobody"), false, r, Reason::PlainRead, Some(Reason::HintIgnored)),
        (Effects::WRITE, HintRoute::Replica, true, p, Reason::Write, Some(Reason::HintIgnored)),
        (Effects::WRITE, named("r2"), true, p, Reason::Write, Some(Reason::HintIgnored)),
        (Effects::WRITE, named("p"), true, p, Reason::Write, None),
        (Effects::SERVER_STATE, named("r2"), false, p, Reason::ServerState, Some(Reason::HintIgnored)),
        (Effects::SERVER_STATE, named("r2"), true, r2, Reason::HintServer, None),
        (Effects::SYSTEM_VARIABLE, HintRoute::Replica, true, r, Reason::HintReplica, None),
        (Effects::USER_VARIABLE, HintRoute::Replica, true, p, Reason::UserVariable, Some(Reason::HintIgnored)),
    ] {
        let facts = hinted(Kind::Select, effects, hint.clone());
        let decision = decided(&facts, &Rules::default(), &view, |q| {
            (q.hints_may_loosen, q.session.preferred_replica) = (may_loosen, Some(ServerId(1)));
        });
        assert_eq!(
            (decision.target, decision.reason, decision.note),
            (target, reason, note),
            "{effects:?} {hint:?} {may_loosen}"
        );
    }
}

#[test]
fn rules_and_hints_together() {
    let view = servers();
    let (p, r1, r2) = (Target::Primary, Target::Replica(ServerId(1)), Target::Replica(ServerId(2)));
    let server = |name: &str| Some(HintRoute::Server(name.into()));
    let rule = Reason::Rule(0);
    for (route, hint, may_loosen, effects, target, reason) in [
        ("primary", None, false, Effects::empty(), p, rule),
        ("replicas", None, false, Effects::empty(), r1, rule),
        ("r2", None, false, Effects::empty(), r2, rule),
        ("r2", None, false, Effects::WRITE, p, Reason::Write),
        ("replicas", None, false, Effects::SERVER_STATE, r1, rule),
        ("replicas", None, false, Effects::LOCKING_READ, p, Reason::LockingRead),
        ("primary", Some(HintRoute::Replica), false, Effects::empty(), p, rule),
        ("primary", Some(HintRoute::Replica), true, Effects::empty(), r1, Reason::HintReplica),
        ("replicas", Some(HintRoute::Primary), false, Effects::empty(), p, Reason::HintPrimary),
        ("replicas", server("r2"), false, Effects::empty(), r2, Reason::HintServer),
        ("r2", server("r1"), false, Effects::empty(), r2, rule),
        ("r2", server("nobody"), true, Effects::empty(), r2, rule),
        ("gone", None, false, Effects::empty(), r1, Reason::PlainRead),
    ] {
        let rules = rules(&format!("rules: [{{name: it, route: {route}}}]"));
        let facts = Facts { hint: Hint { route: hint.clone(), ..Hint::default() }, ..facts(Kind::Select, effects) };
        let decision = decided(&facts, &rules, &view, |q| {
            (q.hints_may_loosen, q.session.preferred_replica) = (may_loosen, Some(ServerId(1)));
        });
        assert_eq!((decision.target, decision.reason), (target, reason), "{route} {hint:?} {effects:?}");
    }
}

#[test]
fn without_fit_replicas_the_primary_reads() {
    let mut view = servers();
    (1..=2).for_each(|id: usize| view.servers[id].health = Health::Unfit);
    let decision = decided(&facts(Kind::Select, Effects::empty()), &Rules::default(), &view, |q| {
        q.session.preferred_replica = Some(ServerId(1))
    });
    assert_eq!((decision.target, decision.reason), (Target::Primary, Reason::NoHealthyReplica));
    assert_eq!((decision.note, decision.repeatable), (Some(Reason::PlainRead), true));
    (view.primary, view.servers[0].health) = (None, Health::Down);
    let decision = decided(&facts(Kind::Select, Effects::empty()), &Rules::default(), &view, |_| ());
    assert_eq!(
        (decision.target, decision.reason, decision.repeatable),
        (Target::Unavailable, Reason::NoPrimary, false)
    );
}

#[test]
fn without_a_primary_reads_go_on() {
    let view = headless();
    for effects in [Effects::empty(), Effects::SYSTEM_VARIABLE, Effects::SERVER_STATE, Effects::HOST_DEPENDENT] {
        assert!(is_replica(plain(&facts(Kind::Select, effects), &view).0), "{effects:?}");
    }
    assert!(is_replica(plain(&begin(true), &view).0));
    for facts in [
        facts(Kind::Insert, Effects::WRITE),
        facts(Kind::Select, Effects::LAST_INSERT_ID),
        facts(Kind::Select, Effects::USER_VARIABLE),
        hinted(Kind::Select, Effects::empty(), HintRoute::Primary),
        begin(false),
    ] {
        assert_eq!(plain(&facts, &view), (Target::Unavailable, Reason::NoPrimary), "{facts:?}");
    }
}

#[test]
fn a_replica_that_has_it_comes_before_one_that_must_be_waited_for() {
    let (facts, rules) = (facts(Kind::Select, Effects::empty()), Rules::default());
    let view = view(&[("p", 1), ("a", 1), ("b", 1)]);
    let asked = |consistency, must_see, has: &dyn Fn(ServerId) -> bool| {
        let session = SessionView { preferred_replica: Some(ServerId(1)), must_see, ..SessionView::default() };
        decide(&Question { session, consistency, has_seen: has, ..question(&facts, &rules, &view) }).target
    };
    let only = |id: usize| move |server: ServerId| server.0 == id;
    let (a, b) = (Target::Replica(ServerId(1)), Target::Replica(ServerId(2)));
    assert_eq!(asked(Consistency::Session, true, &only(2)), b);
    assert_eq!(asked(Consistency::Session, true, &only(1)), a);
    assert_eq!(asked(Consistency::Session, true, &|_| false), a, "then the own one is waited for");
    assert_eq!(asked(Consistency::Session, false, &only(2)), a, "nothing must be seen");
    assert_eq!(asked(Consistency::Eventual, true, &only(2)), a);
}

#[test]
fn who_is_too_late_does_not_answer_and_who_does_not_say_neither() {
    let (facts, rules) = (facts(Kind::Select, Effects::empty()), Rules::default());
    let mut view = view(&[("p", 1), ("a", 1), ("b", 1)]);
    let most = Some(std::time::Duration::from_millis(500));
    let asked = |view: &View, consistency| {
        let decision = decide(&Question { consistency, max_lag: most, ..question(&facts, &rules, view) });
        (decision.target, decision.reason)
    };
    view.servers[1].lag_ms = Some(501);
    view.servers[2].lag_ms = Some(500);
    assert_eq!(asked(&view, Consistency::Eventual).0, Target::Replica(ServerId(2)));
    view.servers[2].lag_ms = None;
    assert_eq!(asked(&view, Consistency::Eventual), (Target::Primary, Reason::TooLate));
    assert!(matches!(asked(&view, Consistency::Session).0, Target::Replica(_)), "it is bound by its writes");
}

#[test]
fn a_hint_makes_the_level_stricter_freely_and_looser_if_allowed() {
    let (rules, view) = (Rules::default(), view(&[("p", 1), ("a", 1)]));
    let level = |options: &[(&str, &str)], hints_may_loosen| {
        let mut facts = facts(Kind::Select, Effects::empty());
        facts.hint.options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let level = Question { hints_may_loosen, ..question(&facts, &rules, &view) }.level(&Verdict::default());
        (level.consistency, level.max_lag.map(|most| most.as_millis()))
    };
    assert_eq!(level(&[("consistency", "global")], false).0, Consistency::Global);
    assert_eq!(level(&[("consistency", "eventual")], false).0, Consistency::Session);
    assert_eq!(level(&[("consistency", "eventual"), ("max_lag", "250ms")], true), (Consistency::Eventual, Some(250)));
    assert_eq!(level(&[("consistency", "nonsense"), ("max_lag", "x")], true), (Consistency::Session, None));
}
