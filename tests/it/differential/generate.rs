//! Makes a case from a seed.

use super::{
    case::{Case, How, Op, Step},
    pools::{ASK, PREPARED, PROLOGUE, READ, SET, SETUP, SEVERAL, STATEFUL, TRANSACTION, WORDS, WRITE, WRONG},
    random::Random,
};
use crate::support::cluster::Kind;

const CLIENTS: usize = 3;
const BURSTS: usize = 30;

/// What clients log in with; the first is the common one.
const LOGINS: &[&str] = &[
    "modern",
    "modern+session_track",
    "plain",
    "plain+multi",
    "plain+multi+session_track+found_rows",
    "modern+found_rows",
    "modern-deprecate_eof+session_track",
    "plain+deprecate_eof+ignore_space+interactive",
];

/// The same case for the same seed, for ever.
pub fn case(kind: Kind, seed: u64) -> Case {
    case_with_keepers(kind, seed, CLIENTS)
}

/// Without what docs/differences.md says of two connections for a session, and of such as go from hand to hand: what a user variable
/// or a parameter is shown as goes on MySQL by when and with what the statement was prepared, wherever that was; on MariaDB, what
/// a statement has set for itself is reported with a later one of its connection.
fn without_own(mut case: Case) -> Case {
    const OWN: [(&str, &str); 5] = [
        ("SELECT @a, ?", "SELECT @a IS NULL, ?"),
        ("SELECT ?, ?, ?", "SELECT ?, ? IS NULL, ?"),
        ("CONCAT(?, 'x')", "LENGTH(CONCAT(?, 'x'))"),
        (" NOWAIT", ""),
        ("SET STATEMENT div_precision_increment = 9 FOR ", ""),
    ];
    for step in &mut case.steps {
        if let Op::Prepare(_, text) | Op::Query(text) = &mut step.op {
            for (own, other) in OWN {
                *text = text.replace(own, other);
            }
        }
    }
    case
}

/// The same for so few server connections that only the first `keepers` clients may keep one when it is another's turn.
/// The others end what would keep it: their transaction, and the whole session if it has more than can be carried.
pub fn case_with_keepers(kind: Kind, seed: u64, keepers: usize) -> Case {
    let mut generator =
        Generator { random: Random(seed), kind, steps: Vec::new(), prepared: vec![Vec::new(); CLIENTS] };
    let clients = (0..CLIENTS).map(|i| if i == 0 { LOGINS[0] } else { generator.random.pick(LOGINS) }.to_owned());
    let clients: Vec<_> = clients.collect();
    generator.setup(keepers);
    for _ in 0..BURSTS {
        let client = generator.random.below(CLIENTS);
        let burst = generator.steps.len();
        for _ in 0..=generator.random.below(6) {
            generator.step(client);
        }
        let keeps = client < keepers;
        if !keeps && generator.steps[burst..].iter().any(|step| leaves_what_is_not_carried(&step.op)) {
            let end = generator.end_of_session(burst);
            generator.push(client, end);
        }
        // Others rarely wait for its locks: a second each time.
        if !(keeps && generator.random.one_in(4)) {
            let end = generator.random.pick(&["COMMIT", "ROLLBACK"]);
            generator.push(client, Op::Query(end.to_owned()));
        }
    }
    let case = Case { kind: Some(kind), clients, steps: generator.steps };
    without_own(case)
}

/// What makes a statement comparable that asks about, or shows, what earlier ones have left behind on the connection
/// where they ran: docs/differences.md has the corners.
fn before(text: &str) -> Option<&'static str> {
    const ASKS: &[&str] =
        &["SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT", "_count", "DIAGNOSTICS", "ROW_COUNT", "FOUND_ROWS()"];
    match text {
        _ if text.starts_with("CALL") => Some("DO 0"),
        _ if ASKS.iter().any(|ask| text.contains(ask)) => Some("SELECT n, s + 0 FROM {s} ORDER BY id"),
        _ => None,
    }
}

/// Whether a session may have to keep its server connection after this. Rather too often than not.
fn leaves_what_is_not_carried(op: &Op) -> bool {
    const MARKS: &[&str] = &[
        "CALL",
        "_F(",
        "TEMPORARY",
        "_LOCK",
        "LOCK TABLES",
        "HANDLER",
        "PREPARE",
        "EXECUTE",
        "XA ",
        "ROLE",
        "SEED",
        "TIMESTAMP",
        "INSERT_ID",
        "RAND(",
        "STATEMENT ",
        "SET_VAR",
        "UPDATE SHARED",
        "DUPLICATE KEY",
        "JOIN SHARED",
        "; ",
        "SEQ",
        "SIGNAL",
        "ABSENT(",
        "SESSION TRANSACTION READ",
    ];
    let (Op::Query(text) | Op::Prepare(_, text)) = op else { return false };
    let text = text.to_uppercase();
    MARKS.iter().any(|mark| text.contains(mark)) || text.replace("@@", "").contains('@')
}

struct Generator {
    random: Random,
    kind: Kind,
    steps: Vec<Step>,
    /// Names of each client's prepared statements with what they are executed with.
    prepared: Vec<Vec<(String, &'static str)>>,
}

impl Generator {
    fn setup(&mut self, keepers: usize) {
        for text in SETUP {
            for c in 0..if text.contains("{c}") { CLIENTS } else { 1 } {
                self.push(0, Op::Query(text.replace("{c}", &c.to_string())));
            }
        }
        if keepers == 0 {
            self.push(0, Op::Reconnect);
        }
        (0..CLIENTS).for_each(|client| self.push(client, Op::Query(PROLOGUE.into())));
    }

