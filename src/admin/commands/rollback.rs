//! `ROLLBACK TO n`.

use super::{Answer, Call, Failure, reload::told};

pub(super) async fn rollback(call: &Call<'_>, number: &str) -> Result<Answer, Failure> {
    let number = number.parse().map_err(|_| {
        Failure::Wrong(format!("`{number}` is no number of a version: SHOW VERSIONS lists them, as in ROLLBACK TO 3"))
    })?;
    told(call.operator.reloader.rollback(number).await)
}
