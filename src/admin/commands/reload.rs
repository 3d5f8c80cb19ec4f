//! `RELOAD`.

use super::{Answer, Failure};
use crate::config::reload::{Outcome, Reloader};

pub(super) async fn reload(reloader: &Reloader) -> Result<Answer, Failure> {
    told(reloader.reload("RELOAD on the admin port").await)
}

pub(super) fn told(outcome: Outcome) -> Result<Answer, Failure> {
    match outcome {
        Outcome::Applied { .. } | Outcome::Unchanged => Ok(Answer::Done(outcome.to_string())),
        Outcome::Refused(_) | Outcome::Unknown { .. } => Err(Failure::Wrong(outcome.to_string())),
    }
}
