//! `tls`: encryption between clients and Forebay, and between Forebay and the servers.

use std::path::PathBuf;

use mysql_async::{ClientIdentity, SslOpts};

use super::{
    error::Position,
    form::{self, Words},
    secret::{beside, why},
    section::{At, Section},
    serving::set,
};
use crate::{
    net::tls::{
        ClientMode, ClientSide, ClientSideSettings, ClientVerify, Mode, ServerSide, ServerSideSettings, Verify,
    },
    topology::ProbeTls,
};

pub(super) const CLIENTS_MODE: Words<Mode> = Words {
    what: "a TLS mode",
    words: &[("disabled", Mode::Disabled), ("preferred", Mode::Preferred), ("required", Mode::Required)],
};

const CLIENTS_VERIFY: Words<ClientVerify> = Words {
    what: "a way to verify clients",
    words: &[("none", ClientVerify::Off), ("optional", ClientVerify::Optional), ("required", ClientVerify::Required)],
};

const SERVERS_MODE: Words<ClientMode> = Words {
    what: "a TLS mode",
    words: &[
        ("disabled", ClientMode::Disabled),
        ("as_client", ClientMode::AsClient),
        ("preferred", ClientMode::Preferred),
        ("required", ClientMode::Required),
    ],
};

const SERVERS_VERIFY: Words<Verify> = Words {
    what: "a way to verify servers",
    words: &[("none", Verify::None), ("ca", Verify::Ca), ("full", Verify::Full)],
};

/// `tls`, each half with the place of its mode (of the section, if that is left to its default).
#[derive(Debug)]
pub struct Tls {
    /// `tls.clients`.
    pub clients: At<ServerSideSettings>,
    /// `tls.servers`.
    pub servers: At<ClientSideSettings>,
}

/// Both halves with their files loaded.
pub struct Loaded {
    /// What clients see.
    pub clients: ServerSide,
    /// What servers see.
    pub servers: ClientSide,
}

/// Reads `tls`, without what is in the files.
pub fn read(root: &Section<'_>) -> Tls {
    let servers = ClientSideSettings { mode: ClientMode::AsClient, ..ClientSideSettings::default() };
    let mut tls = Tls {
        clients: At { value: ServerSideSettings::default(), at: root.at },
        servers: At { value: servers, at: root.at },
    };
    if let Some(section) = root.section("tls") {
        if let Some(clients) = section.section("clients") {
            read_clients(clients, &mut tls.clients);
        }
        if let Some(servers) = section.section("servers") {
            read_servers(servers, &mut tls.servers);
        }
        section.finish();
    }
    tls
}

impl Tls {
    /// Loads the files; what is wrong with them is reported where they are named.
    pub fn load(&self, root: &Section<'_>) -> Option<Loaded> {
        let error = |half: &'static str, keys: &[&'static str], message: String| {
            let section = root.section("tls").and_then(|tls| tls.section(half));
            let place =
                section.and_then(|half| keys.iter().find(|key| half.node(key).is_some()).map(|key| half.place(key)));
            root.error(place.unwrap_or(root.at), format!("`tls.{half}`: {message}"));
        };
        let clients = ServerSide::load(&self.clients.value)
            .map_err(|message| error("clients", &["certificate", "client_ca", "mode"], message));
        let servers = ClientSide::load(&self.servers.value)
            .map_err(|message| error("servers", &["ca", "certificate", "mode"], message));
        Some(Loaded { clients: clients.ok()?, servers: servers.ok()? })
    }

    /// The same for the health checks' own connections, which have no client: they use TLS where a server offers it.
    /// (Their driver verifies more strictly than `verify` says, so unless TLS is demanded it is not let verify.)
    pub fn for_probes(&self) -> Option<ProbeTls> {
        let settings = &self.servers.value;
        let without = match settings.mode {
            ClientMode::Disabled => true,
            ClientMode::AsClient | ClientMode::Preferred => settings.verify != Verify::None,
            ClientMode::Required => false,
        };
        if without {
            return None;
        }
        let identity = settings.certificate.as_ref().zip(settings.key.as_ref());
        let trusted =
            settings.ca.iter().filter(|_| settings.verify != Verify::None).map(|ca| ca.clone().into()).collect();
        let options = SslOpts::default()
            .with_root_certs(trusted)
            .with_disable_built_in_roots(settings.verify != Verify::None)
            .with_danger_accept_invalid_certs(settings.verify == Verify::None)
            .with_danger_skip_domain_validation(settings.verify != Verify::Full)
            .with_client_identity(
                identity.map(|(certificate, key)| ClientIdentity::new(certificate.clone().into(), key.clone().into())),
            );
        Some(ProbeTls { options, required: settings.mode == ClientMode::Required })
    }

    /// The place of `tls.clients.mode`, if it demands TLS.
    pub fn clients_required(&self) -> Option<Position> {
        (self.clients.value.mode == Mode::Required).then_some(self.clients.at)
    }

    /// Whether servers must use TLS.
    pub fn servers_required(&self) -> bool {
        self.servers.value.mode == ClientMode::Required
    }
}

