//! `PAUSE [WAIT n]`, `RESUME`.

use std::time::Duration;

use super::{Answer, Call, Failure};

/// How long a statement waits unless it is said.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const MAX_PATIENCE_S: u64 = 3600;

pub(super) fn pause(call: &Call<'_>, seconds: Option<&str>) -> Result<Answer, Failure> {
    let patience = match seconds {
        None => PATIENCE,
        Some(text) => match text.parse() {
            Ok(seconds @ 1..=MAX_PATIENCE_S) => Duration::from_secs(seconds),
            _ => {
                return Err(Failure::Wrong(format!(
                    "`{text}` is no number of seconds from 1 to {MAX_PATIENCE_S}: write PAUSE WAIT 30"
                )));
            }
        },
    };
    call.operator.shared().pause.begin(patience);
    let busy = busy(call);
    let waits = patience.as_secs();
    Ok(Answer::Done(format!(
        "new statements wait for RESUME, each for at most {waits} s; {busy} sessions still run something or have a transaction open"
    )))
}

pub(super) fn resume(call: &Call<'_>) -> Answer {
    let was_on = call.operator.shared().pause.end();
    Answer::Done(if was_on { "statements go on" } else { "there was no pause" }.to_owned())
}

/// Sessions that a pause does not hold up, and that are not idle.
pub(super) fn busy(call: &Call<'_>) -> usize {
    let seen = call.operator.shared().registry.all().into_iter().map(|handle| handle.glance.look());
    seen.filter(|seen| seen.in_transaction || seen.runs && !seen.is_held()).count()
}
