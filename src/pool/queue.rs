//! Who waits for a connection: first come, first served within a user, and the users in turn, so that one who wants much
//! does not starve the others.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Waiters in fair order.
#[derive(Debug)]
pub(super) struct Queue<W> {
    /// Users who have waiters, in the order of their turns.
    turns: VecDeque<Arc<str>>,
    waiters: HashMap<Arc<str>, VecDeque<W>>,
    len: usize,
}

impl<W> Queue<W> {
    pub fn new() -> Self {
        Queue { turns: VecDeque::new(), waiters: HashMap::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, user: &Arc<str>, waiter: W) {
        let of_user = self.waiters.entry(Arc::clone(user)).or_default();
        if of_user.is_empty() {
            self.turns.push_back(Arc::clone(user));
        }
        of_user.push_back(waiter);
        self.len += 1;
    }

    /// The next in turn.
    pub fn pop(&mut self) -> Option<W> {
        let user = self.turns.pop_front()?;
        let of_user = self.waiters.get_mut(&user)?;
        let waiter = of_user.pop_front();
        if of_user.is_empty() {
            self.waiters.remove(&user);
        } else {
            self.turns.push_back(user);
        }
        self.len -= usize::from(waiter.is_some());
        waiter
    }

    /// Drops those who wait no more.
    pub fn retain(&mut self, mut waits: impl FnMut(&W) -> bool) {
        self.waiters.retain(|_, of_user| {
            of_user.retain(&mut waits);
            !of_user.is_empty()
        });
        let waiters = &self.waiters;
        self.turns.retain(|user| waiters.contains_key(user));
        self.len = self.waiters.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_take_turns_and_within_a_user_the_first_is_first() {
        let mut queue = Queue::new();
        let (greedy, modest): (Arc<str>, Arc<str>) = ("greedy".into(), "modest".into());
        for at in 0..3 {
            queue.push(&greedy, ("greedy", at));
        }
        queue.push(&modest, ("modest", 0));
        assert_eq!(queue.len(), 4);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [("greedy", 0), ("modest", 0), ("greedy", 1), ("greedy", 2)]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn who_waits_no_more_takes_no_turn() {
        let mut queue = Queue::new();
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        queue.push(&one, 1);
        queue.push(&two, 2);
        queue.push(&two, 3);
        queue.retain(|waiter| *waiter == 3);
        assert_eq!((queue.len(), queue.pop(), queue.pop()), (1, Some(3), None));
    }
}