fn read_clients(section: Section<'_>, half: &mut At<ServerSideSettings>) {
    half.at = section.place("mode");
    let settings = &mut half.value;
    set(&mut settings.mode, section.word("mode", &CLIENTS_MODE).map(|mode| mode.value));
    (settings.certificate, settings.key) = identity(&section);
    settings.client_ca = path(&section, "client_ca");
    let given = section.word("verify", &CLIENTS_VERIFY);
    settings.verify = match (given, &settings.client_ca) {
        (Some(verify), _) => verify.value,
        (None, Some(_)) => ClientVerify::Optional,
        (None, None) => ClientVerify::Off,
    };
    if let Some(verify) = given.filter(|verify| verify.value != ClientVerify::Off) {
        if section.node("client_ca").is_none() {
            let what = "the PEM file of the authority that signs clients' certificates";
            section.error(verify.at, format!("`tls.clients.verify` needs `client_ca`: {what}"));
        }
        if settings.mode == Mode::Disabled {
            section
                .error(half.at, "`tls.clients.mode` is `disabled`, so there is nothing to `verify`: drop one of them");
        }
    }
    section.finish();
}

fn read_servers(section: Section<'_>, half: &mut At<ClientSideSettings>) {
    half.at = section.place("mode");
    let settings = &mut half.value;
    set(&mut settings.mode, section.word("mode", &SERVERS_MODE).map(|mode| mode.value));
    (settings.certificate, settings.key) = identity(&section);
    settings.ca = path(&section, "ca");
    let given = section.word("verify", &SERVERS_VERIFY);
    settings.verify = match (given, &settings.ca) {
        (Some(verify), _) => verify.value,
        (None, Some(_)) => Verify::Ca,
        (None, None) => Verify::None,
    };
    if let Some(verify) = given.filter(|verify| verify.value != Verify::None) {
        if section.node("ca").is_none() {
            let what = "the PEM file of the authority that signs the servers' certificates";
            section.error(verify.at, format!("`tls.servers.verify` needs `ca`: {what}"));
        }
        if settings.mode == ClientMode::Disabled {
            section
                .error(half.at, "`tls.servers.mode` is `disabled`, so there is nothing to `verify`: drop one of them");
        }
    }
    section.finish();
}

/// Both files or neither.
pub(super) fn identity(section: &Section<'_>) -> (Option<PathBuf>, Option<PathBuf>) {
    let (certificate, key) = (path(section, "certificate"), path(section, "key"));
    for (given, other) in [("certificate", "key"), ("key", "certificate")] {
        if section.node(given).is_some() && section.node(other).is_none() {
            let message =
                format!("`{}` needs `{other}` beside it: the PEM file of the other half", section.path_of(given));
            section.error(section.place(given), message);
        }
    }
    (certificate, key)
}

/// A file that is there and may be read.
fn path(section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    let path = section.get_at(key, &form::TEXT)?;
    let file = beside(section.findings().file(), &path.value);
    match std::fs::File::open(&file) {
        Ok(_) => Some(file),
        Err(error) => {
            section.error(path.at, format!("`{}`: {}: {}", section.path_of(key), file.display(), why(&error)));
            None
        }
    }
}
