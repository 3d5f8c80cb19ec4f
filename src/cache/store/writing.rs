//! Writes under way, and the answers that they make void.

use std::{sync::Arc, time::Duration};

use super::{
    super::{figures::Cause, stamps::Slot},
    Need, Store,
};

/// A write whose end nobody saw may still end on its server for so long.
pub(super) const IN_DOUBT: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 10_000 });

/// A write under way; when it ends, what it has written is void.
#[derive(Debug)]
pub struct Writing {
    pub(super) store: Arc<Store>,
    pub(super) slots: Vec<Slot>,
    pub(super) is_over: bool,
}

impl Writing {
    /// The write has ended. `need`: where, if it can have changed anything.
    pub fn end(mut self, need: Option<&Need>) {
        self.is_over = true;
        self.store.end_write(&self.slots, need);
        self.store.invalidations.count(Cause::Write);
        if let Some(need) = need {
            self.store.account_for(&need.position);
        }
    }

    /// The same for some of what a transaction has written: more may follow.
    pub fn end_part(mut self, need: &Need) {
        self.is_over = true;
        self.store.end_write(&self.slots, Some(need));
    }
}

impl Store {
    fn end_write(&self, slots: &[Slot], need: Option<&Need>) {
        // It may have become known meanwhile that they reach more.
        let all = self.reached(slots.to_vec());
        if let Some(need) = need {
            self.note_position(&all, need);
        }
        if all.len() > slots.len() {
            self.stamps.touch(&all);
        }
        self.stamps.end(slots);
    }
}

/// Nobody has seen its end: it may still be on its way to it.
impl Drop for Writing {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (store, slots) = (Arc::clone(&self.store), std::mem::take(&mut self.slots));
        store.note_position(&slots, &Need::unknown());
        let end = async move {
            tokio::time::sleep(IN_DOUBT).await;
            store.end_write(&slots, None);
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(end);
        }
    }
}
