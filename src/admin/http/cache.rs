//! `POST /cache/invalidate`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    http::StatusCode,
};

use super::door::Visitor;
use crate::{
    admin::{commands::cache, operator::Operator},
    config::Role,
    telemetry::Topic,
};

/// `?table=app.users`, `?tag=catalog`, `?schema=`, `?rule=`, `?digest=`, or nothing for all.
pub(super) async fn invalidate(
    State(operator): State<Arc<Operator>>,
    Extension(Visitor { user, role, peer }): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    if role != Role::Administrator {
        return (
            StatusCode::FORBIDDEN,
            format!("`{user}` may look only: show the token, or who has `role: administrator`\n"),
        );
    }
    let query = query.unwrap_or_default();
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let shared = operator.shared();
    let done: Result<Vec<String>, String> = match pairs.is_empty() {
        true => cache::invalidate(&shared.cache, None).map(|done| vec![done]),
        false => pairs.iter().map(|(what, name)| cache::invalidate(&shared.cache, Some((what, name)))).collect(),
    };
    match done {
        Ok(done) => {
            let done = done.join("; ");
            tracing::info!(target: "audit", user, peer, "POST /cache/invalidate: {done}");
            shared.events.add(Topic::Operator, false, &format!("{user} from {peer}: POST /cache/invalidate: {done}"));
            (StatusCode::OK, done + "\n")
        }
        Err(why) => (StatusCode::BAD_REQUEST, why + "\n"),
    }
}
