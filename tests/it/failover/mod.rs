//! The primary dies, or another server becomes it: who waits, who is told what, and that nothing acknowledged is lost.

mod fenced;
mod history;
pub mod house;
mod killed;
mod load;
mod lost_writes;
mod name;
mod switchover;
mod waiting;

use std::collections::HashSet;

use self::load::Memory;

/// Both kinds of server, each with a cluster of the test's own.
macro_rules! both_own {
    ($name:ident) => {
        #[test]
        fn mariadb() {
            $name(crate::support::cluster::Kind::MariaDb);
        }

        #[test]
        fn mysql() {
            $name(crate::support::cluster::Kind::MySql);
        }
    };
}
pub(crate) use both_own;

/// Whatever was acknowledged is stored, nothing is that nobody wrote, and no transaction by half. Clients whose number divides
/// by `transactions` wrote two rows in each.
fn judge(memories: &[Memory], stored: &HashSet<(u32, u32)>, transactions: u32) {
    let mut told = HashSet::new();
    for memory in memories {
        for (n, _) in &memory.done {
            assert!(stored.contains(&(memory.who, *n)), "acknowledged and lost: row {n} of client {}", memory.who);
        }
        told.extend(memory.done.iter().map(|(n, _)| (memory.who, *n)));
        told.extend(memory.in_doubt.iter().map(|n| (memory.who, *n)));
    }
    for row in stored {
        assert!(told.contains(row), "a row that was refused is there: {row:?}");
        let (who, n) = *row;
        if who % transactions == 0 {
            let other = if n % 2 == 0 { n - 1 } else { n + 1 };
            assert!(stored.contains(&(who, other)), "half a transaction: {row:?}");
        }
    }
    assert!(!stored.is_empty());
}
