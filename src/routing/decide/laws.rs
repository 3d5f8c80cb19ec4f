//! What must hold whatever the statement, the session, the rules and the servers are.

use proptest::prelude::*;

use super::*;
use crate::{
    routing::{
        rules::{Balance, Group, RuleFile},
        testing::{facts, question, view},
    },
    sql::{
        Effects, Kind, Transaction,
        facts::{Hint, HintRoute},
    },
    topology::{Health, Role},
};

const KINDS: [Kind; 12] = [
    Kind::Empty,
    Kind::Select,
    Kind::Insert,
    Kind::Call,
    Kind::Do,
    Kind::Set,
    Kind::Use,
    Kind::Show,
    Kind::Explain,
    Kind::Transaction,
    Kind::Prepare,
    Kind::Unknown,
];
const TRANSACTIONS: [Option<Transaction>; 5] = [
    None,
    Some(Transaction::Begin { read_only: true, read_write: false, consistent_snapshot: false }),
    Some(Transaction::Begin { read_only: false, read_write: true, consistent_snapshot: false }),
    Some(Transaction::Commit { chain: false, release: false }),
    Some(Transaction::Xa),
];

fn hint() -> impl Strategy<Value = Option<HintRoute>> {
    prop_oneof![
        Just(None),
        Just(Some(HintRoute::Primary)),
        Just(Some(HintRoute::Replica)),
        (0usize..5).prop_map(|n| Some(HintRoute::Server(format!("s{n}"))))
    ]
}

fn statement() -> impl Strategy<Value = Facts> {
    let effects = prop_oneof![Just(0), (0u32..30).prop_map(|bit| 1u64 << bit), any::<u64>()];
    (prop::sample::select(&KINDS[..]), effects, hint(), prop::sample::select(&TRANSACTIONS[..])).prop_map(
        |(kind, bits, route, transaction)| Facts {
            hint: Hint { route, ..Hint::default() },
            transaction: transaction.filter(|_| kind == Kind::Transaction),
            ..facts(kind, Effects::from_bits_truncate(bits))
        },
    )
}

fn server() -> impl Strategy<Value = Option<ServerId>> {
    prop::option::of((0usize..4).prop_map(ServerId))
}

fn session() -> impl Strategy<Value = SessionView> {
    (server(), server(), server(), any::<[bool; 3]>()).prop_map(
        |(pinned_to, last_server, preferred_replica, [tx, off, state])| SessionView {
            pinned_to,
            last_server,
            preferred_replica,
            in_transaction: tx || off,
            autocommit_off: off,
            must_see: state,
            has_primary_state: state,
        },
    )
}

/// s0 … s3 in any role and health; at most one is the primary.
fn topology() -> impl Strategy<Value = View> {
    let one = (
        prop::sample::select(&[Role::Replica, Role::Unknown][..]),
        prop::sample::select(&[Health::Up, Health::Down, Health::Unfit][..]),
    );
    (prop::collection::vec(one, 4), server()).prop_map(|(states, primary)| {
        let mut view = view(&[("s0", 1), ("s1", 2), ("s2", 0), ("s3", 1)]);
        for (server, (role, health)) in view.servers.iter_mut().zip(states) {
            (server.role, server.health) =
                if primary == Some(server.id) { (Role::Primary, Health::Up) } else { (role, health) };
        }
        view.primary = primary;
        view
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    const ROUTES: [&str; 8] =
        ["", "primary", "replicas", "s1", "gone", "some", "[gone, some, primary]", "[empty, s1, replicas]"];
    (prop::sample::select(&ROUTES[..]), any::<bool>()).prop_map(|(route, least)| {
        let yaml =
            if route.is_empty() { "rules: []".to_owned() } else { format!("rules: [{{name: x, route: {route}}}]") };
        let balance = if least { Balance::LeastConnections } else { Balance::RoundRobin };
        let group = |name: &str, servers: &[&str]| Group {
            name: name.to_owned(),
            servers: servers.iter().map(|server| (*server).to_owned()).collect(),
            balance,
            ..Group::default()
        };
        let groups = [group("some", &["s0", "s2", "s3"]), group("empty", &[])];
        Rules::compile(vec![serde_yaml::from_str::<RuleFile>(&yaml).unwrap()], &groups).unwrap()
    })
}

fn level() -> impl Strategy<Value = Consistency> {
    prop::sample::select(&[Consistency::Eventual, Consistency::Session, Consistency::Global, Consistency::Strong][..])
}

fn leaves_primary(decision: &Decision, view: &View) -> bool {
    match decision.target {
        Target::Replica(_) => true,
        Target::Server(id) => Some(id) != view.primary,
        Target::Primary | Target::Unavailable => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn laws(facts in statement(), session in session(), view in topology(), rules in rules(), level in level(), flags in any::<[bool; 2]>(), turn in any::<u64>()) {
        let mut question = question(&facts, &rules, &view);
        (question.session, question.consistency, question.turn) = (session, level, turn);
        [question.hints_may_loosen, question.mentions_primary_only] = flags;
        let decision = decide(&question);

        if let Some(pin) = session.pinned_to {
            prop_assert_eq!(decision.target, Target::Server(pin));
            return Ok(());
        }
        let away = leaves_primary(&decision, &view);
        let begins_read_only = matches!(facts.transaction, Some(Transaction::Begin { read_only: true, .. }));
        prop_assert!(facts.is_read() || begins_read_only || !away, "a write left the primary");
        prop_assert!(level != Consistency::Strong || !away, "strong left the primary");
        prop_assert!(decision.target != Target::Primary || view.primary.is_some());
        if let Target::Replica(id) = decision.target {
            prop_assert!(view.servers[id.0].is_fit_replica());
            prop_assert_eq!(decision.causal, decision.repeatable && level != Consistency::Eventual);
        }
        prop_assert!(!decision.repeatable || facts.is_read() || begins_read_only, "a write would be repeated");
        prop_assert_eq!(decide(&question), decision);
    }
}
