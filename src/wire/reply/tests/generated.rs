//! Replies made up packet by packet: the tracker ends exactly at the last one.
use super::*;
use crate::wire::capability::CapabilityFlags;

/// One step of a reply.
#[derive(Debug, Clone)]
enum Step {
    /// A row, in as many packets as it needs; `firsts` are the first bytes of those behind the first.
    Row {
        first: u8,
        payload_bytes: usize,
        continued: u8,
    },
    Whole(Vec<u8>, Kind),
    FileSent,
}

fn ok(header: u8, more: bool, session: Vec<u8>, info: Vec<u8>, bits: u16) -> Vec<u8> {
    let mut status = StatusFlags::from_bits_retain(bits);
    status.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, more);
    let ok = Ok {
        affected_rows: u64::from(bits) << 9,
        last_insert_id: 0,
        status,
        warnings: bits,
        info: &info,
        session: &session,
    };
    let mut out = Vec::new();
    ok.push(&mut out, header, CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_SESSION_TRACK);
    out
}

fn some_ok(header: u8, kind: Kind) -> impl Strategy<Value = (Step, Step)> {
    let fields = (prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..9), any::<u16>());
    fields.prop_map(move |(session, info, bits)| {
        let step = |more| Step::Whole(ok(header, more, session.clone(), info.clone(), bits), kind);
        (step(false), step(true))
    })
}

/// A row that begins with anything a row may begin with, of any length that needs special care.
fn some_row() -> impl Strategy<Value = Step> {
    let short = (0u8..0xfe, 1usize..300, any::<u8>());
    let lengths = prop_oneof![
        Just(MAX_PAYLOAD_BYTES),
        Just(MAX_PAYLOAD_BYTES + 1),
        Just(2 * MAX_PAYLOAD_BYTES),
        Just(3 * MAX_PAYLOAD_BYTES - 1)
    ];
    let firsts = prop_oneof![Just(0u8), NULL_CELL..=0xfe];
    let continued = prop_oneof![Just(0u8), 0xfbu8..];
    prop_oneof![9 => short, 1 => (firsts, lengths, continued)].prop_map(|(first, payload_bytes, continued)| Step::Row {
        first,
        payload_bytes,
        continued,
    })
}

fn rows() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(some_row(), 0..12)
}

fn definitions(count: usize) -> impl Iterator<Item = Step> {
    (1..=count).map(move |i| Step::Whole(ID.to_vec(), Kind::Definition { last: i == count }))
}

/// One result, as (if it is the last, if more follow).
fn some_result() -> impl Strategy<Value = (Vec<Step>, Vec<Step>)> {
    let set = (1usize..400, rows(), some_ok(0xfe, Kind::End)).prop_map(|(columns, rows, (end, more))| {
        let mut count = Vec::new();
        crate::wire::lenenc::push_int(&mut count, columns as u64);
        let mut steps = vec![Step::Whole(count, Kind::ColumnCount(columns as u64))];
        steps.extend(definitions(columns));
        steps.extend(rows);
        ([&steps[..], &[end]].concat(), [&steps[..], &[more]].concat())
    });
    let no_set = some_ok(0, Kind::Ok).prop_map(|(end, more)| (vec![end], vec![more]));
    let file = (prop::collection::vec(any::<u8>(), 0..9), some_ok(0, Kind::Ok)).prop_map(|(name, (end, more))| {
        let steps = [Step::Whole([&[0xfb], &name[..]].concat(), Kind::LocalInfile), Step::FileSent];
        ([&steps[..], &[end]].concat(), [&steps[..], &[more]].concat())
    });
    prop_oneof![2 => set, 1 => no_set, 1 => file]
}

fn some_results() -> impl Strategy<Value = Vec<Step>> {
    (prop::collection::vec(some_result(), 0..4), some_result())
        .prop_map(|(before, (last, _))| before.into_iter().flat_map(|(_, with_more)| with_more).chain(last).collect())
}

fn some_prepare() -> impl Strategy<Value = Vec<Step>> {
    (0u16..300, 0u16..300).prop_map(|(columns, parameters)| {
        let [a, b] = columns.to_le_bytes();
        let [c, d] = parameters.to_le_bytes();
        let ok = Step::Whole(vec![0, 1, 0, 0, 0, a, b, c, d, 0, 0, 0], Kind::PrepareOk);
        [ok].into_iter().chain(definitions(parameters.into())).chain(definitions(columns.into())).collect()
    })
}

