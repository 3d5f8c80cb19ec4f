//! Which of the fit replicas takes this read? The nearest, and among those by weight, load or latency. Without any state of
//! its own.

use crate::topology::{Server, ServerId, View};

/// How far away the nearest `fit` server is; one of share 0 counts only if no other is fit. None: none is.
pub fn nearest(view: &View, fit: &dyn Fn(&Server) -> bool) -> Option<u32> {
    let servers = || view.servers.iter().filter(|server| fit(server));
    let with_share = servers().filter(|server| server.share > 0).map(|server| server.distance).min();
    with_share.or_else(|| servers().map(|server| server.distance).min())
}

/// Picks a `fit` server: over any run of (sum of shares) consecutive turns each is picked exactly as often as its
/// share says, spread evenly. `turn` is a counter of the caller. Servers of share 0 are picked only if no other is fit.
/// None: no server is fit.
pub fn pick_among(view: &View, turn: u64, fit: &dyn Fn(&Server) -> bool) -> Option<ServerId> {
    let servers = || view.servers.iter().filter(|server| fit(server));
    match servers().map(|server| u64::from(server.share)).sum::<u64>() {
        0 => nth(servers, turn),
        total => weighted(servers(), stride(turn % total, total)),
    }
}

/// The fit server with the least load for its weight; of equals the next in turn. One of weight 0 only if no other is fit.
pub fn least_used(
    view: &View,
    turn: u64,
    fit: &dyn Fn(&Server) -> bool,
    load: &dyn Fn(ServerId) -> usize,
) -> Option<ServerId> {
    let servers: Vec<&Server> = view.servers.iter().filter(|server| fit(server)).collect();
    let first = usize::try_from(turn.checked_rem(servers.len() as u64)?).ok()?;
    let in_turn = servers.iter().cycle().skip(first).take(servers.len());
    // By cross-multiplication: a/b < c/d as a*d < c*b.
    let is_less = |a: &Server, b: &Server| match (a.share, b.share) {
        (0, 0) => load(a.id) < load(b.id),
        (0, _) => false,
        (_, 0) => true,
        (of_a, of_b) => load(a.id) as u128 * u128::from(of_b) < load(b.id) as u128 * u128::from(of_a),
    };
    let best = in_turn.reduce(|best, server| if is_less(server, best) { server } else { best });
    best.map(|server| server.id)
}

/// Of two fit servers, drawn by their weights, the one that is expected to answer sooner; one whose time is not known (0) is
/// tried first. Drawing two keeps all of them from running to the same one, and every one's time known.
pub fn quicker_of_two(
    view: &View,
    turn: u64,
    fit: &dyn Fn(&Server) -> bool,
    time: &dyn Fn(ServerId) -> u64,
) -> Option<ServerId> {
    let first = pick_among(view, turn, fit)?;
    let second = pick_among(view, turn, &|server| fit(server) && server.id != first);
    match second {
        Some(second) if view.server(second).is_some_and(|server| server.share > 0) && time(second) < time(first) => {
            Some(second)
        }
        _ => Some(first),
    }
}

/// The replica in whose share of `0 .. total` the slot lies.
fn weighted<'a>(replicas: impl Iterator<Item = &'a Server>, slot: u64) -> Option<ServerId> {
    let mut end = 0;
    replicas.map(|replica| (replica.id, u64::from(replica.share))).find_map(|(id, weight)| {
        end += weight;
        (slot < end).then_some(id)
    })
}

/// All weights are 0: plain round robin.
fn nth<'a, I: Iterator<Item = &'a Server>>(servers: impl Fn() -> I, turn: u64) -> Option<ServerId> {
    let index = usize::try_from(turn.checked_rem(servers().count() as u64)?).ok()?;
    servers().nth(index).map(|server| server.id)
}

