//! What the configuration says of the cache as a whole; what is cached is said by rules.

/// Checked values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// All entries together.
    pub max_bytes: u64,
    /// A longer answer is not kept.
    pub max_entry_bytes: usize,
    /// Writes that bypass Forebay are seen in the primary's binary log.
    pub follow_log: bool,
    /// What this Forebay calls itself among the primary's replicas; `None`: a number of its own choosing.
    pub server_id: Option<u32>,
    /// What is done while the log can't be read.
    pub on_stale_log: OnStaleLog,
}

/// What is done while the binary log can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStaleLog {
    /// Nothing is answered from memory.
    #[default]
    Bypass,
    /// Answers may be as old as their rule allows.
    TtlOnly,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_bytes: 64 << 20,
            max_entry_bytes: 1 << 20,
            follow_log: false,
            server_id: None,
            on_stale_log: OnStaleLog::default(),
        }
    }
}
