//! `RELOAD`.

use super::{Answer, Call, Failure};
use crate::config::reload::Outcome;

pub(super) async fn reload(call: &Call<'_>) -> Result<Answer, Failure> {
    told(call.operator.reloader.reload(&format!("RELOAD by {} from {}", call.user, call.peer)).await)
}

pub(super) fn told(outcome: Outcome) -> Result<Answer, Failure> {
    match outcome {
        Outcome::Applied { .. } | Outcome::Unchanged => Ok(Answer::Done(outcome.to_string())),
        Outcome::Refused(_) | Outcome::Unknown { .. } => Err(Failure::Wrong(outcome.to_string())),
    }
}
