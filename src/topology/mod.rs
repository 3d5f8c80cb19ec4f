//! The servers: roles, health, positions.
pub mod probe;
pub mod settings;
pub mod verdict;
pub mod view;
pub mod gtid;
pub use settings::{RoleSetting, ServerSettings, Settings};
pub use view::{Server, ServerId, View};
