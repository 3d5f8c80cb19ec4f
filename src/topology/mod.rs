//! The servers: roles, health, positions.
//!
//! `watch::Topology` runs one `probe` task per server; `verdict` judges what they observe; the outcome is the
//! immutable `View` that a statement is routed by.
pub mod answers;
pub mod changes;
pub mod definitions;
pub mod failover;
pub mod flavor;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod gtid;
pub mod link;
pub mod names;
mod probe;
pub mod replicas;
pub mod settings;
mod stamp;
mod traffic;
pub mod verdict;
pub mod view;
pub mod watch;
pub mod zone;

pub use gtid::Position;
pub use settings::{Discovery, MayTake, Outliers, ProbeTls, RoleSetting, ServerSettings, Settings, State};
pub use view::{Health, Role, Server, ServerId, View};
pub use watch::Topology;
