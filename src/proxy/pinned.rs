//! Why a session keeps its connection: told to whoever waits for one, and to the log when it changes.

use super::client::Client;
use crate::{session::Pins, topology::ServerId, wire::command::byte};

impl Client {
    /// A command has been served, which began with this byte.
    pub(super) fn note_pins(&self, command: u8) {
        let handle = &self.place.handle;
        let before = handle.pins();
        let now = self.reasons(before, command);
        if now == before {
            return;
        }
        let server = self.state.home.map_or(ServerId(0), ServerId);
        handle.set_pins(server, now);
        match now.is_empty() {
            true => tracing::debug!(client = handle.id, "no longer pinned"),
            false => {
                let pins = now.names().collect::<Vec<_>>().join(",");
                tracing::debug!(client = handle.id, server = %self.name_of(server), pins, "pinned");
            }
        }
    }

    fn reasons(&self, before: Pins, command: u8) -> Pins {
        let mut pins = self.state.pins();
        if pins.contains(Pins::TRANSACTION) {
            // What is reported of the present one is not about the next.
            pins.remove(Pins::NEXT_TRANSACTION);
        }
        if self.begun_later.is_some() {
            // It has no connection yet.
            pins.remove(Pins::TRANSACTION);
        }
        let flavor = self.state.dialect().flavor;
        pins.set(Pins::USER_VARIABLE, self.user_variables.as_ref().is_some_and(|own| own.are_stuck(flavor)));
        pins.set(Pins::VARIABLE, self.state.has_uncarried());
        // Sessions may have many statements: they are looked through only where one of them may have changed.
        let of_statements = Pins::CURSOR | Pins::LONG_DATA;
        let about_statements =
            (byte::STMT_EXECUTE..=byte::STMT_RESET).contains(&command) || command == byte::STMT_FETCH;
        if about_statements || before.intersects(of_statements) {
            let (cursor, long_data) = self.statements.holds();
            pins.set(Pins::CURSOR, cursor);
            pins.set(Pins::LONG_DATA, long_data);
        }
        pins
    }
}
