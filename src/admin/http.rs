//! HTTP: whether Forebay works, for load balancers; metrics, for Prometheus.

use std::{io, sync::Arc};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Router,
    extract::{RawQuery, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::net::TcpListener;

use super::{commands::cache, metrics, operator::Operator};
use crate::telemetry::Topic;

/// Serves until Forebay stops.
pub(super) async fn serve(listener: TcpListener, token: Option<String>, operator: Arc<Operator>) {
    let stopping = {
        let operator = Arc::clone(&operator);
        async move { operator.shared().stopping().await }
    };
    let ended: io::Result<()> = axum::serve(listener, pages(token, operator)).with_graceful_shutdown(stopping).await;
    if let Err(error) = ended {
        tracing::error!(%error, "HTTP has ended");
    }
}

fn pages(token: Option<String>, operator: Arc<Operator>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics_page))
        .route("/cache/invalidate", post(invalidate))
        .route_layer(middleware::from_fn_with_state(token.map(Arc::<str>::from), ask_for_token));
    Router::new().route("/healthz", get(health)).merge(guarded).with_state(operator)
}

async fn ask_for_token(State(token): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    let shown =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let good = match &token {
        Some(token) => shown.is_some_and(|shown| verify_slices_are_equal(shown, token.as_bytes()).is_ok()),
        None => true,
    };
    if good {
        return next.run(request).await;
    }
    let how = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, how, "this page asks for `Authorization: Bearer TOKEN` (admin.http.token)\n")
        .into_response()
}

/// 200 while statements can be served, 503 while they can't.
async fn health(State(operator): State<Arc<Operator>>) -> (StatusCode, &'static str) {
    let view = operator.shared().topology.view();
    if view.primary.is_some() {
        (StatusCode::OK, "ok\n")
    } else if view.fit_replicas().next().is_some() {
        (StatusCode::OK, "reads only: no server takes writes\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no server can be used\n")
    }
}

/// `?table=app.users`, `?tag=catalog`, `?schema=`, `?rule=`, `?digest=`, or nothing for all.
async fn invalidate(State(operator): State<Arc<Operator>>, RawQuery(query): RawQuery) -> (StatusCode, String) {
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
            tracing::info!(target: "audit", "POST /cache/invalidate: {done}");
            shared.events.add(Topic::Operator, false, &format!("POST /cache/invalidate: {done}"));
            (StatusCode::OK, done + "\n")
        }
        Err(why) => (StatusCode::BAD_REQUEST, why + "\n"),
    }
}

async fn metrics_page(State(operator): State<Arc<Operator>>) -> Response {
    match metrics::page(&operator.reloader) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
