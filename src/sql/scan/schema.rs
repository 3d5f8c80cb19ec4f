//! Schemas whose tables are about one server.
use super::Scan;
use crate::sql::facts::Effects;
use crate::sql::lexer::Token;

impl Scan<'_> {
    /// At a `.`: what does the name before it say?
    pub(super) fn schema(&mut self) {
        if self.previous.token.is_name() && is_server_schema(bare(self.slice(self.previous.token))) {
            self.effects |= Effects::SERVER_STATE;
        }
    }

    /// At a name: is it a table of information_schema?
    pub(super) fn schema_member(&mut self, token: Token) {
        if !self.previous.token.is(b'.') || !self.before.token.is_name() {
            return;
        }
        if bare(self.slice(self.before.token)).eq_ignore_ascii_case(b"information_schema")
            && !is_about_schemas(bare(self.slice(token)))
        {
            self.effects |= Effects::SERVER_STATE;
        }
    }
}

/// A schema that shows the server itself: while it is a session's default, the text of a read does not tell what it
/// reads, and no read may leave the primary.
pub fn is_about_server(schema: &[u8]) -> bool {
    is_server_schema(schema) || schema.eq_ignore_ascii_case(b"information_schema")
}

/// All of whose tables are about one server.
fn is_server_schema(name: &[u8]) -> bool {
    let names: [&[u8]; 4] = [b"mysql", b"performance_schema", b"sys", b"ndbinfo"];
    names.iter().any(|schema| schema.eq_ignore_ascii_case(name))
}

/// Tables of information_schema that are the same on every server: all others are about one of them. (TABLES, STATISTICS
/// and PARTITIONS show each server's own estimates and AUTO_INCREMENT.)
fn is_about_schemas(table: &[u8]) -> bool {
    const TABLES: [&[u8]; 21] = [
        b"columns",
        b"schemata",
        b"key_column_usage",
        b"table_constraints",
        b"referential_constraints",
        b"routines",
        b"parameters",
        b"views",
        b"triggers",
        b"character_sets",
        b"collations",
        b"collation_character_set_applicability",
        b"check_constraints",
        b"keywords",
        b"sql_functions",
        b"view_table_usage",
        b"view_routine_usage",
        b"st_geometry_columns",
        b"st_spatial_reference_systems",
        b"st_units_of_measure",
        b"periods",
    ];
    TABLES.iter().any(|known| known.eq_ignore_ascii_case(table))
}

/// A name without its quotes (doubled quotes inside are left doubled: none of the names above has one).
fn bare(name: &[u8]) -> &[u8] {
    match name {
        [b'`' | b'"', inner @ .., _] => inner,
        _ => name,
    }
}