    fn push(&mut self, client: usize, op: Op) {
        self.steps.push(Step { client, op });
    }

    fn step(&mut self, client: usize) {
        let op = match self.random.below(100) {
            0..25 => self.query(READ, client),
            25..38 => self.query(WRITE, client),
            38..52 => self.query(SET, client),
            52..64 => self.query(ASK, client),
            64..72 => self.query(TRANSACTION, client),
            72..80 => self.query(STATEFUL, client),
            80..83 => self.query(WRONG, client),
            83..87 => self.query(SEVERAL, client),
            87..96 => return self.binary(client),
            _ => self.command(),
        };
        if let Op::Query(text) = &op
            && let Some(first) = before(text)
        {
            let first = self.fill(first.to_owned(), client);
            self.push(client, Op::Query(first));
        }
        // A statement executed in another schema than its own makes the servers report that they went there and back.
        if matches!(&op, Op::InitDb(_)) || matches!(&op, Op::Query(text) if text.starts_with("USE")) {
            self.prepared[client].clear();
        }
        self.push(client, op);
    }

    /// What makes a client's session a new one. A role outlives a reset.
    fn end_of_session(&mut self, burst: usize) -> Op {
        let role = self.steps[burst..].iter().any(|step| matches!(&step.op, Op::Query(text) if text.contains("ROLE")));
        match self.random.below(3) {
            0 if !role => Op::ResetConnection,
            1 => Op::ChangeUser("{db}".into()),
            _ => Op::Reconnect,
        }
    }

    fn query(&mut self, pool: &[&str], client: usize) -> Op {
        Op::Query(self.text(pool, client))
    }

    fn text(&mut self, pool: &[&str], client: usize) -> String {
        let other = self.kind.pick("mysql|", "mariadb|");
        let mut text = self.random.pick(pool);
        while text.starts_with(other) {
            text = self.random.pick(pool);
        }
        let text = text.trim_start_matches(self.kind.pick("mariadb|", "mysql|")).to_owned();
        self.fill(text, client)
    }

    fn fill(&mut self, mut text: String, client: usize) -> String {
        text = text.replace("{t}", &format!("t{client}")).replace("{s}", "shared");
        while text.contains("{n}") {
            text = text.replacen("{n}", &(1 + self.random.below(9)).to_string(), 1);
        }
        while text.contains("{w}") {
            text = text.replacen("{w}", self.random.pick(WORDS), 1);
        }
        text
    }

    /// A statement prepared, executed in one of the ways, and now and then closed.
    fn binary(&mut self, client: usize) {
        if self.prepared[client].is_empty() || self.random.one_in(2) {
            let (text, values) = PREPARED[self.random.below(PREPARED.len())];
            let text = self.fill(text.to_owned(), client);
            let name = format!("s{}", self.random.below(4));
            self.prepared[client].retain(|(other, _)| *other != name);
            self.prepared[client].push((name.clone(), values));
            self.push(client, Op::Prepare(name, text));
        }
        let at = self.random.below(self.prepared[client].len());
        let (name, values) = self.prepared[client][at].clone();
        if values == "long" {
            let data = "x".repeat(self.random.below(100_000));
            self.push(client, Op::LongData(name.clone(), 0, data));
        }
        let values = values.split(' ').filter(|value| !value.is_empty()).map(str::to_owned).collect();
        match self.random.below(10) {
            0 => {
                self.push(client, Op::Execute(name.clone(), How::Cursor, values));
                self.push(client, Op::Fetch(name.clone(), 1));
                self.push(client, Op::Fetch(name.clone(), 100));
                // Executed without a cursor after this, MySQL 9.7 sends an OK where the rows should begin, and no more.
                self.prepared[client].remove(at);
                self.push(client, Op::Close(name));
            }
            1 => {
                self.prepared[client].remove(at);
                self.push(client, Op::Close(name));
            }
            2 => self.push(client, Op::ResetStatement(name)),
            3 => {
                self.push(client, Op::Execute(name.clone(), How::Rebind, values.clone()));
                self.push(client, Op::Execute(name, How::Keep, values));
            }
            _ => self.push(client, Op::Execute(name, How::Rebind, values)),
        }
    }

    fn command(&mut self) -> Op {
        match self.random.below(16) {
            0 | 1 => Op::ResetConnection,
            2 | 3 => Op::ChangeUser("{db}".into()),
            4 => Op::ChangeUser(self.random.pick(&["", "{db}"]).to_owned()),
            5 | 6 => Op::InitDb(self.random.pick(&["{db}", "app_missing", "{db}2"]).to_owned()),
            7 => Op::FieldList(self.random.pick(&["shared", "absent", "t0"]).to_owned()),
            8 => Op::Statistics,
            9 => Op::Ping,
            10 => Op::ProcessInfo,
            11 | 12 => Op::SetOption(u16::try_from(self.random.below(3)).unwrap()),
            13 => Op::Byte(*[0x00, 0x05, 0x0b, 0x0f, 0x10, 0x1d].get(self.random.below(6)).unwrap()),
            14 => Op::ResetStatement("none".into()),
            _ => Op::Reconnect,
        }
    }
}
