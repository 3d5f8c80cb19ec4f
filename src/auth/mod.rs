//! Who may come in, and how Forebay proves to a server who it is. Pure: no socket, no clock.
//!
//! [`client::ClientAuth`] verifies a client, [`server::ServerAuth`] answers a server; both are state machines over
//! payloads. What the plugins compute stands in one file per plugin: [`native`], [`caching_sha2`], [`ed25519`].

pub mod caching_sha2;
pub mod client;
mod digest;
pub mod ed25519;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod native;
mod parsec;
pub mod rsa;
pub mod server;
mod sha256_crypt;
pub mod users;

pub use caching_sha2::Sha2Cache;
pub use client::{ClientAuth, Opening, Step};
pub use rsa::RsaKey;
pub use server::{ServerAuth, ServerStep};
pub use users::{HostPattern, Secret, User, Users};

/// What Forebay may use towards a server after a client has proven itself. `Debug` never shows content.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The password itself.
    Password(Vec<u8>),
    /// SHA1(password): enough for mysql_native_password.
    NativeStage1([u8; 20]),
    /// SHA256(password): enough for caching_sha2_password's fast path where the server is warm.
    Sha2Stage1([u8; 32]),
    /// Nothing: it signed a nonce of ours (client_ed25519), and another server has another nonce.
    Nothing,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::Password(_) => "Password(..)",
            Credential::NativeStage1(_) => "NativeStage1(..)",
            Credential::Sha2Stage1(_) => "Sha2Stage1(..)",
            Credential::Nothing => "Nothing",
        })
    }
}

/// The plugins that Forebay speaks on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// `mysql_native_password`.
    Native,
    /// `caching_sha2_password`.
    CachingSha2,
    /// `client_ed25519`.
    Ed25519,
}

impl Plugin {
    /// The plugin of that name; `None` if Forebay does not speak it.
    pub fn from_name(name: &[u8]) -> Option<Plugin> {
        [Plugin::Native, Plugin::CachingSha2, Plugin::Ed25519]
            .into_iter()
            .find(|plugin| plugin.name().as_bytes() == name)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
            Plugin::Ed25519 => "client_ed25519",
        }
    }
}
