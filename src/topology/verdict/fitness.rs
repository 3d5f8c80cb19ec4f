//! May a replica that answers be read from?

use std::time::Duration;

use super::{Answer, Limits, Replication};

/// One judgement, before it is damped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fitness {
    Fit,
    /// Nothing new is known: as it was.
    AsBefore,
    /// With the reason, for people.
    Unfit(String),
}

/// `unknown_for`: how long its lag has been unknown; None: no primary lives, so that nothing is written that it could miss.
pub(super) fn fitness(
    answer: Option<&Answer>,
    blind: Option<&str>,
    unknown_for: Option<Duration>,
    limits: Limits,
) -> Fitness {
    let answer = match (answer, blind) {
        (_, Some(why)) => return Fitness::Unfit(format!("its replication can't be seen: {why}")),
        (None, None) => return Fitness::Unfit("nothing is known of it".to_owned()),
        (Some(answer), None) => answer,
    };
    match (&answer.replication, answer.lag_ms, limits.max_lag) {
        (Replication::None, ..) => Fitness::Unfit("it does not replicate from any server".to_owned()),
        (Replication::Stopped(why), ..) => Fitness::Unfit(format!("its replication has stopped: {why}")),
        (Replication::Hidden(_), ..) => Fitness::Fit,
        (_, Some(lag_ms), Some(max)) if u128::from(lag_ms) > max.as_millis() => {
            Fitness::Unfit(format!("{} s behind, at most {} s is allowed", lag_ms.div_ceil(1000), max.as_secs_f32()))
        }
        (_, Some(_), _) => Fitness::Fit,
        (_, None, _) => match unknown_for {
            Some(time) if time > limits.unknown_lag => Fitness::Unfit("how far it is behind is not known".to_owned()),
            _ => Fitness::AsBefore,
        },
    }
}
