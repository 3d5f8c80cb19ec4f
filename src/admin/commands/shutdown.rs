//! `SHUTDOWN [GRACEFUL]`.

use std::{sync::Arc, time::Duration};

use super::{Answer, Call, pause};

/// How long a graceful end waits for open transactions.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the answer to reach the operator.
const DELAY: Duration = Duration::from_millis(200);

pub(super) async fn shutdown(call: &Call<'_>, graceful: bool) -> Answer {
    let mut left = 0;
    if graceful {
        call.operator.shared().pause.begin(PATIENCE);
        let idle = async {
            while pause::busy(call) > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, idle).await.is_err() {
            left = pause::busy(call);
        }
    }
    let stop = Arc::clone(&call.operator.stop);
    tokio::spawn(async move {
        tokio::time::sleep(DELAY).await;
        stop.notify_one();
    });
    Answer::Done(match left {
        0 => "Forebay stops".to_owned(),
        left => format!("Forebay stops; {left} sessions still ran something or had a transaction open"),
    })
}
