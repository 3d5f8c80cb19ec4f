//! Log lines that anybody can cause: so many in a second, the others are counted.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lines that pass within [`WINDOW`].
const LINES: u64 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// Bounds one kind of log line, so that a flood of clients fills no disk.
#[derive(Debug, Default)]
pub struct Seldom {
    window: Mutex<Option<Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    lines: u64,
}

impl Seldom {
    /// [`Seldom::pass`] at this moment.
    pub fn due(&self) -> Option<u64> {
        self.pass(Instant::now())
    }

    /// `Some`: the line may be logged; how many were held back before it belongs into it.
    pub fn pass(&self, now: Instant) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some(Window { began, lines }) if now.saturating_duration_since(*began) < WINDOW => {
                *lines += 1;
                (*lines <= LINES).then_some(0)
            }
            before => {
                let held_back = before.map_or(0, |window| window.lines.saturating_sub(LINES));
                *before = Some(Window { began: now, lines: 1 });
                Some(held_back)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_told_with_the_next_line() {
        let seldom = Seldom::default();
        let start = Instant::now();
        let passed = (0..1000).filter_map(|ms| seldom.pass(start + Duration::from_millis(ms) / 2)).count();
        assert_eq!(passed, 10);
        assert_eq!(seldom.pass(start + Duration::from_secs(1)), Some(990));
        assert_eq!(seldom.pass(start + Duration::from_secs(1)), Some(0));
        assert_eq!(seldom.pass(start + Duration::from_secs(9)), Some(0));
    }
}
