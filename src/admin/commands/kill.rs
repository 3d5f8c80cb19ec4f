//! `KILL [QUERY] id`.

use super::{Answer, Call, Failure};

pub(super) fn kill(call: &Call<'_>, id: &str, query_only: bool) -> Result<Answer, Failure> {
    let number = id.parse().ok();
    let Some(handle) = number.and_then(|id| call.operator.shared().registry.get(id)) else {
        return Err(Failure::Wrong(format!(
            "there is no session `{id}`: SHOW SESSIONS lists them, as in KILL QUERY 1073741825"
        )));
    };
    let was_running = handle.stop_statement();
    match (query_only, was_running) {
        (true, true) => Ok(Answer::Done(format!("the statement of session {id} is being killed"))),
        (true, false) => Err(Failure::Wrong(format!("session {id} runs no statement: KILL {id} ends the session"))),
        (false, _) => {
            handle.kill();
            Ok(Answer::Done(format!("session {id} is ending")))
        }
    }
}
