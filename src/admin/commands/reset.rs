//! `RESET DIGESTS`.

use super::{Answer, Call};

pub(super) fn digests(call: &Call<'_>) -> Answer {
    call.operator.shared().digests.reset();
    Answer::Done("all shapes are forgotten".to_owned())
}
