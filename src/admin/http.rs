//! HTTP: whether Forebay works, for load balancers; metrics, for Prometheus; the admin tables and commands as JSON.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{FromRef, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::sync::Semaphore;

use super::{metrics, operator::Operator};
use crate::config::{ReadyWith, Role};

mod actions;
mod answer;
mod api;
mod cache;
mod dashboard;
mod door;
mod history;
mod openapi;
mod serve;

pub(super) use door::Door;
pub(super) use serve::serve;

/// What pages look at.
#[derive(Debug, Clone)]
struct Doors {
    operator: Arc<Operator>,
    /// Room for those who listen.
    listeners: Arc<Semaphore>,
    ready_with: ReadyWith,
}

impl FromRef<Doors> for ReadyWith {
    fn from_ref(doors: &Doors) -> Self {
        doors.ready_with
    }
}

impl FromRef<Doors> for Arc<Operator> {
    fn from_ref(doors: &Doors) -> Self {
        Arc::clone(&doors.operator)
    }
}

fn pages(door: Door, operator: Arc<Operator>) -> Router {
    let ready_with = door.ready_with;
    let guarded = Router::new()
        .route("/metrics", get(metrics_page))
        .route("/cache/invalidate", post(cache::invalidate))
        .route("/api/v1/openapi.json", get(openapi::page))
        .route("/api/v1/actions/{action}", post(actions::action))
        .route("/api/v1/digests/{digest}/history", get(history::shape))
        .route("/api/v1/history", get(history::history))
        .route("/api/v1/stream", get(history::stream))
        .route("/api/v1/whoami", get(whoami))
        .route("/api/v1/{table}", get(api::table))
        .route_layer(middleware::from_fn_with_state((Arc::new(door), Arc::clone(&operator)), door::guard));
    let open = Router::new()
        .route("/", get(dashboard::index))
        .route("/assets/{name}", get(dashboard::asset))
        .route("/healthz", get(health))
        .route("/readyz", get(ready));
    let listeners = Arc::new(Semaphore::new(history::MAX_LISTENERS));
    open.merge(guarded).with_state(Doors { operator, listeners, ready_with })
}

/// As whom one has come in.
async fn whoami(Extension(visitor): Extension<door::Visitor>) -> Response {
    let role = match visitor.role {
        Role::Administrator => "administrator",
        Role::ReadOnly => "read_only",
    };
    answer::json_page(StatusCode::OK, &serde_json::json!({ "user": visitor.user, "role": role }))
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

/// 200 while new clients are welcome: reads and writes can be served, or as configured reads at least, and nobody holds them up.
async fn ready(
    State(operator): State<Arc<Operator>>,
    State(ready_with): State<ReadyWith>,
) -> (StatusCode, &'static str) {
    let shared = operator.shared();
    let view = shared.topology.view();
    let reads = || view.fit_replicas().next().is_some();
    match (view.primary, ready_with) {
        _ if shared.pause.is_on() => (StatusCode::SERVICE_UNAVAILABLE, "paused by an operator\n"),
        (Some(_), _) => (StatusCode::OK, "ready\n"),
        (None, ReadyWith::AnyServer) if reads() => (StatusCode::OK, "ready for reads: no server takes writes\n"),
        (None, ReadyWith::AnyServer) => (StatusCode::SERVICE_UNAVAILABLE, "no server can be used\n"),
        (None, ReadyWith::Primary) => (StatusCode::SERVICE_UNAVAILABLE, "no server takes writes\n"),
    }
}

async fn metrics_page(State(operator): State<Arc<Operator>>) -> Response {
    match metrics::page(&operator) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
