//! What must hold for whatever comes out of a socket: functions for the targets of `fuzz/`. They panic where it does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "a panic is the message")]
mod channel;

pub use channel::channels;

use std::{
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::io::AsyncReadExt;

use super::proxy_header::{self, HeaderError};

/// The first byte is where the rest is cut. What comes behind a header is left for its reader, wherever the cut is.
pub fn proxy_headers(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let (front, behind) = stream.split_at(usize::from(cut).min(stream.len()));
    let mut whole = stream;
    let told = read_now(&mut whole);
    let in_two = read_now(&mut front.chain(behind));
    assert_eq!(format!("{told:?}"), format!("{in_two:?}"), "cut at {cut}");
    if told.is_ok() {
        let header_bytes = stream.len() - whole.len();
        assert!((15..=16 + 4096).contains(&header_bytes), "a header of {header_bytes} bytes");
        let again = read_now(&mut &stream[..header_bytes]);
        assert_eq!(format!("{told:?}"), format!("{again:?}"), "the header alone says the same");
    }
}

/// Bytes that are all there make nobody wait.
fn read_now(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderError> {
    let read = pin!(proxy_header::read(stream));
    match read.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(told) => told,
        Poll::Pending => panic!("it waits"),
    }
}
