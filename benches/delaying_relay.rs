//! A network between a proxy and its servers: every byte arrives some microseconds later than it would on loopback.
//!
//! `make bench-delay` puts it in front of the servers. `delaying_relay COUNTS ONE_WAY_US SERVER PORT [SERVER PORT]…` relays each
//! port to its server; whoever connects to port COUNTS reads how many round trips there have been: a connection opened,
//! and each time that something is sent to a server after it has said something.
//!
//! Threads that block: an event loop's timers are of milliseconds.

use std::{
    env,
    error::Error,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

static ROUND_TRIPS: AtomicU64 = AtomicU64::new(0);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (counts, rest) = arguments.split_first().ok_or("COUNTS")?;
    let (one_way, pairs) = rest.split_first().ok_or("ONE_WAY_US")?;
    let one_way = Duration::from_micros(one_way.parse()?);
    for pair in pairs.chunks_exact(2) {
        let (server, listener) = (pair[0].clone(), TcpListener::bind(format!("127.0.0.1:{}", pair[1]))?);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || relay(client, &server, one_way));
            }
        });
    }
    for mut asks in TcpListener::bind(format!("127.0.0.1:{counts}"))?.incoming().flatten() {
        write!(asks, "{}", ROUND_TRIPS.load(Ordering::Relaxed))?;
    }
    Ok(())
}

fn relay(client: TcpStream, server: &str, one_way: Duration) -> Option<()> {
    // The handshake of TCP.
    ROUND_TRIPS.fetch_add(1, Ordering::Relaxed);
    thread::sleep(one_way * 2);
    let server = TcpStream::connect(server).ok()?;
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    // The server speaks first.
    let answered = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&answered);
    let (from_client, from_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
    thread::spawn(move || {
        pass(from_client, server, one_way, move || {
            if answered.swap(false, Ordering::Relaxed) {
                ROUND_TRIPS.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    pass(from_server, client, one_way, move || heard.store(true, Ordering::Relaxed))
}

/// What is read arrives later, in its order, while more is read.
fn pass(mut from: TcpStream, mut to: TcpStream, one_way: Duration, seen: impl Fn()) -> Option<()> {
    let (send, arrive) = mpsc::channel::<(Instant, Vec<u8>)>();
    let writer = thread::spawn(move || {
        for (due, bytes) in arrive {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        seen();
        if send.send((Instant::now() + one_way, buffer[..bytes].to_vec())).is_err() {
            break;
        }
    }
    drop(send);
    writer.join().ok()
}
