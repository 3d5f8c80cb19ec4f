//! Framing, plain and compressed.
use super::Source;
use crate::wire::{
    compress::{self, Algorithm, Method},
    packet::{FrameError, Front, HEADER_BYTES, Header, front_of, join, push_of},
};

/// Framing with packets of a few bytes in the place of 16 MiB.
pub fn packets(data: &[u8]) {
    let mut source = Source::new(data);
    let scale = Scale {
        full_bytes: 1 + source.below(32),
        seq: source.byte(),
        any_seq: source.byte().is_multiple_of(8),
        limit_bytes: source.below(600),
    };
    let cuts = [source.below(1000), source.below(1000), source.below(1000)];
    let payload = source.rest;
    let mut stream = Vec::new();
    let next = push_of(scale.full_bytes, &mut stream, scale.seq, payload);
    let packets = payload.len() / scale.full_bytes + 1;
    assert_eq!(stream.len(), payload.len() + packets * HEADER_BYTES, "packets of {scale:?}");
    assert_eq!(next, scale.seq.wrapping_add(packets as u8));
    let found = scale.check(&stream, &cuts);
    match found {
        Ok(Some((total_bytes, whole))) => assert_eq!((total_bytes, &whole[..]), (stream.len(), payload)),
        other => assert!(payload.len() > scale.limit_bytes, "a pushed payload is not found: {other:?}"),
    }
    let _ = scale.check(payload, &cuts);
}

#[derive(Debug, Clone, Copy)]
struct Scale {
    full_bytes: usize,
    seq: u8,
    any_seq: bool,
    limit_bytes: usize,
}

/// Bytes taken and the joined payload; `None`: not all there.
type Found = Result<Option<(usize, Vec<u8>)>, FrameError>;

impl Scale {
    /// The stream cut off at several places: always what a plain reading gives. Returns what the whole stream gives.
    fn check(self, stream: &[u8], cuts: &[usize]) -> Found {
        let ends = (0..stream.len().min(40)).chain(cuts.iter().map(|cut| cut % (stream.len() + 1)));
        let whole = self.at(stream);
        for end in ends {
            let part = self.at(&stream[..end]);
            match (&part, &whole) {
                (Ok(None), _) => {}
                (part, whole) => assert_eq!(part, whole, "what {end} bytes tell does not change with more"),
            }
        }
        whole
    }

    fn at(self, stream: &[u8]) -> Found {
        let expected = self.model(stream);
        let found = match front_of(self.full_bytes, stream, (!self.any_seq).then_some(self.seq), self.limit_bytes) {
            Ok(Front::Incomplete { missing_bytes }) => {
                assert!(missing_bytes > 0, "nothing is missing of {stream:?}");
                Ok(None)
            }
            Ok(Front::Single { payload_bytes, .. }) => {
                let total = HEADER_BYTES + payload_bytes;
                Ok(Some((total, stream[HEADER_BYTES..total].to_vec())))
            }
            Ok(Front::Several { total_bytes, payload_bytes, .. }) => {
                Ok(Some((total_bytes, join(&stream[..total_bytes], payload_bytes))))
            }
            Err(error) => Err(error),
        };
        assert_eq!(found, expected, "{self:?} in {stream:?}");
        found
    }

    /// The same, as simply as it can be said.
    fn model(self, stream: &[u8]) -> Found {
        let (mut at, mut payload, mut seq) = (0, Vec::new(), self.seq);
        loop {
            let Some(header) = Header::read(&stream[at..]) else { return Ok(None) };
            if header.seq != seq && !self.any_seq {
                return Err(FrameError::OutOfOrder { expected: seq, got: header.seq });
            }
            if payload.len() + header.payload_bytes > self.limit_bytes {
                return Err(FrameError::TooLarge { limit_bytes: self.limit_bytes });
            }
            let body = at + HEADER_BYTES;
            let Some(part) = stream.get(body..body + header.payload_bytes) else { return Ok(None) };
            payload.extend_from_slice(part);
            at = body + header.payload_bytes;
            if header.payload_bytes < self.full_bytes {
                return Ok(Some((at, payload)));
            }
            seq = seq.wrapping_add(1);
        }
    }
}

/// Compressed packets: what is sent comes back, and nothing takes more memory than its header announces.
pub fn compressed(data: &[u8]) {
    let mut source = Source::new(data);
    let seq = source.byte();
    let method = match source.byte() % 32 {
        level @ 0..=9 => Method { algorithm: Algorithm::Zlib, level },
        level => Method { algorithm: Algorithm::Zstd, level: level - 9 },
    };
    let repeat = 1 + source.below(20);
    let plain = source.rest.repeat(repeat);
    let mut sent = Vec::new();
    let next = compress::push(&mut sent, seq, &plain, method);
    assert_eq!(next, seq.wrapping_add(u8::from(!plain.is_empty())), "one packet is enough");
    let mut back = b"before".to_vec();
    match compress::pull(&sent, seq, method.algorithm, &mut back).expect("what was pushed can be pulled") {
        None => assert!(plain.is_empty()),
        Some(consumed) => assert_eq!((consumed, &back[6..]), (sent.len(), &plain[..])),
    }
    any(source.rest, source.rest.get(3).copied().unwrap_or(0), method.algorithm);
    // A stream of one's own making, with a length that lies, or with a byte that is another.
    let lie = source.rest.first().copied().unwrap_or(1);
    let at = source.rest.get(1).map_or(4, |at| usize::from(*at).max(4));
    for at in [4, at] {
        let mut sent = sent.clone();
        if let Some(byte) = sent.get_mut(at) {
            *byte = byte.wrapping_add(lie);
            any(&sent, seq, method.algorithm);
        }
    }
}

fn any(stream: &[u8], seq: u8, algorithm: Algorithm) {
    let mut plain = b"before".to_vec();
    let pulled = compress::pull(stream, seq, algorithm, &mut plain);
    assert!(plain.starts_with(b"before"));
    match (pulled, compress::Header::read(stream)) {
        (Ok(Some(consumed)), Some(header)) => {
            let announced = if header.plain_bytes == 0 { header.sent_bytes } else { header.plain_bytes };
            assert_eq!(plain.len() - 6, announced);
            assert!(plain.len() - 6 <= header.max_bytes());
            assert_eq!(consumed, compress::HEADER_BYTES + header.sent_bytes);
        }
        (Ok(Some(_)), None) => panic!("a packet without a header"),
        (Ok(None) | Err(_), _) => assert_eq!(plain, b"before"),
    }
}
