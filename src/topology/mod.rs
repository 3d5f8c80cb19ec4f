//! The servers: roles, health, positions.
pub mod gtid;
pub mod probe;
pub mod settings;
pub mod verdict;
pub mod view;

pub use gtid::Position;
pub use probe::Topology;
pub use settings::{RoleSetting, ServerSettings, Settings};
pub use view::{Health, Role, Server, ServerId, View};
