//! `FLUSH POOL`.

use super::Answer;
use crate::config::reload::Reloader;

pub(super) fn flush(reloader: &Reloader) -> Answer {
    let closed = reloader.shared().pools.flush();
    tracing::info!(closed, "FLUSH POOL on the admin port: idle server connections were closed");
    Answer::Done(format!("{closed} idle connections were closed; the others close when their sessions let go of them"))
}