fn some_reply() -> impl Strategy<Value = (Expect, Vec<Step>)> {
    let fetch = (rows(), some_ok(0xfe, Kind::End)).prop_map(|(rows, (end, _))| [&rows[..], &[end]].concat());
    let fields = (0usize..9, some_ok(0xfe, Kind::End)).prop_map(|(columns, (end, _))| {
        let definition = Step::Whole(ID.to_vec(), Kind::Definition { last: false });
        [&vec![definition; columns][..], &[end]].concat()
    });
    let text = "[ -~]{0,40}".prop_map(|text| vec![Step::Whole(text.into_bytes(), Kind::Text)]);
    let plain = prop_oneof![some_ok(0, Kind::Ok), some_ok(0xfe, Kind::Ok)].prop_map(|(end, _)| vec![end]);
    prop_oneof![
        4 => some_results().prop_map(|steps| (Expect::Results, steps)),
        1 => some_prepare().prop_map(|steps| (Expect::Prepare, steps)),
        1 => fetch.prop_map(|steps| (Expect::Rows, steps)),
        1 => fields.prop_map(|steps| (Expect::Columns, steps)),
        1 => text.prop_map(|steps| (Expect::Text, steps)),
        1 => plain.prop_map(|steps| (Expect::Ok, steps)),
    ]
}

/// Takes one step and checks what the tracker says about it. Gives the number of rows.
fn take(tracker: &mut ReplyTracker, step: &Step) -> u64 {
    match step {
        Step::FileSent => tracker.infile_sent(),
        Step::Whole(payload, kind) => {
            let header = Header { payload_bytes: payload.len(), seq: 0 };
            assert_eq!(tracker.begin(header, payload.first().copied()), Ok(Packet::Whole));
            assert_eq!(tracker.whole(payload), Ok(*kind));
        }
        Step::Row { first, payload_bytes, continued } => {
            assert!(tracker.in_rows());
            let (mut rest, mut first) = (*payload_bytes, *first);
            loop {
                let part = rest.min(MAX_PAYLOAD_BYTES);
                let header = Header { payload_bytes: part, seq: 0 };
                assert_eq!(tracker.begin(header, (part > 0).then_some(first)), Ok(Packet::Row));
                assert!(!tracker.done());
                (rest, first) = (rest - part, *continued);
                if part < MAX_PAYLOAD_BYTES {
                    return 1;
                }
            }
        }
    }
    0
}

fn follow(expect: Expect, steps: &[Step]) {
    let mut tracker = ReplyTracker::new(expect, MariaDbCapabilities::empty());
    let mut rows = 0;
    for step in steps {
        assert!(!tracker.done(), "done before {step:?}");
        rows += take(&mut tracker, step);
    }
    assert!(tracker.done(), "not done after the last packet");
    assert_eq!(tracker.rows(), rows);
    assert!(tracker.begin(Header { payload_bytes: 1, seq: 0 }, Some(0)).is_err());
}

proptest! {
    #[test]
    fn a_reply_ends_at_its_last_packet((expect, steps) in some_reply()) {
        follow(expect, &steps);
    }

    #[test]
    fn an_error_ends_a_reply_wherever_it_stands((expect, steps) in some_reply(), at: prop::sample::Index) {
        let mut steps = steps;
        steps.truncate(at.index(steps.len()));
        steps.push(Step::Whole(ERR.to_vec(), Kind::Err));
        follow(expect, &steps);
    }

    #[test]
    fn any_packets_never_panic(
        which in 0usize..6,
        packets in prop::collection::vec((prop::collection::vec(prop_oneof![any::<u8>(), Just(0u8), 0xfau8.., 0u8..4], 0..12), any::<bool>()), 0..20),
        capabilities: u32,
    ) {
        let expect = [Expect::Results, Expect::Prepare, Expect::Rows, Expect::Columns, Expect::Text, Expect::Ok][which];
        let mut tracker = ReplyTracker::new(expect, MariaDbCapabilities::from_bits_retain(capabilities));
        for (payload, full) in packets {
            let payload_bytes = if full { MAX_PAYLOAD_BYTES } else { payload.len() };
            let was_done = tracker.done();
            let begun = tracker.begin(Header { payload_bytes, seq: 0 }, payload.first().copied());
            prop_assert!(!was_done || begun.is_err());
            let _ = tracker.whole(&payload);
            tracker.infile_sent();
        }
    }
}
