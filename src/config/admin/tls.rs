//! TLS at the operator's doors: `admin.tls` and `admin.http.tls`.

use super::{Admin, Section};
use crate::{
    config::{
        serving::set,
        tls::{CLIENTS_MODE, identity},
    },
    net::tls::{Mode, ServerSide, ServerSideSettings},
};

/// Both doors' TLS with its files loaded; `None`: that door is closed, or does without.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdminTls {
    /// Of the port that speaks MySQL's protocol.
    pub port: Option<ServerSide>,
    /// Of HTTP.
    pub http: Option<ServerSide>,
}

impl AdminTls {
    /// Reads the files. An error is of one of the doors (`None`: the port), names the file and what would be right.
    pub fn load(admin: &Admin) -> Result<AdminTls, (Option<&'static str>, String)> {
        let load = |settings: &ServerSideSettings, door| ServerSide::load(settings).map_err(|error| (door, error));
        let port = admin.port.as_ref().map(|port| load(&port.tls, None)).transpose()?;
        let http = admin.http.as_ref().and_then(|http| http.tls.as_ref());
        Ok(AdminTls { port, http: http.map(|tls| load(tls, Some("http"))).transpose()? })
    }
}

impl Admin {
    /// Loads the files; what is wrong with them is reported where they are named.
    pub fn load_tls(&self, root: &Section<'_>) -> Option<AdminTls> {
        let report = |(door, message): (Option<&'static str>, String)| {
            let admin = root.section("admin");
            let section = match door {
                Some(door) => admin.and_then(|admin| admin.section(door)),
                None => admin,
            };
            let tls = section.and_then(|section| section.section("tls"));
            let at = tls.as_ref().map_or(root.at, |tls| tls.place("certificate"));
            root.error(at, format!("`admin.{}tls`: {message}", door.map_or(String::new(), |door| format!("{door}."))));
        };
        AdminTls::load(self).map_err(report).ok()
    }
}

/// Of the port, where it is said.
pub(super) fn of_port(section: &Section<'_>) -> Option<ServerSideSettings> {
    let section = section.section("tls")?;
    let mut settings = ServerSideSettings::default();
    set(&mut settings.mode, section.word("mode", &CLIENTS_MODE).map(|mode| mode.value));
    (settings.certificate, settings.key) = identity(&section);
    section.finish();
    Some(settings)
}

/// Of HTTP. Browsers and scrapers want a certificate that somebody has signed: none is made here.
pub(super) fn of_http(section: &Section<'_>) -> Option<ServerSideSettings> {
    let section = section.section("tls")?;
    let (certificate, key) = identity(&section);
    if section.node("certificate").is_none() && section.node("key").is_none() {
        section.error(section.at, "`admin.http.tls` needs `certificate` and `key`: PEM files");
    }
    section.finish();
    Some(ServerSideSettings { mode: Mode::Required, certificate, key, ..ServerSideSettings::default() })
}
