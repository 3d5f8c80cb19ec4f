//! May a replica that answers be read from?

use std::time::Duration;

use super::{Answer, Limits, Member, Membership, Replication};

/// One judgement, before it is damped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fitness {
    Fit,
    /// Nothing new is known: as it was.
    AsBefore,
    /// With the reason, for people.
    Unfit(String),
}

/// One that is out for its lag is back below this part of the limit, in percent: at the limit it would come and go.
const BACK_PERCENT: u128 = 80;

/// `unknown_for`: how long its lag has been unknown; None: no primary lives, so that nothing is written that it could miss.
pub(super) fn fitness(
    answer: Option<&Answer>,
    blind: Option<&str>,
    unknown_for: Option<Duration>,
    (limits, was_unfit): (Limits, bool),
) -> Fitness {
    let answer = match (answer, blind) {
        (_, Some(why)) => return Fitness::Unfit(format!("its replication can't be seen: {why}")),
        (None, None) => return Fitness::Unfit("nothing is known of it".to_owned()),
        (Some(answer), None) => answer,
    };
    match (&answer.replication, answer.lag_ms, limits.max_lag) {
        (Replication::None, ..) => Fitness::Unfit("it does not replicate from any server".to_owned()),
        (Replication::Stopped(why), ..) => Fitness::Unfit(format!("its replication has stopped: {why}")),
        (Replication::Member(Member { membership: Membership::Out(why), .. }), ..) => Fitness::Unfit(why.clone()),
        (Replication::Hidden(_), ..) => Fitness::Fit,
        (_, Some(lag_ms), Some(max)) if u128::from(lag_ms) > max.as_millis() => {
            Fitness::Unfit(format!("{} s behind, at most {} s is allowed", seconds(lag_ms), max.as_secs_f32()))
        }
        (_, Some(lag_ms), Some(max)) if was_unfit && u128::from(lag_ms) * 100 > max.as_millis() * BACK_PERCENT => {
            Fitness::Unfit(format!("{} s behind, it is back at {BACK_PERCENT} % of what is allowed", seconds(lag_ms)))
        }
        (_, Some(_), _) | (Replication::Member(_), ..) => Fitness::Fit,
        (_, None, _) => match unknown_for {
            Some(time) if time > limits.unknown_lag => Fitness::Unfit("how far it is behind is not known".to_owned()),
            _ => Fitness::AsBefore,
        },
    }
}

/// `11`, `0.35`.
pub(super) fn seconds(ms: u64) -> String {
    let (whole, rest) = (ms / 1000, ms % 1000 / 10);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:02}"),
    }
}
