//! What a server says of its schemas: the views, triggers and cascades that reach tables which a statement does not name.
//!
//! The monitor user sees of that what it has rights to: SHOW VIEW (of definitions: and SELECT), TRIGGER, and any right on tables
//! with foreign keys.

use std::time::Duration;

use mysql_async::{Result, prelude::Queryable};

use super::link::Link;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Views: schema, name, the SELECT; that is empty where it must not be seen.
    pub views: Vec<[String; 3]>,
    /// Triggers: the table's schema, the table, what it does.
    pub triggers: Vec<[String; 3]>,
    /// Foreign keys that change their own table when a row of the other changes: the other's schema and table, their own.
    pub cascades: Vec<[String; 4]>,
    /// Rights that the monitor user has nowhere: of what they would show there may be more.
    pub lacks: Vec<&'static str>,
}

const OWN: &str = "('sys', 'mysql', 'information_schema', 'performance_schema')";

/// Asks a server.
///
/// # Errors
/// The driver's, or no answer in time.
pub async fn read(link: &Link, patience: Duration) -> std::result::Result<Found, String> {
    match tokio::time::timeout(patience, ask(link)).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer in {} s", patience.as_secs_f32())),
    }
}

async fn ask(link: &Link) -> Result<Found> {
    let mut conn = link.connect().await?;
    let views = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN {OWN}"
    );
    let triggers = format!(
        "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, ACTION_STATEMENT FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA NOT IN {OWN}"
    );
    let cascades = "SELECT UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, CONSTRAINT_SCHEMA, TABLE_NAME \
        FROM information_schema.REFERENTIAL_CONSTRAINTS \
        WHERE UPDATE_RULE NOT IN ('RESTRICT', 'NO ACTION') OR DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION')";
    let text = |text: Option<Vec<u8>>| String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    type Cell = Option<Vec<u8>>;
    let grants: Vec<String> = conn.query("SHOW GRANTS").await?;
    let found = Found {
        lacks: lacking(&grants),
        views: conn.query_map(views, |(a, b, c): (Cell, Cell, Cell)| [a, b, c].map(text)).await?,
        triggers: conn.query_map(triggers, |(a, b, c): (Cell, Cell, Cell)| [a, b, c].map(text)).await?,
        cascades: conn.query_map(cascades, |(a, b, c, d): (Cell, Cell, Cell, Cell)| [a, b, c, d].map(text)).await?,
    };
    let _ = conn.disconnect().await;
    Ok(found)
}

/// What grants lack, as far as they say it: those of a role may not be told.
fn lacking(grants: &[String]) -> Vec<&'static str> {
    let is_of_role = |grant: &&String| !grant.contains(" ON ");
    if grants.iter().any(|grant| is_of_role(&grant)) {
        return Vec::new();
    }
    let has = |right: &str| grants.iter().any(|grant| grant.contains("ALL PRIVILEGES") || grant.contains(right));
    ["SHOW VIEW", "TRIGGER"].into_iter().filter(|right| !has(right)).collect()
}

#[cfg(test)]
mod tests {
    use super::lacking;

    #[test]
    fn what_grants_lack() {
        let lacks = |grants: &[&str]| lacking(&grants.iter().map(|grant| (*grant).to_owned()).collect::<Vec<_>>());
        assert_eq!(lacks(&["GRANT REPLICATION CLIENT ON *.* TO `m`@`%`"]), ["SHOW VIEW", "TRIGGER"]);
        assert_eq!(lacks(&["GRANT USAGE ON *.* TO `m`@`%`", "GRANT SHOW VIEW ON `app`.* TO `m`@`%`"]), ["TRIGGER"]);
        assert_eq!(lacks(&["GRANT SELECT, SHOW VIEW, TRIGGER ON *.* TO `m`@`%`"]), [""; 0]);
        assert_eq!(lacks(&["GRANT ALL PRIVILEGES ON *.* TO `m`@`%`"]), [""; 0]);
        assert_eq!(lacks(&["GRANT USAGE ON *.* TO `m`@`%`", "GRANT `watcher`@`%` TO `m`@`%`"]), [""; 0]);
    }
}
