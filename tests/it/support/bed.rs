//! What most tests stand on: a kind's shared servers, and a shared Forebay in front of them.

use std::sync::OnceLock;

use super::{
    cluster::{Cluster, Kind},
    endpoint::Endpoint,
    forebay::{Forebay, Settings},
};

/// The shared servers of a kind and the way to them.
#[derive(Debug)]
pub struct Bed {
    pub kind: Kind,
    pub cluster: &'static Cluster,
}

impl Bed {
    pub fn of(kind: Kind) -> Bed {
        Bed { kind, cluster: Cluster::shared(kind) }
    }

    /// The primary itself.
    pub fn direct(&self) -> Endpoint {
        self.cluster.direct()
    }

    /// Forebay as most people will run it. With `FOREBAY_TEST_DIRECT=1` the primary instead: then the comparisons test
    /// themselves, since two direct runs must not differ either.
    pub fn forebay(&self) -> Endpoint {
        self.endpoint(Flavour::Session)
    }

    /// Forebay where every read sees every write acknowledged before, whoever wrote.
    pub fn global_forebay(&self) -> Endpoint {
        self.endpoint(Flavour::Global)
    }

    /// Forebay with few server connections, which every session lets go of after every statement.
    pub fn sharing_forebay(&self) -> Endpoint {
        self.endpoint(Flavour::Sharing)
    }

    /// The same with one, two or four connections to each server. They are for one test at a time: sessions that wait for one
    /// another's locks, or hold connections while they ask for more, wait in vain if others' hold the rest.
    pub fn few_forebay(&self, connections: usize) -> Endpoint {
        self.endpoint(match connections {
            1 => Flavour::One,
            2 => Flavour::Two,
            4 => Flavour::Four,
            _ => panic!("no Forebay with {connections} connections"),
        })
    }

    /// Two connections to each server for everybody, and what one wrote all see.
    pub fn crowded_forebay(&self) -> Endpoint {
        self.endpoint(Flavour::Crowded)
    }

    /// Forebay that answers from memory whatever may be.
    pub fn caching_forebay(&self) -> Endpoint {
        self.endpoint(Flavour::Caching)
    }

    /// The process of [`Bed::crowded_forebay`], if it runs.
    pub fn crowded_pid(&self) -> Option<u32> {
        self.cell(Flavour::Crowded).get().map(Forebay::pid)
    }

    /// The first by its Unix socket.
    pub fn forebay_socket(&self) -> Endpoint {
        let forebay = self.forebay();
        let socket = self.cell(Flavour::Session).get().map(|forebay| forebay.socket.clone());
        socket.map_or(forebay, Endpoint::socket)
    }

    /// Direct, then through Forebay.
    pub fn both(&self) -> [(&'static str, Endpoint); 2] {
        [("direct", self.direct()), ("forebay", self.forebay())]
    }

    /// Nothing has panicked so far.
    pub fn assert_sound(&self) {
        for forebay in Flavour::ALL.iter().filter_map(|flavour| self.cell(*flavour).get()) {
            forebay.assert_sound();
        }
    }

    fn endpoint(&self, flavour: Flavour) -> Endpoint {
        if direct_only() {
            return self.direct();
        }
        let start = || {
            let global = matches!(flavour, Flavour::Global | Flavour::Crowded);
            let consistency = if global { "global" } else { "session" };
            let more = flavour.pool().map(|pool| format!("pool: {{{pool}}}\n")).unwrap_or_default();
            let rules = if flavour == Flavour::Caching { CACHE_ALL.to_owned() } else { String::new() };
            let settings = Settings { consistency, more, rules, ..Settings::default() };
            let forebay = Forebay::start(self.cluster, &settings);
            forebay.wait_until_serving();
            forebay
        };
        self.cell(flavour).get_or_init(start).endpoint.clone()
    }

    fn cell(&self, flavour: Flavour) -> &'static OnceLock<Forebay> {
        static CELLS: [OnceLock<Forebay>; 2 * Flavour::ALL.len()] = [const { OnceLock::new() }; 2 * Flavour::ALL.len()];
        &CELLS[self.kind.pick(0, 1) + 2 * flavour as usize]
    }
}

const CACHE_ALL: &str = "rules: [{name: all, match: {kind: select}, cache: {ttl: 10m}}]\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Session,
    Global,
    Sharing,
    One,
    Two,
    Four,
    Crowded,
    Caching,
}

impl Flavour {
    const ALL: [Flavour; 8] = [
        Flavour::Session,
        Flavour::Global,
        Flavour::Sharing,
        Flavour::One,
        Flavour::Two,
        Flavour::Four,
        Flavour::Crowded,
        Flavour::Caching,
    ];

    /// Its `pool`, if it isn't as most people have it.
    fn pool(self) -> Option<&'static str> {
        match self {
            Flavour::Session | Flavour::Global | Flavour::Caching => None,
            Flavour::Sharing => Some("hold: 0s, max_connections: 40"),
            Flavour::One => Some("hold: 0s, max_connections: 1, wait_timeout: 3s"),
            Flavour::Two => Some("hold: 0s, max_connections: 2, wait_timeout: 3s"),
            Flavour::Four => Some("hold: 0s, max_connections: 4, wait_timeout: 3s"),
            Flavour::Crowded => Some("max_connections: 2, wait_timeout: 1m"),
        }
    }
}

/// Whether Forebay is left out, to test the tests.
pub fn direct_only() -> bool {
    std::env::var_os("FOREBAY_TEST_DIRECT").is_some()
}

/// Makes a test of each function, for both kinds of server: `both!(a, b)` gives `mariadb::a`, `mysql::a`, …
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod mariadb {
            $(#[test] fn $name() {
                let bed = crate::support::bed::Bed::of(crate::support::cluster::Kind::MariaDb);
                super::$name(&bed);
                bed.assert_sound();
            })+
        }
        mod mysql {
            $(#[test] fn $name() {
                let bed = crate::support::bed::Bed::of(crate::support::cluster::Kind::MySql);
                super::$name(&bed);
                bed.assert_sound();
            })+
        }
    };
}
pub(crate) use both;
