//! Who may come in at the admin port: proven as at the ports for applications, with any plugin that fits to the user's secret.

use std::{sync::Arc, time::Duration};

use crate::{
    admin::{VERSION, operator::Operator},
    auth::{Plugin, RsaKey, Sha2Cache, Users},
    config::{OperatorUser, Role},
    net::tls::ServerSide,
    proxy::{
        Compression,
        login::{Guard, LoginContext},
    },
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        handshake::Greeting,
    },
};

/// For everything up to the proof.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// `utf8mb3_general_ci`, as old clients know it too.
const CHARSET: u8 = 33;
/// What `opensrv-mysql` can do.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// What all logins share, apart from those of the applications.
pub(super) struct Logins {
    users: Arc<Users>,
    roles: Vec<(String, Role)>,
    greeting: Arc<Greeting>,
    rsa: Arc<RsaKey>,
    sha2_cache: Arc<Sha2Cache>,
    guard: Arc<Guard>,
}

impl Logins {
    pub(super) fn new(users: Vec<OperatorUser>) -> Logins {
        let greeting = Greeting {
            server_version: VERSION.into(),
            connection_id: 1,
            // Each login has its own.
            nonce: [1; 20],
            capabilities: CAPABILITIES,
            mariadb_capabilities: MariaDbCapabilities::empty(),
            charset: CHARSET,
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            auth_plugin: Plugin::Native.name().into(),
        };
        Logins {
            roles: users.iter().map(|user| (user.user.name.clone(), user.role)).collect(),
            users: Arc::new(Users::new(users.into_iter().map(|user| user.user).collect())),
            greeting: Arc::new(greeting),
            rsa: Arc::default(),
            sha2_cache: Arc::default(),
            guard: Arc::default(),
        }
    }

    pub(super) fn role(&self, name: &str) -> Role {
        self.roles.iter().find(|(known, _)| known == name).map_or(Role::ReadOnly, |(_, role)| *role)
    }

    /// For a login that begins now: with the certificate as it was read last.
    pub(super) fn context(&self, operator: &Operator) -> LoginContext {
        let limits = &operator.shared().live().settings.limits;
        LoginContext {
            users: Arc::clone(&self.users),
            tls: operator.reloader.admin_tls().port.clone().unwrap_or_else(ServerSide::none),
            compression: Compression { zlib: false, zstd: false },
            greeting: Arc::clone(&self.greeting),
            connection_id: self.greeting.connection_id,
            timeout: LOGIN_TIMEOUT,
            rsa: Arc::clone(&self.rsa),
            sha2_cache: Arc::clone(&self.sha2_cache),
            guard: Arc::clone(&self.guard),
            max_delay: limits.login_delay.unwrap_or_default().min(LOGIN_TIMEOUT / 2),
        }
    }
}
