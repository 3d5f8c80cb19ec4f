//! `DRAIN SERVER x`, `OFFLINE SERVER x`, `ONLINE SERVER x`.

use super::{Answer, Call, Failure};
use crate::topology::State;

pub(super) fn order(call: &Call<'_>, name: &str, state: State) -> Result<Answer, Failure> {
    let shared = call.operator.shared();
    let name = name.trim_matches(['`', '\'', '"']);
    let server = {
        let view = shared.topology.view();
        view.by_name(name).map(|server| (server.id, view.primary == Some(server.id)))
    };
    let Some((id, is_primary)) = server else {
        let view = shared.topology.view();
        let names: Vec<&str> = view.servers.iter().map(|server| &*server.name).collect();
        return Err(Failure::Wrong(format!("there is no server `{name}`: there are {}", names.join(", "))));
    };
    let ended = shared.order_state(id, state).unwrap_or_default();
    let in_use = shared.pools.in_use(id);
    let writes =
        if is_primary && state != State::Online { "; no server takes writes until another is primary" } else { "" };
    Ok(Answer::Done(match state {
        State::Online => format!("{name} serves again as far as it is fit"),
        State::Drain => format!("{name} gets nothing new; {in_use} connections to it are still in use{writes}"),
        State::Offline => format!("{name} gets nothing new; {ended} sessions with something there are ending{writes}"),
    }))
}
