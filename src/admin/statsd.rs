//! The metrics sent to StatsD or Datadog's agent: the same that are on the page, as often as the configuration says.

mod lines;
mod packets;

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    sync::oneshot,
    task::JoinHandle,
    time::{MissedTickBehavior, interval_at},
};

use self::{lines::Teller, packets::packets};
use super::{metrics, operator::Operator};
use crate::config::Statsd;

/// How long the end waits for the last figures to be sent.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// What became of packets.
#[derive(Debug, Default)]
pub struct Counts {
    /// On their way: nobody says whether they arrive.
    pub sent: AtomicU64,
    /// Not even that; what they would have counted is in later ones.
    pub failed: AtomicU64,
}

/// Sends until it is told to end.
#[derive(Debug)]
pub struct Pushing {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Pushing {
    /// Begins to send.
    pub fn start(settings: Statsd, operator: &Arc<Operator>) -> Pushing {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(push(settings, Arc::clone(operator), ended));
        Pushing { end, task }
    }

    /// Sends what has been counted until now, and no more.
    pub async fn finish(self) {
        // One that is gone sends no more either.
        let _ = self.end.send(());
        if tokio::time::timeout(FINISH_TIMEOUT, self.task).await.is_err() {
            tracing::warn!("the last metrics could not be sent to statsd.address in time");
        }
    }
}

async fn push(settings: Statsd, operator: Arc<Operator>, mut ended: oneshot::Receiver<()>) {
    let mut ticks = interval_at(tokio::time::Instant::now() + settings.interval, settings.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut teller, mut is_failing, mut is_last) = (Teller::new(&settings), false, false);
    while !is_last {
        is_last = tokio::select! {
            _ = ticks.tick() => false,
            _ = &mut ended => true,
        };
        match (send(&settings, &operator, &mut teller).await, is_failing) {
            (Err(error), false) => {
                let (host, port) = (&settings.host, settings.port);
                tracing::warn!(%error, host, port, "metrics can't be sent to statsd.address; it is tried again");
                is_failing = true;
            }
            (Ok(()), true) => {
                tracing::info!("metrics are sent to statsd.address again");
                is_failing = false;
            }
            _ => {}
        }
    }
}

/// Sends all there is to tell; what can't be sent is told the next time.
async fn send(settings: &Statsd, operator: &Operator, teller: &mut Teller) -> io::Result<()> {
    let page = metrics::page(operator).map_err(io::Error::other)?;
    let packets = packets(teller.lines(&page));
    let counts = &operator.statsd;
    let socket = match open(settings).await {
        Ok(socket) => socket,
        Err(error) => {
            counts.failed.fetch_add(packets.len() as u64, Ordering::Relaxed);
            return Err(error);
        }
    };
    let (socket, address) = socket;
    let mut first_error = None;
    for packet in packets {
        match socket.send_to(packet.text.as_bytes(), address).await {
            Ok(_) => {
                counts.sent.fetch_add(1, Ordering::Relaxed);
                teller.told(packet.tells);
            }
            Err(error) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Anew each time: names may lead elsewhere by then.
async fn open(settings: &Statsd) -> io::Result<(UdpSocket, SocketAddr)> {
    let mut found = tokio::net::lookup_host((settings.host.as_str(), settings.port)).await?;
    let address = found.next().ok_or_else(|| io::Error::other("the name leads nowhere"))?;
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Not connected: what an earlier packet met would be told as if it were this one's error.
    Ok((UdpSocket::bind(any).await?, address))
}
