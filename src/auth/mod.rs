//! Who may come in, and how Forebay proves to a server who it is. One file per plugin. Pure.
pub mod client;
pub mod rsa;
pub mod server;
pub mod users;

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
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(..)")
    }
}
