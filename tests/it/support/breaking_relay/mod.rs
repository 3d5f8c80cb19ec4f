//! A TCP relay that breaks where it is told to: between Forebay and a server, or between a client and Forebay.
//!
//! It knows no protocol, only bytes. What it is told holds for the connection that comes next, for every later one, or for
//! one that stands; it counts what passes, and keeps it if asked to, so that a test can say "after so many bytes".

mod pump;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::endpoint::Endpoint;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    ToServer,
    ToClient,
}

impl Way {
    pub const BOTH: [Way; 2] = [Way::ToServer, Way::ToClient];
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Both sides see the end of the stream, both ways.
    Cut,
    /// Both sides get a RST.
    Reset,
    /// The receiver sees the end of the stream; the other way goes on.
    HalfClose,
    /// Nothing passes this way any more, and nobody is told; the other way goes on.
    Stall,
}

impl Fault {
    pub const ALL: [Fault; 4] = [Fault::Cut, Fault::Reset, Fault::HalfClose, Fault::Stall];
}

/// In what pieces bytes pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    #[default]
    AsTheyCome,
    OneByOne,
    /// Each piece this much later.
    Delayed(Duration),
}

/// What is to happen to a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// Exactly so many bytes pass this way, and then this happens.
    pub strike: Option<(Way, u64, Fault)>,
    pub pace: Pace,
}

impl Plan {
    pub fn strike(way: Way, after: u64, fault: Fault) -> Plan {
        Plan { strike: Some((way, after, fault)), ..Plan::default() }
    }

    pub fn pace(pace: Pace) -> Plan {
        Plan { pace, ..Plan::default() }
    }
}

/// Listens on a port of loopback until dropped; connections that stand go on.
#[derive(Debug)]
pub struct BreakingRelay {
    pub port: u16,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Debug)]
struct Shared {
    behind: u16,
    records: AtomicBool,
    plans: Mutex<Plans>,
    links: Mutex<Vec<Arc<Link>>>,
}

#[derive(Debug, Default)]
struct Plans {
    next: Option<Plan>,
    every: Plan,
}

/// One connection through the relay.
#[derive(Debug, Default)]
pub struct Link {
    plan: Mutex<Plan>,
    changed: Notify,
    passed: [AtomicU64; 2],
    struck: AtomicBool,
    ended: AtomicBool,
    record: Option<[Mutex<Vec<u8>>; 2]>,
}

impl BreakingRelay {
    /// In front of a port of loopback.
    pub fn in_front_of(behind: u16) -> BreakingRelay {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Endpoint::HOST, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            behind,
            records: AtomicBool::default(),
            plans: Mutex::default(),
            links: Mutex::default(),
        });
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        BreakingRelay { port, shared, runtime: Some(runtime) }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.port)
    }

    /// For the connection that comes next, and no other.
    pub fn next(&self, plan: Plan) {
        self.shared.plans.lock().unwrap().next = Some(plan);
    }

    /// For every connection from now on.
    pub fn every(&self, plan: Plan) {
        self.shared.plans.lock().unwrap().every = plan;
    }

    /// Whether later connections keep what passes.
    pub fn record(&self, records: bool) {
        self.shared.records.store(records, Ordering::SeqCst);
    }

    /// The connections since the last call of this, in the order in which they came.
    pub fn take_links(&self) -> Vec<Arc<Link>> {
        // A plan is for a connection of the present case, or for none.
        self.shared.plans.lock().unwrap().next = None;
        std::mem::take(&mut self.shared.links.lock().unwrap())
    }

    /// How many connections there have been since they were taken.
    pub fn links(&self) -> Vec<Arc<Link>> {
        self.shared.links.lock().unwrap().clone()
    }
}

impl Drop for BreakingRelay {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Link {
    /// Bytes that have passed so far.
    pub fn passed(&self, way: Way) -> u64 {
        self.passed[way as usize].load(Ordering::SeqCst)
    }

    /// What has passed so far, if it was to be kept.
    pub fn recorded(&self, way: Way) -> Vec<u8> {
        self.record.as_ref().map(|record| record[way as usize].lock().unwrap().clone()).unwrap_or_default()
    }

    /// After so many bytes more (0: at once).
    pub fn strike(&self, way: Way, after: u64, fault: Fault) {
        self.plan.lock().unwrap().strike = Some((way, self.passed(way) + after, fault));
        self.changed.notify_waiters();
    }

    /// Whether the fault has happened.
    pub fn struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }

    /// Whether both its sockets are closed.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let record = shared.records.load(Ordering::SeqCst).then(Default::default);
        let plan = {
            let mut plans = shared.plans.lock().unwrap();
            plans.next.take().unwrap_or(plans.every)
        };
        let link = Arc::new(Link { plan: Mutex::new(plan), record, ..Link::default() });
        shared.links.lock().unwrap().push(Arc::clone(&link));
        let behind = shared.behind;
        tokio::spawn(async move {
            // A server that is not there: the client sees its connection closed.
            if let Ok(server) = TcpStream::connect((Endpoint::HOST, behind)).await {
                let nodelay = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
                if nodelay.is_ok() {
                    pump::both(client, server, &link).await;
                }
            }
            link.ended.store(true, Ordering::SeqCst);
        });
    }
}
