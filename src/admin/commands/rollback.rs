//! `ROLLBACK TO n`.

use super::{Answer, Failure, reload::told};
use crate::config::reload::Reloader;

pub(super) async fn rollback(reloader: &Reloader, number: &str) -> Result<Answer, Failure> {
    let number = number.parse().map_err(|_| {
        Failure::Wrong(format!("`{number}` is no number of a version: SHOW VERSIONS lists them, as in ROLLBACK TO 3"))
    })?;
    told(reloader.rollback(number).await)
}
