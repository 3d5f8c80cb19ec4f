//! `/`: the dashboard. Its files are in the binary; they say nothing of this Forebay, so nobody is asked who he is.

use axum::{
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use twox_hash::XxHash3_64;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../dashboard/", $name)))
    };
}

const FILES: [(&str, &str, &str); 14] = [
    file!("index.html", HTML),
    file!("style.css", CSS),
    file!("icon.svg", SVG),
    file!("main.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("format.js", SCRIPT),
    file!("chart.js", SCRIPT),
    file!("overview.js", SCRIPT),
    file!("servers.js", SCRIPT),
    file!("statements.js", SCRIPT),
    file!("sessions.js", SCRIPT),
    file!("rules.js", SCRIPT),
    file!("more.js", SCRIPT),
];

pub(super) async fn index(headers: HeaderMap) -> Response {
    page("index.html", &headers)
}

pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    page(&name, &headers)
}

fn page(name: &str, asked: &HeaderMap) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(known, _, _)| *known == name) else {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    };
    let tag = format!("\"{:016x}\"", XxHash3_64::oneshot(text.as_bytes()));
    let has_it = asked.get(header::IF_NONE_MATCH).is_some_and(|has| has.as_bytes() == tag.as_bytes());
    let headers = [
        (header::CONTENT_TYPE, (*kind).to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::ETAG, tag),
    ];
    match has_it {
        true => (StatusCode::NOT_MODIFIED, headers).into_response(),
        false => (headers, *text).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_served_and_asks_for_nothing_else() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/dashboard");
        let mut there: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut served: Vec<_> = FILES.iter().map(|(name, _, _)| (*name).to_owned()).collect();
        there.sort();
        served.sort();
        assert_eq!(there, served);
        for (name, kind, text) in FILES {
            for outside in ["https://", "innerHTML", "eval(", " style=\"", " onclick="] {
                assert!(!text.contains(outside), "{name}: {outside}");
            }
            // A module is known under the path it is served at.
            for import in text.lines().filter(|_| kind == SCRIPT).filter_map(|line| line.split_once("from \"./")) {
                let import = import.1.split('"').next().unwrap();
                assert!(FILES.iter().any(|(name, _, _)| *name == import), "{name}: {import}");
            }
        }
    }

    #[test]
    fn who_has_a_page_is_not_sent_it_again() {
        let first = page("index.html", &HeaderMap::new());
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(page("index.html", &headers).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(page("style.css", &headers).status(), StatusCode::OK);
        assert_eq!(page("../mod.rs", &headers).status(), StatusCode::NOT_FOUND);
    }
}
