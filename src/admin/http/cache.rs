//! `POST /cache/invalidate`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    http::StatusCode,
};

use super::door::Visitor;
use crate::admin::{
    commands::{self, Call, Failure, cache},
    operator::Operator,
};

/// `?table=app.users`, `?tag=catalog`, `?schema=`, `?rule=`, `?digest=`, several of them, or nothing for all.
pub(super) async fn invalidate(
    State(operator): State<Arc<Operator>>,
    Extension(Visitor { user, role, peer }): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    let call = Call { operator: &operator, user: &user, role, peer: &peer };
    let query = query.unwrap_or_default();
    let text = match &query[..] {
        "" => "POST /cache/invalidate".to_owned(),
        query => format!("POST /cache/invalidate?{query}"),
    };
    if let Err(Failure::Forbidden(why)) = commands::may_change(&call, &text) {
        return (StatusCode::FORBIDDEN, why + "\n");
    }
    let done = orders(&query).map(|orders| {
        let cache = &operator.shared().cache;
        orders.into_iter().map(|order| order.carry_out(cache)).collect::<Vec<_>>().join("; ")
    });
    let (status, told) = match done {
        Ok(told) => (StatusCode::OK, told),
        Err(why) => (StatusCode::BAD_REQUEST, why),
    };
    commands::audit(&call, &text, &told);
    (status, told + "\n")
}

/// All that is asked for: if one of them is wrong, none is carried out.
fn orders(query: &str) -> Result<Vec<cache::Order>, String> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    match pairs.is_empty() {
        true => Ok(vec![cache::order(None)?]),
        false => pairs.iter().map(|(what, name)| cache::order(Some((what, name)))).collect(),
    }
}
