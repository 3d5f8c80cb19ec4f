//! Who may come in, and as what: by the token, by name and password of an admin user, or from a loopback address to look.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::serve::Guest;
use crate::{
    admin::operator::Operator,
    config::{Http, OperatorUser, ReadyWith, Role},
};

/// What a wrong token or password costs.
const DELAY: Duration = Duration::from_secs(1);
/// The longest body: the longest statement that the admin port takes.
const MAX_BODY_BYTES: usize = 1 << 20;
/// For a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What opens it.
pub struct Door {
    /// With it one may do everything. `None`: who has nothing to show may look.
    pub token: Option<String>,
    /// Whose names and passwords do.
    pub users: Vec<OperatorUser>,
    /// What `/readyz` asks for; it asks nobody who they are.
    pub ready_with: ReadyWith,
}

/// Who has come in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub user: String,
    pub role: Role,
    pub peer: String,
}

/// Lets in whoever may; the page learns who it is.
pub(super) async fn guard(
    State((door, operator)): State<(Arc<Door>, Arc<Operator>)>,
    mut request: Request,
    next: Next,
) -> Response {
    if is_led_here(&request) {
        return (StatusCode::FORBIDDEN, "another site's page may not ask for this\n").into_response();
    }
    let Some(guest) = request.extensions().get::<Arc<Guest>>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let peer = guest.peer.to_string();
    let shown = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    let found = match &shown {
        Some(shown) => door.known(shown),
        // Without a token the address is a loopback one. A browser may still be led here by another page's name for it.
        None if door.token.is_none() && is_local(&request) => Some(("nobody".to_owned(), Role::ReadOnly)),
        None => None,
    };
    let Some((user, role)) = found else {
        if shown.is_some() {
            if let Some(unsaid) = operator.said.refused.due() {
                tracing::warn!(peer, unsaid, "HTTP refused a token or password");
            }
            tokio::time::sleep(DELAY).await;
        }
        let how = challenges(&request);
        let text = "this page asks for `Authorization: Bearer TOKEN` (admin.http.token), or for name and password of one of \
                    admin.users\n";
        return (StatusCode::UNAUTHORIZED, how, text).into_response();
    };
    if !guest.let_in() {
        return (StatusCode::SERVICE_UNAVAILABLE, "there are too many here already\n").into_response();
    }
    request.extensions_mut().insert(Visitor { user, role, peer });
    match with_body(request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    }
}

/// The request with its body, which is waited for only so long, and only so much of it is taken.
async fn with_body(request: Request) -> Result<Request, Response> {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(Request::from_parts(head, Body::from(body))),
        Ok(Err(_)) => Err((StatusCode::PAYLOAD_TOO_LARGE, "a body of more than a mebibyte\n").into_response()),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body did not come\n").into_response()),
    }
}

/// What would do. The dashboard asks for names and passwords itself: a browser that is told of them would ask too, and
/// send them along from then on, whatever page makes it ask.
fn challenges(request: &Request) -> HeaderMap {
    let mut how = HeaderMap::new();
    how.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    if !request.headers().contains_key("x-forebay-dashboard") {
        how.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"forebay\""));
    }
    how
}

impl Door {
    /// As the settings say, and for these users.
    pub fn new(settings: &Http, users: Vec<OperatorUser>) -> Door {
        Door { token: settings.token.clone(), users, ready_with: settings.ready_with }
    }

    fn known(&self, shown: &[u8]) -> Option<(String, Role)> {
        let (scheme, rest) = shown.split_at_checked(shown.iter().position(|byte| *byte == b' ')? + 1)?;
        match scheme.to_ascii_lowercase().as_slice() {
            b"bearer " => {
                let token = self.token.as_ref()?;
                let good = verify_slices_are_equal(rest, token.as_bytes()).is_ok();
                good.then(|| ("token".to_owned(), Role::Administrator))
            }
            b"basic " => {
                let decoded = STANDARD.decode(rest).ok()?;
                let at = decoded.iter().position(|byte| *byte == b':')?;
                let (name, password) = (decoded.get(..at)?, decoded.get(at + 1..)?);
                let user = self.users.iter().find(|user| user.user.name.as_bytes() == name)?;
                let good = user.user.secrets.iter().any(|secret| secret.is_password(password));
                good.then(|| (user.user.name.clone(), user.role))
            }
            _ => None,
        }
    }
}

/// Whether the browser, or whatever asks, means this machine and not a name that somebody has pointed here.
fn is_local(request: &Request) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a browser says that another site's page made it ask: it sends names and passwords along all the same.
fn is_led_here(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    site.is_some_and(|site| site != b"same-origin" && site != b"none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Secret, User};

    fn door() -> Door {
        let user = |name: &str, role| OperatorUser {
            user: User {
                name: name.into(),
                secrets: vec![Secret::Plain(b"pass:word".to_vec())],
                hosts: Vec::new(),
                max_connections: None,
                require_tls: false,
            },
            role,
        };
        let users = vec![user("op", Role::Administrator), user("looks", Role::ReadOnly)];
        Door { token: Some("a-token-of-the-test".into()), users, ready_with: ReadyWith::default() }
    }

    #[test]
    fn who_is_known() {
        let known = |shown: &str| door().known(shown.as_bytes());
        let basic = |text: &str| known(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(known("Bearer a-token-of-the-test"), Some(("token".into(), Role::Administrator)));
        assert_eq!(basic("op:pass:word"), Some(("op".into(), Role::Administrator)));
        assert_eq!(basic("looks:pass:word"), Some(("looks".into(), Role::ReadOnly)));
        for wrong in ["op:pass", "nobody:pass:word", "op", ":"] {
            assert_eq!(basic(wrong), None, "{wrong}");
        }
        for wrong in ["", "Bearer", "Bearer ", "Bearer a-token", "a-token-of-the-test", "Basic ???", "Digest x"] {
            assert_eq!(known(wrong), None, "{wrong}");
        }
        let tokenless = Door { token: None, ..door() };
        assert_eq!(tokenless.known(b"Bearer "), None);
    }

    #[test]
    fn other_sites_lead_nobody_here() {
        let asks =
            |site: &str| Request::builder().header("sec-fetch-site", site).body(axum::body::Body::empty()).unwrap();
        assert!(is_led_here(&asks("cross-site")) && is_led_here(&asks("same-site")));
        assert!(!is_led_here(&asks("same-origin")) && !is_led_here(&asks("none")));
        assert!(!is_led_here(&Request::new(axum::body::Body::empty())), "no browser");
    }

    #[test]
    fn another_name_for_this_machine_is_not_local() {
        let asks =
            |host: &str| is_local(&Request::builder().header("host", host).body(axum::body::Body::empty()).unwrap());
        for host in ["localhost", "localhost:6080", "127.0.0.1:6080", "[::1]:6080", "[::1]"] {
            assert!(asks(host), "{host}");
        }
        for host in ["", "attacker.example", "attacker.example:6080", "localhost.attacker.example"] {
            assert!(!asks(host), "{host}");
        }
    }
}
