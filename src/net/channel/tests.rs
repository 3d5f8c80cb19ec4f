use tokio::net::UnixStream;

use super::*;
use crate::wire::compress::{Algorithm, Method};

const ZSTD: Method = Method { algorithm: Algorithm::Zstd, level: 3 };

fn pair(method: Method) -> (Channel, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut channel = Channel::new(Stream::Unix(ours));
    channel.compress(method);
    (channel, theirs)
}

#[tokio::test]
async fn payloads_cross_a_compressed_channel_both_ways() {
    for method in [Method::ZLIB, ZSTD] {
        let (mut client, server) = pair(method);
        let mut server = Channel::new(Stream::Unix(server));
        server.compress(method);
        for payload in [vec![1; 3], vec![2; 5_000], vec![3; 17 << 20], Vec::new(), vec![4; 60]] {
            client.begin_command();
            server.begin_command();
            let sent = async {
                client.push(&payload);
                client.flush().await.unwrap();
                client.read(1).await.unwrap()
            };
            let answered = async {
                let got = server.take_payload(32 << 20).await.unwrap();
                assert!(got == payload, "{method:?}: {} bytes of {}", got.len(), payload.len());
                server.push(b"k");
                server.flush().await.unwrap();
            };
            let (answer, ()) = tokio::join!(sent, answered);
            assert_eq!(answer, b"k", "{method:?}");
        }
    }
}

/// What a few kilobytes stand for is not unpacked before it is asked for.
#[tokio::test]
async fn packets_are_unpacked_one_by_one() {
    const PLAIN_BYTES: usize = 1 << 20;
    let (mut channel, mut peer) = pair(ZSTD);
    let mut one = Vec::new();
    compress::push(&mut one, 0, &vec![0; PLAIN_BYTES], ZSTD);
    let sent = one.repeat(15);
    assert!(sent.len() < READ_BYTES, "all of it comes in one read: {}", sent.len());
    peer.write_all(&sent).await.unwrap();
    for packets in 1..=15 {
        assert_eq!(channel.fill().await.unwrap(), PLAIN_BYTES, "packet {packets}");
        assert_eq!(channel.received().len(), packets * PLAIN_BYTES);
    }
}

#[tokio::test]
async fn a_packet_that_announces_too_much_is_refused_at_its_header() {
    const MAX: usize = 1 << 20;
    for method in [Method::ZLIB, ZSTD] {
        // Sent length, then what it would unpack to.
        for header in [b"\xff\xff\xff\x00\x00\x00\x00", b"\x10\x00\x00\x00\xff\xff\xff"] {
            let (mut channel, mut peer) = pair(method);
            peer.write_all(header).await.unwrap();
            let refused = channel.take_payload(MAX).await;
            assert!(
                matches!(refused, Err(ChannelError::Frame(FrameError::TooLarge { .. }))),
                "{method:?} {header:02x?}: {refused:?}"
            );
        }
        // The longest payload and its header still fit.
        let (mut channel, peer) = pair(method);
        let mut peer = Channel::new(Stream::Unix(peer));
        peer.compress(Method { level: 1, ..method });
        peer.push(&vec![9; MAX]);
        peer.flush().await.unwrap();
        assert_eq!(channel.take_payload(MAX).await.unwrap().len(), MAX, "{method:?}");
    }
}

/// What a slow client has waiting is the window, not twice as much.
#[tokio::test]
async fn the_rest_of_a_read_does_not_double_the_buffer() {
    const WINDOW_BYTES: usize = 256 << 10;
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut channel = Channel::new(Stream::Unix(ours));
    channel.set_window(WINDOW_BYTES);
    let sender = tokio::spawn(async move { theirs.write_all(&vec![7; 8 << 20]).await });
    let mut left = 8 << 20;
    while left > 0 {
        let bytes = channel.fill().await.unwrap();
        assert!(bytes <= WINDOW_BYTES, "one read brought {bytes} bytes");
        let capacity = channel.received.capacity();
        assert!(capacity <= WINDOW_BYTES + WINDOW_BYTES / 16, "a buffer of {capacity} bytes");
        left -= bytes;
        let rest = channel.received().len().min(3);
        channel.consume(channel.received().len() - rest);
    }
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_long_payload_goes_behind_what_was_pushed() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut sender, mut receiver) = (Channel::new(Stream::Unix(ours)), Channel::new(Stream::Unix(theirs)));
    for bytes in [1, LONG_BYTES - 1, LONG_BYTES, packet::MAX_PAYLOAD_BYTES, 40 << 20] {
        let payload: Bytes = (0..bytes).map(|at| at.to_le_bytes()[at % 3]).collect::<Vec<u8>>().into();
        sender.begin_command();
        sender.push(b"before");
        sender.push_last(&payload);
        let (sent, received) = tokio::join!(sender.flush(), async {
            receiver.begin_command();
            let before = receiver.take_payload(64 << 20).await.unwrap();
            (before, receiver.take_payload(64 << 20).await.unwrap())
        });
        sent.unwrap();
        assert_eq!(received.0, "before");
        assert!(received.1 == payload, "{bytes} bytes came as {}", received.1.len());
        assert_eq!(receiver.seq, sender.seq, "{bytes} bytes");
        assert!(receiver.received.capacity() <= KEEP_BYTES, "the buffer of {bytes} bytes is kept");
    }
}
