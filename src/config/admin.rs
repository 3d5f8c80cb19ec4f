//! `admin`: the operator's doors.

use std::net::{IpAddr, SocketAddr};

use super::{
    form::{self, Form, Words},
    secret,
    section::{At, Section},
};
use crate::{
    auth::{Secret, User},
    net::tls::ServerSideSettings,
};

mod tls;

pub use tls::AdminTls;

/// Numbers only: a door for operators must not depend on a name server.
const SOCKET_ADDRESS: Form<SocketAddr> = Form {
    what: "an address to listen on",
    examples: "`127.0.0.1:6032` or `[::1]:6032`",
    parse: |text| text.parse().ok(),
};

const MIN_TOKEN_CHARS: usize = 16;

const TOKEN: Form<String> = Form {
    what: "a token",
    examples: "at least 16 characters from the environment: `\"${FOREBAY_TOKEN}\"`",
    parse: |text| {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (text.len() >= MIN_TOKEN_CHARS && printable).then(|| text.to_owned())
    },
};

/// What `admin` says. Nothing of it is open unless it is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Admin {
    /// The port that speaks MySQL's protocol.
    pub port: Option<Port>,
    /// HTTP.
    pub http: Option<Http>,
}

/// The port that speaks MySQL's protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// Where.
    pub listen: SocketAddr,
    /// Who may; at least one.
    pub users: Vec<OperatorUser>,
    /// Whether clients may use TLS, or must.
    pub tls: ServerSideSettings,
}

/// A user of it.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorUser {
    /// Who.
    pub user: User,
    /// What they may.
    pub role: Role,
}

/// What an operator may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Everything.
    #[default]
    Administrator,
    /// Look at everything but statements' literals.
    ReadOnly,
}

const ROLE: Words<Role> =
    Words { what: "a role", words: &[("administrator", Role::Administrator), ("read_only", Role::ReadOnly)] };

/// HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Http {
    /// Where.
    pub listen: SocketAddr,
    /// What everything but `/healthz` asks for; `None`: nothing, which only a loopback address may.
    pub token: Option<String>,
    /// `None`: it speaks without TLS only; otherwise with it only.
    pub tls: Option<ServerSideSettings>,
    /// With what `/readyz` says that clients are welcome.
    pub ready_with: ReadyWith,
}

/// What must be there for Forebay to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadyWith {
    /// A server that takes writes.
    #[default]
    Primary,
    /// A server that can be read.
    AnyServer,
}

const READY_WITH: Words<ReadyWith> = Words {
    what: "what makes Forebay ready",
    words: &[("primary", ReadyWith::Primary), ("any_server", ReadyWith::AnyServer)],
};

/// Without the token.
impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Http { listen, token, tls, ready_with } = self;
        let mut http = f.debug_struct("Http");
        http.field("listen", listen).field("token", &token.is_some()).field("tls", tls);
        http.field("ready_with", ready_with).finish()
    }
}

/// Reads `admin`.
pub fn read(root: &Section<'_>) -> Admin {
    let Some(section) = root.section("admin") else { return Admin::default() };
    let admin = Admin { port: port(&section), http: section.section("http").and_then(http) };
    section.finish();
    admin
}

fn port(section: &Section<'_>) -> Option<Port> {
    const EXAMPLE: &str = "`users: [{name: admin, password: \"${FOREBAY_ADMIN_PASSWORD}\"}]`";
    let listen = section.get_at("listen", &SOCKET_ADDRESS);
    let tls = tls::of_port(section);
    let users = section.sections("users", EXAMPLE).map(|sections| sections.into_iter().filter_map(user).collect());
    match (listen, users) {
        (Some(At { value: listen, .. }), Some(users)) => {
            let users: Vec<OperatorUser> = users;
            if section.is_empty_list("users") {
                section.error(section.place("users"), format!("`admin.users` is an empty list: write {EXAMPLE}"));
            }
            Some(Port { listen, users, tls: tls.unwrap_or_default() })
        }
        (Some(listen), None) if section.node("users").is_none() => {
            section.error(
                listen.at,
                format!("`admin.listen` needs `admin.users`: nobody else may come in. Write {EXAMPLE}"),
            );
            None
        }
        (None, None) if section.node("listen").is_none() && section.node("tls").is_some() => {
            section.error(
                section.place("tls"),
                "`admin.tls` is about the port of `admin.listen`: HTTP has `admin.http.tls`",
            );
            None
        }
        (None, Some(_)) if section.node("listen").is_none() => {
            section
                .error(section.place("users"), "`admin.users` without `admin.listen`: write `listen: 127.0.0.1:6032`");
            None
        }
        _ => None,
    }
}

fn user(section: Section<'_>) -> Option<OperatorUser> {
    let name = section.get("name", &form::TEXT);
    if section.node("name").is_none() {
        section.error(section.at, "a user of the admin port needs a `name`");
    }
    if !secret::given(&section, &["password", "password_file", "password_hash"]) {
        section.error(section.at, "a user of the admin port needs `password`, `password_file` or `password_hash`");
    }
    let secret = secret::any(&section);
    if secret.as_ref().is_some_and(Secret::is_empty_password) {
        section.error(section.at, "a user of the admin port can't do without a password");
    }
    let role = section.word("role", &ROLE).map(|role| role.value).unwrap_or_default();
    section.finish();
    let user =
        User { name: name?, secrets: vec![secret?], hosts: Vec::new(), max_connections: None, require_tls: false };
    Some(OperatorUser { user, role })
}

fn http(section: Section<'_>) -> Option<Http> {
    let listen = section.get_at("listen", &SOCKET_ADDRESS);
    let token = section.get("token", &TOKEN);
    match &listen {
        None if section.node("listen").is_none() => {
            section.error(section.at, "`admin.http` needs `listen`, as in `listen: 127.0.0.1:6080`");
        }
        Some(listen) if section.node("token").is_none() && !is_loopback(listen.value.ip()) => {
            section.error(
                listen.at,
                format!("`admin.http.listen` is {}, which others can reach: give a `token`", listen.value),
            );
        }
        Some(listen) if section.node("tls").is_none() && !is_loopback(listen.value.ip()) => {
            let message = format!(
                "`admin.http.listen` is {}, which others can reach, and token and passwords pass in the clear: give `tls`",
                listen.value
            );
            section.findings().warning(Some(listen.at), message);
        }
        _ => {}
    }
    let tls = tls::of_http(&section);
    let ready_with = section.word("ready_with", &READY_WITH).map(|with| with.value).unwrap_or_default();
    section.finish();
    Some(Http { listen: listen?.value, token, tls, ready_with })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{compose, error::Findings};

    #[test]
    fn a_token_in_the_clear_is_doubtful() {
        let warnings = |http: &str| {
            let findings = Findings::new(Path::new("config.yaml"));
            let text = format!("admin: {{http: {{token: sixteen-characters, {http}}}}}\n");
            compose::read_text(&findings, &text, &|_| None, &mut Vec::new());
            findings.into_parts().1.into_iter().map(|warning| warning.message).collect::<Vec<_>>()
        };
        let said = warnings("listen: \"0.0.0.0:6080\"");
        assert!(said.iter().any(|message| message.contains("pass in the clear: give `tls`")), "{said:?}");
        for good in ["listen: \"127.0.0.1:6080\"", "listen: \"0.0.0.0:6080\", tls: {certificate: a, key: b}"] {
            assert!(warnings(good).iter().all(|message| !message.contains("in the clear: give `tls`")), "{good}");
        }
    }
}
