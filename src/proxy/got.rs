//! GET DIAGNOSTICS about a statement of which the primary's connection does not know: it ran on a replica, or where it ran
//! somebody else is now.

use super::{
    client::{Client, End},
    hand_over::clear_warnings,
};
use crate::{
    pool::ServerConnection,
    session::{Diagnostics, conditions, diagnostics::Got},
    sql::{self, Effects, Facts, Flavor},
};

impl Client {
    /// Does what GET DIAGNOSTICS does, if the server that would get it does not know.
    pub(super) async fn got_diagnostics(&mut self, facts: &Facts, text: &[u8]) -> Result<bool, End> {
        let asks = facts.effects.contains(Effects::LAST_STATEMENT | Effects::ASSIGNS_USER_VARIABLE);
        let Some(asked) = asks.then(|| sql::get_diagnostics(text, self.state.dialect())).flatten() else {
            return Ok(false);
        };
        let raised_on = self.diagnostics_server();
        if let Some(at) = self.servers.iter().position(|open| Some(open.id) == raised_on) {
            let ServerConnection { replica, warned, .. } = self.servers[at];
            let knows = warned || self.diagnostics.is_none() && !self.last.is_gone;
            if !replica && knows || warned && !self.ask_about_last(at).await {
                return Ok(false);
            }
            if warned {
                // Being asked has changed what that one would say.
                (self.last.is_gone, self.last.rows_are_gone) = (true, true);
            }
        }
        let mut diagnostics = self.diagnostics.clone().unwrap_or_else(|| Box::new(Diagnostics::none()));
        let warnings = match diagnostics.get(&asked, self.last.row_count) {
            None => return Ok(false),
            Some(Got::Values(values)) => {
                if !self.assign_user_variables(values).await {
                    return Ok(false);
                }
                0
            }
            Some(Got::NoSuchCondition) => {
                diagnostics.push_error(1758, b"35000", "Invalid condition number", self.state.dialect().flavor);
                1
            }
        };
        self.status_known().await;
        self.diagnostics = Some(diagnostics);
        self.state.warnings = warnings;
        self.send_ok_with(warnings).await?;
        Ok(true)
    }

    /// Gives user variables the values of these expressions, wherever the session's are. False: it can't.
    async fn assign_user_variables(&mut self, values: Vec<(Box<str>, Box<str>)>) -> bool {
        let variables = self.user_variables.get_or_insert_default();
        let Some(at) = self.servers.iter().position(|open| open.has_user_variables) else {
            return values.into_iter().all(|(name, value)| variables.learn(name, &value));
        };
        let values: Vec<_> = values.into_iter().map(|(name, value)| (format!("@`{name}`={value}"), name)).collect();
        let set: Vec<_> = values.iter().map(|(set, _)| &**set).collect();
        let connection = &mut self.servers[at];
        // It may warn of its own words.
        connection.warned = true;
        if connection.control(&[format!("SET {}", set.join(","))]).await.is_err() {
            return false;
        }
        variables.assigned_by(Some(values.into_iter().map(|(_, name)| name).collect()));
        clear_warnings(&mut self.servers[at]).await.is_ok()
    }

    /// Learns what GET DIAGNOSTICS would tell of each condition, as far as that is to be had: `thoroughly` or, on MySQL, by the
    /// codes alone, since asking takes away what else is to be asked.
    pub(super) async fn ask_about_conditions(&mut self, at: usize, kept: &mut Diagnostics, thoroughly: bool) {
        let flavor = self.state.dialect().flavor;
        let mysql = matches!(flavor, Flavor::MySql { .. });
        let charset = self.state.value("character_set_results").unwrap_or_default();
        let by_codes = mysql.then(|| kept.by_codes(&String::from_utf8_lossy(charset))).flatten();
        if let Some(conditions) = by_codes {
            return kept.know_conditions(conditions);
        }
        let sql_mode = self.state.value("sql_mode").unwrap_or_default();
        let questions = thoroughly.then(|| conditions::questions(kept.len(), sql_mode, flavor)).flatten();
        let Some(questions) = questions else { return };
        let connection = &mut self.servers[at];
        connection.is_littered |= mysql;
        let Ok(answers) = connection.control(&questions).await else { return };
        let cell = answers.last().and_then(|rows| rows.first()?.first()?.as_deref());
        if let Some(conditions) = cell.and_then(|cell| conditions::answered(cell, kept.len())) {
            kept.know_conditions(conditions);
        }
    }
}
