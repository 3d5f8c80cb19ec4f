use super::{fill::Subject, writing::IN_DOUBT, *};
use crate::{
    cache::{Reply, Terms, dependencies::Definitions, stamps::slot},
    sql::{Dialect, Flavor},
    wire::{
        capability::{CapabilityFlags, StatusFlags},
        ok::{self, Ok as OkPacket},
        packet,
    },
};

const POLICY: Policy = Policy::lasting(Duration::from_secs(60));

fn reply(rows: usize) -> Reply {
    let (mut out, mut seq) = (Vec::new(), 1);
    let mut push = |payload: &[u8]| seq = packet::push(&mut out, seq, payload);
    push(&[1]);
    push(b"\x03def definition");
    (0..rows).for_each(|_| push(b"\x03abc"));
    let status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    let mut end = Vec::new();
    let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: b"" };
    ok.push(&mut end, ok::END_HEADER, CapabilityFlags::all());
    push(&end);
    Reply::of(out, CapabilityFlags::all()).unwrap()
}

fn store() -> Arc<Store> {
    let store = Store::default();
    store.apply(Settings { max_bytes: 1 << 20, ..Settings::default() }, true);
    let dialect = Dialect::under(b"", Flavor::MySql { version: 90_000 });
    store.reach(Dependencies::of(&Definitions::default(), dialect));
    store.learn(0);
    store.place(store.wants_place().unwrap(), &Need::default());
    Arc::new(store)
}

fn table(name: &str) -> Slot {
    slot(b"app", name.as_bytes())
}

/// A read that is on its way.
struct Read {
    fill: Fill,
    about: Subject,
}

/// What comes of it.
#[derive(Default)]
struct Told {
    reply: Option<Reply>,
    cost: Duration,
    had: Option<Arc<Position>>,
}

impl Read {
    fn keep(mut self, told: Told, policy: Policy) -> Option<Arc<Entry>> {
        self.about.terms = terms(&self.fill.store, policy);
        let since = Instant::now().checked_sub(told.cost).unwrap();
        let new = New { reply: told.reply, digest: 1, since, had: told.had.as_ref(), must: &Position::default() };
        self.fill.keep(self.about, new)
    }
}

fn terms(store: &Store, policy: Policy) -> Arc<Terms> {
    Arc::new(Terms::of(store, &"r".into(), &[], policy))
}

fn read(store: &Arc<Store>, key: &[u8], slots: &[Slot]) -> Read {
    let Found::Miss(fill) = find(store, key, &POLICY) else { panic!("there is one") };
    let about = fill.depends_on(slots.into(), &terms(store, POLICY)).unwrap();
    Read { fill, about }
}

fn miss(store: &Arc<Store>, key: &[u8]) -> Read {
    read(store, key, &[EVERYTHING, table("t")])
}

fn new(rows: usize) -> Told {
    Told { reply: Some(reply(rows)), cost: Duration::from_millis(5), had: None }
}

fn find(store: &Arc<Store>, key: &[u8], policy: &Policy) -> Found {
    store.find(Asked::new(key, &store.hasher), policy, false, None)
}

fn hits(store: &Arc<Store>, key: &[u8], policy: &Policy) -> bool {
    matches!(find(store, key, policy), Found::Hit(_))
}

#[tokio::test]
async fn an_answer_is_given_until_its_tables_are_written() {
    let store = store();
    miss(&store, b"k").keep(new(2), POLICY);
    assert!(hits(&store, b"k", &POLICY) && !hits(&store, b"other", &POLICY));
    store.begin_write(vec![table("u")]).end(None);
    assert!(hits(&store, b"k", &POLICY));
    let writing = store.begin_write(vec![table("t")]);
    assert!(!hits(&store, b"k", &POLICY), "while it is being written");
    writing.end(None);
    assert!(!hits(&store, b"k", &POLICY));
    miss(&store, b"k").keep(new(2), POLICY);
    assert!(hits(&store, b"k", &POLICY));
    store.invalidate_all(Cause::Order);
    assert!(!hits(&store, b"k", &POLICY));
}

