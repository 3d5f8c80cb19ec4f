//! What an OK reports of the session.

use forebay::wire::{
    capability::{CapabilityFlags, StatusFlags},
    ok::{Ok as OkPacket, push_session_change, session_changes},
};

/// MariaDB reports several changed variables in the order of its hash table, which depends on how many it tracks.
pub fn sort_tracked(payload: &mut Vec<u8>) {
    let capabilities = CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_SESSION_TRACK;
    let Ok(ok) = OkPacket::parse(payload, capabilities) else { return };
    // MySQL says at times that the state has changed and then names nothing: pushed anew, such an OK says nothing.
    let says = ok.status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED);
    if !says {
        return;
    }
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for change in session_changes(ok.session) {
        let Ok(change) = change else { return };
        let mut entry = Vec::new();
        push_session_change(&mut entry, &change);
        entries.push(entry);
    }
    entries.sort();
    let mut sorted = Vec::new();
    OkPacket { session: &entries.concat(), ..ok }.push(&mut sorted, payload[0], capabilities);
    *payload = sorted;
}
