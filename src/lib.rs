//! Forebay: a MySQL and MariaDB proxy that splits reads from writes and otherwise keeps out of the way.
//!
//! Any client that speaks MySQL connects with an ordinary connection string. Forebay reads each statement once, sends what
//! is proven to be a harmless read to a replica and everything else to the primary, and passes the answer on as it came.
//! How it is used stands in the `README.md`; this page is the map for those who read the source.
//!
//! # The house
//!
//! A room is a module. Arrows point one way: a room knows only what stands below it.
//!
//! ```text
//!                          cli      forebay run | check | demo
//!                           │
//!              ┌────────────┼─────────────┐
//!              ▼            ▼             ▼
//!           config        proxy       telemetry      config.yaml → each room's settings;
//!              │            │             ▲          clients, the life of a query; the log
//!              │     ┌──────┼──────┬──────┘
//!              │     ▼      ▼      ▼
//!              │   pool  routing  topology           connections; where to; who is fit
//!              │     │      │      │
//!              │     ├──────┼──────┤
//!              │     ▼      ▼      ▼
//!              └─▶ auth  session  net                who is it; what the session is; sockets and TLS
//!                    │      │      │
//!                    ▼      ▼      ▼
//!                  wire    sql    wire               bytes ⇄ messages; text → facts
//! ```
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`wire`] | bytes ⇄ MySQL messages, a file for each; where a reply ends and what it said. Knows no SQL. *Pure* |
//! | [`auth`] | users and their passwords; verify a client, answer a server; a file for each plugin. *Pure* |
//! | [`sql`] | text → facts: kind, effects, hint. One pass over bytes; what is not understood is a write. *Pure* |
//! | [`session`] | what a client's session has become: state, pins, and the difference to send to another connection. *Pure* |
//! | [`net`] | addresses, sockets, TLS, one packet channel for both sides |
//! | [`topology`] | the servers: an immutable view, the verdict on their health, positions, the probe that asks them |
//! | [`routing`] | (facts, session, rules, view) → a decision with its reason. *Pure* |
//! | [`pool`] | server connections: connect, log in, what they still owe; those that sessions share, and the queue for them |
//! | [`cache`] | answers that are given again: entries, what they depend on, and when they hold no more |
//! | [`proxy`] | the tokio shell around all that: listener, login, client, engine, relay, errors |
//! | [`telemetry`] | the log, and one event for each query for whoever listens |
//! | [`config`] | `config.yaml` and `rules/` → checked values; each room owns its settings, this one composes them |
//! | [`admin`] | the operator's doors: a port that speaks MySQL's protocol, a file for each command; HTTP and metrics |
//! | [`cli`] | the commands, one short file each |
//!
//! *Pure* rooms hold no socket, task, clock or global: bytes and values in, bytes and values out; time is an argument. They
//! are tested by plain `#[test]` functions and by properties. Everything that waits is in `net`, `topology::probe`, `pool` and
//! `proxy`.
//!
//! # The life of a query
//!
//! ```text
//!  client                          Forebay                                   server
//!    │  COM_QUERY "SELECT …"          │                                         │
//!    ├───────────────────────────────▶│ 1 wire      a command                   │
//!    │                                │ 2 sql       its facts                   │
//!    │                                │ 3 routing   a decision: replica1        │
//!    │                                │ 4 pool      a lease: its connection     │
//!    │                                │ 5 session   carry: [SET …] in front ───▶│
//!    │                                │             COM_QUERY "SELECT …" ──────▶│
//!    │  columns, rows, OK             │ 6 relay                                 │
//!    │◀───────────────────────────────│◀─ packet by packet ─────────────────────┤
//!    │                                │ 7 session   observe; telemetry: record  │
//! ```
//!
//! 1. [`proxy`]'s client reads a command. What only Forebay can answer (its own connection ids, `session_track_…`) it
//!    answers itself.
//! 2. [`sql::facts()`] looks at the text once: what kind it is, what it does beyond reading tables, a hint in a comment.
//! 3. [`routing::decide()`] says where to, and why. A pin comes first, then what the facts demand, then hints and rules, then
//!    the consistency level and the fitness of the replicas. Unknown means primary.
//!    Where a rule marks it, [`cache`] may have the answer: then the rest is left out.
//! 4. A connection to that server as the client's user: the one the session has, one that another let go of, or a new one. For a replica:
//!    one that has the session's own writes.
//! 5. The difference between what the session is and what that connection is, as statements. In front of a read they go in
//!    the same write, and the read's answer counts only if all of them succeeded; in front of anything else they are awaited.
//! 6. Packets go to the client as they come. Only headers, the first byte and OK, EOF and ERR packets are looked at: no row
//!    is decoded, no result is held back. A replica that refuses (1290, 1792, 1836) before anything has reached the client
//!    hands the statement to the primary.
//! 7. The session takes in what the servers reported (variables, schema, transaction, GTID) and what reports do not say but
//!    the facts do. New state that can't be carried is a pin, with a name.
//!
//! `proxy::engine` is these lines as code, on one screen.
//!
//! # Promises
//!
//! The same answer and the same session as a direct connection; reads elsewhere only where proven safe, and nothing run twice
//! but a read of which no byte has reached the client; own writes are seen; memory is bounded; a bad file changes
//! nothing; secrets stay secret. Each has tests that try to break it.

pub mod admin;
pub mod auth;
pub mod cache;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod net;
pub mod pool;
pub mod proxy;
pub mod routing;
pub mod session;
pub mod sql;
pub mod telemetry;
pub mod topology;
pub mod wire;
