//! `/api/v1/history`, `/api/v1/digests/DIGEST/history`, `/api/v1/stream`: what has been lately, and what is now.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_core::Stream;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{
    Doors,
    answer::{failed, json_page},
    openapi::closed,
};
use crate::{
    admin::{live::Latest, operator::Operator},
    telemetry::history::{MAX_SECONDS, MINUTE_S, Point, STEP_S, ShapePoint},
    topology::ServerId,
};

/// So many at once are told what happens.
pub(super) const MAX_LISTENERS: usize = 32;
/// A listener that takes nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// `?step=second` or `minute`.
pub(super) async fn history(State(doors): State<Doors>, RawQuery(asked): RawQuery) -> Response {
    let operator = &doors.operator;
    let kept = operator.live.kept();
    let (step_s, points): (u64, Vec<Value>) = match asked.as_deref() {
        None | Some("" | "step=second") => (1, kept.history.seconds().map(value).collect()),
        Some("step=minute") => (MINUTE_S, kept.history.minutes().map(value).collect()),
        Some(_) => return failed(StatusCode::BAD_REQUEST, "write `step=second` or `step=minute`"),
    };
    json_page(StatusCode::OK, &json!({ "step_s": step_s, "most": MAX_SECONDS, "points": points }))
}

/// One shape.
pub(super) async fn shape(State(doors): State<Doors>, Path(digest): Path<String>) -> Response {
    let Ok(number) = u64::from_str_radix(&digest, 16) else {
        return failed(StatusCode::BAD_REQUEST, &format!("`{digest}` is no digest: write its hexadecimal digits"));
    };
    let kept = doors.operator.live.kept();
    let points: Vec<Value> = kept.shapes.points(number).iter().map(|point| figures(&SHAPE_POINT, point)).collect();
    json_page(StatusCode::OK, &json!({ "step_s": STEP_S, "points": points }))
}

/// A point each second until somebody leaves.
pub(super) async fn stream(State(doors): State<Doors>) -> Response {
    let Ok(place) = Arc::clone(&doors.listeners).try_acquire_owned() else {
        let error = format!("{MAX_LISTENERS} are listening: no more can");
        return failed(StatusCode::SERVICE_UNAVAILABLE, &error);
    };
    let (sender, events) = mpsc::channel(1);
    tokio::spawn(tell(Arc::clone(&doors.operator), sender, place));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(Events(events))).into_response()
}

struct Events(mpsc::Receiver<Bytes>);

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

/// Who is slow misses points and gets the next one; who takes nothing is let go.
async fn tell(operator: Arc<Operator>, to: mpsc::Sender<Bytes>, _place: OwnedSemaphorePermit) {
    let mut points = operator.live.listen();
    loop {
        let latest = points.borrow_and_update().clone();
        if let Some(latest) = latest {
            let event = format!("event: second\ndata: {}\n\n", moment(&operator, &latest));
            if to.send_timeout(event.into(), PATIENCE).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = points.changed() => if changed.is_err() { return },
            () = to.closed() => return,
            () = operator.shared().stopping() => return,
        }
    }
}

/// A point with what the servers have answered so far.
fn moment(operator: &Operator, latest: &Latest) -> Value {
    let (shared, Latest { point, places }) = (operator.shared(), latest);
    let view = shared.topology.view();
    let name = |server| view.server(ServerId(server)).map(|server| server.name.to_string());
    let servers: serde_json::Map<String, Value> =
        places.servers().filter_map(|(server, calls)| Some((name(server)?, calls.into()))).collect();
    json!({ "point": value(point), "servers": servers, "hits": places.hits, "paused": shared.pause.is_on() })
}

/// What is said of a span of time: name, meaning, value.
type Figure<T> = (&'static str, &'static str, fn(&T) -> Value);

const POINT: [Figure<Point>; 12] = [
    ("at_s", "its end, in seconds since 1970", |point| point.at_s.into()),
    ("span_ms", "how long it is, in milliseconds", |point| point.span_ms.into()),
    ("calls", "statements that ended in it", |point| point.calls.into()),
    ("errors", "those that ended in an error", |point| point.errors.into()),
    ("hits", "those answered from memory", |point| point.hits.into()),
    ("rows", "rows that clients got", |point| point.rows.into()),
    ("bytes", "bytes that servers sent", |point| point.bytes.into()),
    ("p50_us", "half of them took no longer, in microseconds", |point| point.p50_us.into()),
    ("p95_us", "nineteen of twenty", |point| point.p95_us.into()),
    ("p99_us", "99 of 100", |point| point.p99_us.into()),
    ("apdex", "from 0, everybody is annoyed, to 1; null: no statement", |point| point.apdex.into()),
    ("clients", "clients connected at its end", |point| point.clients.into()),
];

const SHAPE_POINT: [Figure<ShapePoint>; 5] = [
    ("at_s", "its end, in seconds since 1970", |point| point.at_s.into()),
    ("calls", "statements", |point| point.calls.into()),
    ("errors", "those that ended in an error", |point| point.errors.into()),
    ("mean_us", "how long they took on average, in microseconds", |point| point.mean_us.into()),
    ("p95_us", "of the latest calls nineteen of twenty took no longer", |point| point.p95_us.into()),
];

fn figures<T>(of: &[Figure<T>], point: &T) -> Value {
    of.iter().map(|(name, _, value)| ((*name).to_owned(), value(point))).collect::<Map<_, _>>().into()
}

fn value(point: &Point) -> Value {
    figures(&POINT, point)
}

/// The forms of [`history`]'s and of [`shape`]'s answers.
pub(super) fn schemas() -> [Value; 2] {
    let of = |figures: Vec<(&'static str, &'static str)>, more: Value| {
        let figure = |(name, about): (&str, &str)| {
            let kind = if name == "apdex" { json!(["number", "null"]) } else { json!("integer") };
            (name.to_owned(), json!({ "type": kind, "description": about }))
        };
        let points = closed(figures.into_iter().map(figure).collect());
        let mut keys = Map::from_iter([("points".to_owned(), json!({ "type": "array", "items": points }))]);
        keys.insert("step_s".to_owned(), json!({ "type": "integer", "description": "seconds from point to point" }));
        keys.extend(more.as_object().cloned().unwrap_or_default());
        closed(keys)
    };
    let most = json!({ "most": { "type": "integer", "description": "points that are kept" } });
    [
        of(POINT.iter().map(|(name, about, _)| (*name, *about)).collect(), most),
        of(SHAPE_POINT.iter().map(|(name, about, _)| (*name, *about)).collect(), json!({})),
    ]
}