#[tokio::test]
async fn what_was_read_before_a_write_is_not_kept_after_it() {
    let store = store();
    for whole in [true, false] {
        let fill = miss(&store, b"k");
        let writing = store.begin_write(vec![table("t")]);
        if whole {
            writing.end(None);
            assert!(fill.keep(new(1), POLICY).is_none());
        } else {
            assert!(fill.keep(new(1), POLICY).is_none());
            writing.end(None);
        }
        assert!(!hits(&store, b"k", &POLICY));
    }
    // A read that begins while the write is under way.
    let writing = store.begin_write(vec![table("t")]);
    let fill = miss(&store, b"k");
    writing.end(None);
    assert!(fill.keep(new(1), POLICY).is_none());
    assert!(!hits(&store, b"k", &POLICY));
    assert_eq!(store.figures("r").outrun.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_fill_must_have_seen_the_last_write_of_its_tables() {
    let store = store();
    let need = |name: &str| Need::clone(&read(&store, name.as_bytes(), &[EVERYTHING, table(name)]).about.need);
    assert_eq!(need("t"), Need::default());
    let (first, second) = (Position::parse(b"0-1-7").unwrap(), Position::parse(b"0-1-9").unwrap());
    store.begin_write(vec![table("t")]).end(Some(&Need::at(&first)));
    store.begin_write(vec![table("t"), table("u")]).end(Some(&Need::at(&second)));
    assert_eq!(need("t"), Need::at(&second));
    assert_eq!(need("other"), Need::default());
    store.begin_write(vec![table("u")]).end(Some(&Need::unknown()));
    assert!(need("u").is_primary() && !need("t").is_primary());
    store.begin_write(vec![EVERYTHING]).end(Some(&Need::at(&Position::parse(b"0-1-12").unwrap())));
    assert_eq!(need("other").position, Position::parse(b"0-1-12").unwrap());
}

#[tokio::test]
async fn a_write_whose_end_nobody_saw_keeps_its_tables_closed_for_a_while() {
    let store = store();
    miss(&store, b"k").keep(new(2), POLICY);
    drop(store.begin_write(vec![table("t")]));
    assert!(!hits(&store, b"k", &POLICY));
    miss(&store, b"k").keep(new(2), POLICY);
    assert!(!hits(&store, b"k", &POLICY), "what is read now may be from before it");
    tokio::time::sleep(2 * IN_DOUBT).await;
    miss(&store, b"k").keep(new(2), POLICY);
    assert!(hits(&store, b"k", &POLICY));
}

#[tokio::test]
async fn what_a_rule_does_not_want_is_not_kept_and_nobody_waits_for_it() {
    let store = store();
    for (policy, new) in [
        (Policy { empty: false, ..POLICY }, new(0)),
        (Policy { min_cost: Duration::from_secs(1), ..POLICY }, new(1)),
        (Policy { max_bytes: Some(100), ..POLICY }, new(1)),
        (POLICY, Told { reply: None, ..new(1) }),
    ] {
        miss(&store, b"k").keep(new, policy);
        assert!(matches!(find(&store, b"k", &POLICY), Found::Unfit));
        store.invalidate_all(Cause::Order);
    }
}

#[tokio::test]
async fn void_answers_keep_no_others_out() {
    let store = store();
    let policy = Policy { max_bytes: Some(1200), ..POLICY };
    let keep = |key: &[u8]| miss(&store, key).keep(new(2), policy).is_some();
    assert_eq!([b"1", b"2", b"3"].map(|key| keep(key)), [true, true, false], "there is room for two");
    store.begin_write(vec![table("t")]).end(None);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!([b"4", b"5", b"6"].map(|key| keep(key)), [true, true, false]);
}

#[tokio::test]
async fn an_old_answer_serves_while_another_is_fetched_or_where_none_can_be() {
    let store = store();
    let policy = Policy {
        ttl: Duration::from_millis(20),
        stale_while_revalidate: Duration::from_secs(60),
        stale_if_error: Duration::from_secs(60),
        ..POLICY
    };
    miss(&store, b"k").keep(new(2), policy);
    assert!(hits(&store, b"k", &policy));
    tokio::time::sleep(Duration::from_millis(30)).await;
    let Found::Miss(fill) = find(&store, b"k", &policy) else { panic!("one goes") };
    assert!(fill.has_fallback() && hits(&store, b"k", &policy), "the others have the old one");
    drop(fill);
    store.begin_write(vec![table("t")]).end(None);
    let Found::Miss(fill) = find(&store, b"k", &policy) else { panic!() };
    assert!(!fill.has_fallback(), "what was written since is void, however old");
    let ahead = Policy { refresh_ahead: Duration::from_secs(50), ..POLICY };
    miss(&store, b"j").keep(new(2), ahead);
    assert!(hits(&store, b"j", &ahead));
    let ahead = Policy { refresh_ahead: Duration::from_secs(60), ..POLICY };
    let Found::Miss(_fill) = find(&store, b"j", &ahead) else { panic!("it is fetched ahead of its end") };
    assert!(!matches!(find(&store, b"j", &ahead), Found::Miss(_)));
}

#[tokio::test]
async fn memory_is_bounded() {
    let store = store();
    for n in 0..20_000_u32 {
        miss(&store, &n.to_le_bytes()).keep(new(20), POLICY);
    }
    let (entries, bytes) = store.size();
    assert!(bytes <= 1 << 20 && entries > 100, "{entries} entries, {bytes} bytes");
    let figures = store.figures("r");
    let (now, evicted) = (figures.bytes.load(Ordering::Relaxed), figures.evicted.load(Ordering::Relaxed));
    assert!(u64::try_from(now).unwrap() == bytes && evicted > 0, "{now} {bytes}");
}

#[tokio::test]
async fn what_is_void_or_over_is_cleared_away() {
    let store = store();
    let short = Policy { ttl: Duration::from_millis(20), ..POLICY };
    miss(&store, b"void").keep(new(2), POLICY);
    store.begin_write(vec![table("t")]).end(None);
    miss(&store, b"over").keep(new(2), short);
    miss(&store, b"good").keep(new(2), POLICY);
    tokio::time::sleep(2 * short.ttl).await;
    assert_eq!((store.size().0, store.entries().len()), (3, 1));
    store.sweep();
    let (entries, bytes) = store.size();
    let figures = store.figures("r");
    let of_rule = u64::try_from(figures.bytes.load(Ordering::Relaxed)).unwrap();
    assert_eq!((entries, of_rule, figures.evicted.load(Ordering::Relaxed)), (1, bytes, 1));
    assert!(hits(&store, b"good", &POLICY));
}

#[test]
fn an_answer_of_any_allowed_length_is_kept() {
    let (max_bytes, longest) = (64_u64 << 20, 1_usize << 20);
    let entries = entries(&Settings { max_bytes, max_entry_bytes: longest, ..Settings::default() });
    assert_eq!((entries.num_shards(), entries.capacity()), (8, max_bytes));
    assert!(entries.shard_capacity() >= 8 * longest as u64);
    let small = super::entries(&Settings { max_bytes: 100, max_entry_bytes: longest, ..Settings::default() });
    assert_eq!((small.num_shards(), small.capacity()), (1, 100));
}

#[test]
fn nothing_is_answered_before_it_is_known_what_views_reach() {
    let store = store();
    assert_eq!(store.closed(), None);
    let before = store.schema_changes();
    store.schema_changed();
    assert_eq!(store.closed(), Some(Why::Dependencies));
    store.learn(before);
    assert_eq!(store.closed(), Some(Why::Dependencies), "it was asked before the change");
    store.learn(store.schema_changes());
    assert_eq!(store.closed(), None);
    store.apply(Settings { follow_log: true, ..Settings::default() }, true);
    assert_eq!(store.closed(), Some(Why::StaleLog));
    store.set_log(true);
    assert_eq!(store.closed(), None);
}

#[tokio::test]
async fn what_was_written_unwatched_is_the_primarys_until_its_place_is_known() {
    let store = store();
    let need = |key: &[u8]| Need::clone(&miss(&store, key).about.need);
    assert!(!need(b"k").is_primary());
    store.invalidate_all(Cause::Lost);
    let first = store.wants_place().unwrap();
    assert!(need(b"k").is_primary());
    store.invalidate_all(Cause::Lost);
    store.place(first, &Need::default());
    assert!(need(b"k").is_primary(), "more was written since it was asked");
    let here = Position::parse(b"0-1-7").unwrap();
    store.place(store.wants_place().unwrap(), &Need::at(&here));
    assert_eq!((need(b"k"), store.wants_place()), (Need::at(&here), None));
    // An order is about a write, too.
    store.invalidate(vec![table("t")], None, Cause::Order);
    assert!(need(b"k").is_primary());
}

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn position(numbers: &str) -> Position {
    Position::parse(format!("{UUID}:{numbers}").as_bytes()).unwrap()
}

fn read_at(numbers: &str) -> Told {
    Told { had: Some(position(numbers).into()), ..new(1) }
}

#[tokio::test]
async fn an_answer_says_what_may_be_seen_in_it() {
    let store = store();
    store.account_for(&position("1-5"));
    store.begin_write(vec![table("u")]).end(Some(&Need::at(&position("6"))));
    store.begin_write(vec![table("t")]).end(Some(&Need::at(&position("3"))));
    let kept = miss(&store, b"k").keep(read_at("1-8"), POLICY).unwrap();
    assert_eq!(*kept.position, position("1-8"), "what its server had");
    assert_eq!(*kept.seen, position("3:7-8"), "the last write of its table, and what nobody told of");
    assert_eq!(*kept.foreign, position("7-8"));
    assert_eq!(kept.untold_at, None);
    assert_eq!(store.foreign_in(&position("1-9")), position("7-9"));
    store.begin_write(vec![table("t")]).end_part(&Need::at(&position("7")));
    assert_eq!(store.foreign_in(&position("7")), position("7"), "more of it may follow");
    store.account_for(&position("7"));
    assert!(store.foreign_in(&position("7")).is_empty());
    store.positions_lost();
    assert_eq!(store.foreign_in(&position("1-9")), position("1-9"));
}

#[tokio::test]
async fn an_answer_knows_when_nobody_told_where_its_table_was_written() {
    let store = store();
    store.begin_write(vec![table("t")]).end(Some(&Need::unknown()));
    let kept = miss(&store, b"k").keep(read_at("1"), POLICY).unwrap();
    assert!(kept.untold_at.is_some_and(|at| at <= Instant::now()));
}

#[tokio::test]
async fn what_came_lately_is_void_where_another_primary_may_lack_it() {
    let store = store();
    miss(&store, b"old").keep(new(1), POLICY);
    let flying = miss(&store, b"flying");
    store.void_since(Instant::now() + 2 * TOLD_IN);
    assert!(hits(&store, b"old", &POLICY), "it came before");
    assert!(flying.keep(new(1), POLICY).is_none() && !hits(&store, b"flying", &POLICY));
    store.void_since(Instant::now());
    assert!(!hits(&store, b"old", &POLICY));
    miss(&store, b"new").keep(new(1), POLICY);
    assert!(hits(&store, b"new", &POLICY));
}

/// A view over `t`.
fn with_a_view() -> Dependencies {
    let view = ["app", "v", "SELECT n FROM t"].map(String::from);
    let dialect = Dialect::under(b"", Flavor::MySql { version: 90_000 });
    Dependencies::of(&Definitions { views: vec![view], ..Definitions::default() }, dialect)
}

fn keep_view(store: &Arc<Store>, key: &[u8]) {
    assert!(read(store, key, &[EVERYTHING, table("v")]).keep(new(1), POLICY).is_some());
}

#[tokio::test]
async fn what_is_found_out_again_holds_until_then() {
    let store = store();
    store.reach(with_a_view());
    keep_view(&store, b"k");
    store.schema_changed();
    store.begin_write(vec![table("t")]).end(Some(&Need::default()));
    store.learn(store.schema_changes());
    assert!(!hits(&store, b"k", &POLICY), "TRUNCATE t changes a schema, and v");
}

#[tokio::test]
async fn what_reaches_more_is_told_when_that_is_known() {
    let store = store();
    keep_view(&store, b"k");
    store.reach(with_a_view());
    assert!(!hits(&store, b"k", &POLICY), "t may have been written meanwhile");
    store.reach(with_a_view());
    keep_view(&store, b"k");
    store.reach(with_a_view());
    assert!(hits(&store, b"k", &POLICY), "nothing has changed");
    store.reach(Dependencies::default());
    let writing = store.begin_write(vec![table("t")]);
    store.reach(with_a_view());
    keep_view(&store, b"k");
    writing.end(Some(&Need::default()));
    assert!(!hits(&store, b"k", &POLICY), "it was not known when the write began");
}

#[test]
fn a_rule_that_says_less_counts() {
    let store = store();
    read(&store, b"k", &[EVERYTHING]).keep(Told { cost: Duration::from_secs(3), ..new(1) }, POLICY);
    assert!(hits(&store, b"k", &Policy { ttl: Duration::from_secs(5), ..POLICY }));
    assert!(!hits(&store, b"k", &Policy { ttl: Duration::from_secs(2), ..POLICY }), "it was asked for 3 s ago");
}

#[tokio::test]
async fn who_comes_back_meanwhile_is_no_reason_to_go_again() {
    let store = store();
    let [k, other] = [&b"k"[..], b"other"].map(|key| Asked::new(key, &store.hasher));
    let flying = miss(&store, b"k");
    let landed = store.landed(k);
    assert!(matches!(store.glance(k, &POLICY, Instant::now()), Glance::Nothing), "another looks");
    assert!(flying.keep(new(1), POLICY).is_some());
    assert!(matches!(store.go(k, &POLICY, landed), Found::Hit(_)), "and goes no more");
    assert!(matches!(store.go(other, &POLICY, store.landed(other)), Found::Miss(_)));
}

#[tokio::test]
async fn what_answers_bear_is_made_once() {
    let store = store();
    let had = Arc::new(position("1-8"));
    let keep = |key: &[u8]| miss(&store, key).keep(Told { had: Some(Arc::clone(&had)), ..new(1) }, POLICY).unwrap();
    let (one, other) = (keep(b"1"), keep(b"2"));
    assert!(Arc::ptr_eq(&one.position, &other.position) && one.bytes > other.bytes);
    store.account_for(&position("1-5"));
    assert_eq!((&*one.foreign, &*keep(b"3").foreign), (&position("1-8"), &position("6-8")), "more is known by now");
    store.begin_write(vec![table("t")]).end(Some(&Need::at(&position("9"))));
    assert_eq!(*keep(b"4").position, position("1-9"), "what it must have seen, it had");
    let same = Arc::new(Position::clone(&had));
    let five = miss(&store, b"5").keep(Told { had: Some(same), ..new(1) }, POLICY).unwrap();
    assert!(Arc::ptr_eq(&five.position, &keep(b"6").position), "equal is the same");
}

#[tokio::test]
async fn what_must_be_seen_adds_up() {
    let store = store();
    store.place(0, &Need::at(&position("1-3")));
    let need = |names: [&str; 2]| read(&store, b"k", &names.map(table)).about.need.position.clone();
    assert_eq!(need(["t", "u"]), position("1-3"));
    for (name, at) in [("t", "5"), ("u", "6"), ("t", "7")] {
        store.begin_write(vec![table(name)]).end(Some(&Need::at(&position(at))));
    }
    assert_eq!(need(["t", "x"]), position("1-3:5:7"));
    assert_eq!(need(["t", "u"]), position("1-3:5-7"));
    assert_eq!(need(["u", "x"]), position("1-3:6"));
    store.place(0, &Need::at(&position("1-6")));
    assert_eq!(need(["t", "u"]), position("1-7"));
    assert_eq!(need(["u", "x"]), position("1-6"));
}
