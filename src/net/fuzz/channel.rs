//! The channel of a client: what it reads does not depend on how the bytes come.
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

use crate::{
    net::{Channel, Stream},
    wire::{
        compress::{self, Algorithm, Method},
        fuzz::Source,
        packet,
    },
};

/// What was read, and why it ended.
type Heard = (Vec<Vec<u8>>, String);

/// Payloads, plain or compressed, cut anywhere, sound or corrupted. Wherever the reads end, the same is read; of sound
/// bytes all that was sent; and nothing that is longer than allowed.
pub fn channels(data: &[u8]) {
    let mut source = Source::new(data);
    let case = Case::from(&mut source);
    let payloads: Vec<Vec<u8>> = case.payloads(&mut source);
    let mut bytes = case.packed(&payloads, &mut source);
    for _ in 0..case.corruptions {
        let at = source.below(bytes.len().clamp(1, 65_536));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = source.byte();
        }
    }
    let whole = case.read(&bytes, bytes.len().max(1));
    let cut = case.read(&bytes, case.piece_bytes);
    assert_eq!(whole, cut, "in pieces of {}: {case:?}", case.piece_bytes);
    let (heard, end) = whole;
    assert!(heard.iter().all(|payload| payload.len() <= case.limit_bytes), "longer than allowed: {case:?}");
    if case.corruptions == 0 {
        let fit: Vec<_> = payloads.iter().take_while(|payload| payload.len() <= case.limit_bytes).collect();
        assert!(heard.iter().eq(fit), "{case:?} {payloads:?} {heard:?} {end}");
        assert_eq!(case.sent(&payloads), heard_by_model(&payloads, &case), "what a channel sends, a channel reads");
    }
}

fn heard_by_model(payloads: &[Vec<u8>], case: &Case) -> Vec<Vec<u8>> {
    payloads.iter().filter(|payload| payload.len() <= case.limit_bytes).cloned().collect()
}

#[derive(Debug)]
struct Case {
    method: Option<Method>,
    piece_bytes: usize,
    corruptions: usize,
    limit_bytes: usize,
}

impl Case {
    fn from(source: &mut Source<'_>) -> Case {
        let method = match source.byte() % 3 {
            0 => None,
            1 => Some(Method { algorithm: Algorithm::Zlib, level: 1 + source.byte() % 9 }),
            _ => Some(Method { algorithm: Algorithm::Zstd, level: 1 + source.byte() % 4 }),
        };
        let piece_bytes = 1 + source.below(100);
        Case { method, piece_bytes, corruptions: source.below(16).saturating_sub(8), limit_bytes: source.below(5000) }
    }

    fn payloads(&self, source: &mut Source<'_>) -> Vec<Vec<u8>> {
        (0..source.below(6)).map(|_| source.bytes(40).repeat(1 + source.below(30))).collect()
    }

    /// The bytes on the wire: the packets are compressed in parts that end anywhere.
    fn packed(&self, payloads: &[Vec<u8>], source: &mut Source<'_>) -> Vec<u8> {
        let (mut plain, mut seq) = (Vec::new(), 0);
        for payload in payloads {
            seq = packet::push(&mut plain, seq, payload);
        }
        let Some(method) = self.method else { return plain };
        let (mut rest, mut packed, mut seq) = (&plain[..], Vec::new(), 0);
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(1 + source.below(300)));
            seq = compress::push(&mut packed, seq, part, method);
            rest = behind;
        }
        packed
    }

    fn channel(&self, stream: UnixStream) -> Channel {
        let mut channel = Channel::new(Stream::Unix(stream));
        if let Some(method) = self.method {
            channel.compress(method);
        }
        channel
    }

    fn read(&self, bytes: &[u8], piece_bytes: usize) -> Heard {
        wait_for(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let writing = async move {
                for piece in bytes.chunks(piece_bytes) {
                    if theirs.write_all(piece).await.is_err() {
                        return;
                    }
                    // What is there is read before more comes.
                    tokio::task::yield_now().await;
                }
                let _ = theirs.shutdown().await;
                let _ = theirs.read_to_end(&mut Vec::new()).await;
            };
            let reading = async move {
                let (mut channel, mut heard) = (self.channel(ours), Vec::new());
                loop {
                    match channel.read(self.limit_bytes).await {
                        Ok(payload) => heard.push(payload),
                        Err(error) => return (heard, error.to_string()),
                    }
                }
            };
            tokio::join!(writing, reading).1
        })
    }

    /// What arrives of the payloads that another channel sends, without those that are too long.
    fn sent(&self, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
        wait_for(async {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let (mut sender, mut receiver, mut heard) = (self.channel(ours), self.channel(theirs), Vec::new());
            for payload in payloads.iter().filter(|payload| payload.len() <= self.limit_bytes) {
                sender.push(payload);
                sender.flush().await.unwrap();
                heard.push(receiver.read(self.limit_bytes).await.unwrap());
            }
            heard
        })
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
