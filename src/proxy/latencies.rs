//! How long each server's answers take lately.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::topology::ServerId;

/// The newest answer's part in the average.
const SHARE: u64 = 16;

/// A moving average for each server.
#[derive(Debug, Default)]
pub struct Latencies {
    by_server: boxcar::Vec<AtomicU64>,
}

impl Latencies {
    /// Takes an answer in. What two tasks add at the same moment may count once.
    pub fn add(&self, server: ServerId, elapsed: Duration) {
        while self.by_server.count() <= server.0 {
            self.by_server.push(AtomicU64::new(0));
        }
        let Some(average) = self.by_server.get(server.0) else { return };
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
        let old = average.load(Ordering::Relaxed);
        let new = if old == 0 { us } else { (old * (SHARE - 1) + us) / SHARE };
        average.store(new.max(1), Ordering::Relaxed);
    }

    /// In microseconds; 0: nothing is known.
    pub fn get_us(&self, server: ServerId) -> u64 {
        self.by_server.get(server.0).map_or(0, |average| average.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows() {
        let (latencies, server) = (Latencies::default(), ServerId(3));
        assert_eq!(latencies.get_us(server), 0);
        latencies.add(server, Duration::from_millis(8));
        assert_eq!(latencies.get_us(server), 8000);
        (0..200).for_each(|_| latencies.add(server, Duration::from_millis(1)));
        assert!((1000..1100).contains(&latencies.get_us(server)));
        latencies.add(server, Duration::MAX);
        assert_eq!(latencies.get_us(ServerId(2)), 0);
    }
}
