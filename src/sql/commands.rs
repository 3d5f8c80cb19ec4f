//! Facts of commands that bear no text.

use super::{Aside, Effects, Facts, Kind, facts::Hint};

impl Facts {
    /// COM_INIT_DB: a USE.
    pub fn use_schema(schema: &[u8]) -> Self {
        Facts { kind: Kind::Use, schema: Some(schema.to_vec()), ..Facts::server_command(Effects::WRITE) }
    }

    /// A command about one server connection, with the effects given.
    pub fn server_command(effects: Effects) -> Self {
        Facts::new(Kind::Show, effects)
    }

    /// A statement of this kind that does this, and of which nothing else is known.
    pub fn new(kind: Kind, effects: Effects) -> Self {
        Facts {
            kind,
            effects,
            transaction: None,
            assignments: Vec::new(),
            schema: None,
            kill: None,
            corrections: Vec::new(),
            hint: Hint::default(),
            tables_made_or_dropped: Vec::new(),
            routines: Vec::new(),
            digest: 0,
            aside: Aside::default(),
        }
    }

    /// The same facts with more effects.
    pub fn with(&self, effects: Effects) -> Self {
        Facts { effects: self.effects | effects, ..self.clone() }
    }
}

impl Kind {
    /// A stable word for logs and events.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Empty => "empty",
            Kind::Select => "select",
            Kind::Insert => "insert",
            Kind::Replace => "replace",
            Kind::Update => "update",
            Kind::Delete => "delete",
            Kind::Load => "load",
            Kind::Call => "call",
            Kind::Do => "do",
            Kind::Handler => "handler",
            Kind::Ddl => "ddl",
            Kind::Admin => "admin",
            Kind::Set => "set",
            Kind::Use => "use",
            Kind::Show => "show",
            Kind::Explain => "explain",
            Kind::Describe => "describe",
            Kind::Transaction => "transaction",
            Kind::LockTables => "lock_tables",
            Kind::UnlockTables => "unlock_tables",
            Kind::Kill => "kill",
            Kind::Prepare => "prepare",
            Kind::Execute => "execute",
            Kind::Deallocate => "deallocate",
            Kind::Diagnostics => "diagnostics",
            Kind::Unknown => "unknown",
        }
    }
}