/// Steps through `0 .. total` by about its golden section, which meets every number once and keeps neighbours in the
/// sequence far apart: a heavy replica's turns lie between the others', not in a block.
fn stride(turn: u64, total: u64) -> u64 {
    let golden = total.saturating_mul(618_034) / 1_000_000;
    let step = (golden.max(1)..).find(|&step| gcd(step, total) == 1).unwrap_or(1);
    u64::try_from(u128::from(turn) * u128::from(step) % u128::from(total)).unwrap_or(0)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{routing::testing::view, topology::Health};

    fn pick(view: &View, turn: u64) -> Option<ServerId> {
        pick_among(view, turn, &Server::is_fit_replica)
    }

    #[test]
    fn the_nearest_that_can_and_one_without_share_last() {
        let mut view = view(&[("p", 1), ("a", 1), ("b", 1), ("c", 0)]);
        (view.servers[1].distance, view.servers[2].distance) = (2, 1);
        assert_eq!(nearest(&view, &Server::is_fit_replica), Some(1));
        view.servers[2].health = Health::Unfit;
        assert_eq!(nearest(&view, &Server::is_fit_replica), Some(2));
        view.servers[1].state = crate::topology::State::Drain;
        assert_eq!(nearest(&view, &Server::is_fit_replica), Some(0));
        assert_eq!(nearest(&view, &|_| false), None);
    }

    #[test]
    fn the_quicker_takes_more_and_none_is_forgotten() {
        let view = view(&[("p", 1), ("a", 1), ("b", 1), ("c", 1)]);
        let times = [0, 900, 100, 500];
        let mut picks = [0; 4];
        for turn in 0..300 {
            let picked = quicker_of_two(&view, turn, &Server::is_fit_replica, &|id| times[id.0]).unwrap();
            picks[picked.0] += 1;
        }
        assert!(picks[0] == 0 && picks[2] > picks[3] && picks[3] > picks[1], "{picks:?}");
        let alone = quicker_of_two(&view, 1, &|server| server.id.0 == 1, &|id| times[id.0]);
        assert_eq!(alone, Some(ServerId(1)));
        assert_eq!(quicker_of_two(&view, 1, &|_| false, &|_| 0), None);
    }

    #[test]
    fn turns_alternate_and_the_unfit_take_none() {
        let mut view = view(&[("p", 1), ("a", 1), ("b", 1), ("c", 1)]);
        view.servers[3].health = Health::Unfit;
        let picks: Vec<_> = (0..6).map(|turn| pick(&view, turn).unwrap().0).collect();
        assert!(picks == [1, 2, 1, 2, 1, 2] || picks == [2, 1, 2, 1, 2, 1], "{picks:?}");
    }

    #[test]
    fn a_heavy_replica_does_not_take_its_turns_in_one_block() {
        let view = view(&[("p", 1), ("heavy", 6), ("light", 2)]);
        let picks: Vec<_> = (0..16).map(|turn| pick(&view, turn).unwrap().0).collect();
        assert!(!picks.windows(5).any(|run| run.iter().all(|&id| id == 1)), "{picks:?}");
    }

    #[test]
    fn weight_zero_only_when_nothing_else_is_fit() {
        let mut view = view(&[("p", 1), ("a", 0), ("b", 0), ("c", 1)]);
        assert!((0..10).all(|turn| pick(&view, turn) == Some(ServerId(3))));
        view.servers[3].health = Health::Down;
        assert_eq!([0, 1, 2].map(|turn| pick(&view, turn)), [Some(ServerId(1)), Some(ServerId(2)), Some(ServerId(1))]);
        (1..=2).for_each(|id: usize| view.servers[id].health = Health::Down);
        assert_eq!(pick(&view, 7), None);
    }

    #[test]
    fn the_least_used_takes_it_by_weight_and_equals_take_turns() {
        let view = view(&[("p", 1), ("a", 1), ("b", 2), ("c", 0)]);
        let least =
            |turn, loads: [usize; 4]| least_used(&view, turn, &Server::is_fit_replica, &|id| loads[id.0]).unwrap().0;
        assert_eq!(least(0, [0, 2, 3, 0]), 2, "3 of 2 is less than 2 of 1");
        assert_eq!(least(0, [0, 1, 3, 0]), 1);
        assert_eq!([0, 1].map(|turn| least(turn, [0, 1, 2, 0])), [1, 2]);
        let only_c = |server: &Server| server.id.0 == 3;
        assert_eq!(least_used(&view, 0, &only_c, &|_| 9), Some(ServerId(3)));
        assert_eq!(least_used(&view, 0, &|_| false, &|_| 0), None);
    }

    proptest! {
        #[test]
        fn every_run_of_turns_keeps_the_weights(weights in prop::collection::vec(0u32..9, 1..6), start in any::<u64>()) {
            let mut servers = vec![("p", 1)];
            servers.extend(weights.iter().map(|&weight| ("r", weight)));
            let total: u32 = weights.iter().sum();
            prop_assume!(total > 0 && start < u64::MAX - u64::from(total));
            let mut counts = vec![0; servers.len()];
            (start..start + u64::from(total)).for_each(|turn| counts[pick(&view(&servers), turn).unwrap().0] += 1);
            prop_assert_eq!(&counts[1..], &weights[..]);
        }
    }
}
