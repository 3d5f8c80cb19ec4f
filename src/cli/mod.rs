//! The commands, one short file each.
pub mod demo;
