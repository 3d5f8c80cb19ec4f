//! The connection phase: what is read is written the same, and read again.
use super::Source;
use crate::wire::{
    capability::CapabilityFlags,
    handshake::{
        AuthReply, ChangeUser, FirstPacket, Greeting, parse_auth_reply, push_auth_switch, push_auth_switch_bare,
    },
};

/// Greeting, login, change of user and the replies between login and OK.
pub fn handshake(data: &[u8]) {
    let mut source = Source::new(data);
    let which = source.byte() % 4;
    let capabilities = CapabilityFlags::from_bits_retain(source.u32());
    let (payload, mut out) = (source.rest, Vec::new());
    match which {
        0 => {
            let Ok(greeting) = Greeting::parse(payload) else { return };
            greeting.push(&mut out);
            assert_eq!(Greeting::parse(&out), Ok(greeting));
        }
        1 => match FirstPacket::parse(payload) {
            Ok(FirstPacket::Login(login)) => {
                login.push(&mut out);
                assert_eq!(FirstPacket::parse(&out), Ok(FirstPacket::Login(login.clone())));
                out.clear();
                login.push_ssl_request(&mut out);
                assert!(matches!(FirstPacket::parse(&out), Ok(FirstPacket::Ssl { .. })));
            }
            Ok(FirstPacket::Ssl { .. }) => assert_eq!(payload.len(), 32),
            Ok(FirstPacket::Old) | Err(_) => {}
        },
        2 => {
            let Ok(change) = ChangeUser::parse(payload, capabilities) else { return };
            change.push(&mut out, capabilities);
            assert_eq!(ChangeUser::parse(&out, capabilities), Ok(change));
        }
        _ => {
            let Ok(AuthReply::Switch { plugin, nonce }) = parse_auth_reply(payload) else { return };
            // Twenty bytes have a zero behind them.
            let push = if nonce.len() == 20 { push_auth_switch } else { push_auth_switch_bare };
            push(&mut out, plugin, nonce);
            assert_eq!(parse_auth_reply(&out), Ok(AuthReply::Switch { plugin, nonce }));
        }
    }
}
