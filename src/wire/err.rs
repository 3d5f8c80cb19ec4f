//! ERR packets.
use super::{Malformed, capability::CapabilityFlags};

/// An ERR packet, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Err<'a> { pub code: u16, /// Five characters; `HY000` if the packet bears none (before PROTOCOL_41 is known).
    pub sql_state: [u8; 5], pub message: &'a [u8] }

impl<'a> Err<'a> {
    /// Payload with its 0xff header. The `#state` marker is optional.
    pub fn parse(payload: &'a [u8]) -> Result<Err<'a>, Malformed> { todo!() }
    /// `with_state`: false only for an error sent before the client's capabilities are known (in place of the handshake).
    pub fn push(&self, out: &mut Vec<u8>, with_state: bool) { todo!() }
}
