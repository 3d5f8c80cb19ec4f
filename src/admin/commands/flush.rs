//! `FLUSH POOL`.

use super::{Answer, Call};

pub(super) fn flush(call: &Call<'_>) -> Answer {
    let closed = call.operator.shared().pools.flush();
    Answer::Done(format!("{closed} idle connections were closed; the others close when their sessions let go of them"))
}
