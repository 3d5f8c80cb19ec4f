//! `SET log_level = level`.

use super::{Answer, Call, Failure};
use crate::config;

pub(super) fn log_level(call: &Call<'_>, level: &str) -> Result<Answer, Failure> {
    let level = config::log_level(level.trim().trim_matches(['\'', '"'])).map_err(Failure::Wrong)?;
    call.operator.log.level.set(&level).map_err(|error| Failure::Wrong(error.to_string()))?;
    Ok(Answer::Done(format!("log_level is {level} until the next start")))
}
