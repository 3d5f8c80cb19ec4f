//! A server that misbehaves where it is told to: it stands in front of a real one and passes everything through, until a
//! statement says `/* fault: NAME */` or the mode says otherwise. So logins and health checks are real ones.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::endpoint::Endpoint;

/// What happens to a connection from its beginning on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Accepted, and then nothing.
    Silent,
    /// A greeting, and then nothing.
    GreetsOnly,
    /// Half a greeting, and the end.
    HalfGreeting,
    /// Bytes that are no greeting.
    Garbage,
    /// The login succeeds, the first statement is never answered.
    LogsInOnly,
}

/// What a statement with a fault's name gets.
#[derive(Debug, Clone)]
pub struct Fault {
    pub bytes: Vec<u8>,
    pub then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Close,
    Hang,
}

/// Listens until the process ends.
#[derive(Debug)]
pub struct FakeServer {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behind: u16,
    mode: Mutex<Mode>,
    faults: HashMap<&'static str, Fault>,
    struck: AtomicU64,
}

const MARK: &[u8] = b"/* fault: ";

impl FakeServer {
    /// In front of the server at a port of loopback.
    pub fn in_front_of(behind: u16, faults: HashMap<&'static str, Fault>) -> FakeServer {
        let listener = TcpListener::bind((Endpoint::HOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { behind, mode: Mutex::new(Mode::Pass), faults, struck: AtomicU64::new(0) });
        let server = FakeServer { port, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&client, &shared));
            }
        });
        server
    }

    /// From now on, for new connections.
    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// How many statements have met their fault.
    pub fn struck(&self) -> u64 {
        self.shared.struck.load(Ordering::SeqCst)
    }
}

fn serve(client: &TcpStream, shared: &Arc<Shared>) {
    let mode = *shared.mode.lock().unwrap();
    let done = match mode {
        Mode::Pass | Mode::LogsInOnly => pass(client, shared, mode),
        Mode::Silent => hang(client),
        Mode::GreetsOnly => {
            greeting(shared).and_then(|bytes| (&mut &*client).write_all(&bytes)).and_then(|()| hang(client))
        }
        Mode::HalfGreeting => greeting(shared).and_then(|bytes| (&mut &*client).write_all(&bytes[..bytes.len() / 2])),
        Mode::Garbage => (&mut &*client).write_all(&[0x7f; 300]),
    };
    // Whoever closes first may; what counts is what Forebay makes of it.
    drop(done);
    let _ = client.shutdown(Shutdown::Both);
}

fn greeting(shared: &Shared) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect((Endpoint::HOST, shared.behind))?;
    let mut bytes = vec![0; 4096];
    let n = server.read(&mut bytes)?;
    bytes.truncate(n);
    without_tls(&mut bytes);
    Ok(bytes)
}

/// Takes CLIENT_SSL out of a greeting: faults are put between packets that can be read.
fn without_tls(greeting: &mut [u8]) {
    let version = greeting.iter().skip(5).position(|byte| *byte == 0).unwrap_or(0);
    // Header, protocol, version with its NUL, thread id, half a nonce and a filler: then the lower capabilities.
    if let Some(byte) = greeting.get_mut(5 + version + 1 + 4 + 8 + 1 + 1) {
        *byte &= !0x08;
    }
}

/// Reads and says nothing, until the other side closes.
fn hang(mut client: &TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    while client.read(&mut bytes)? > 0 {}
    Ok(())
}

fn pass(mut client: &TcpStream, shared: &Arc<Shared>, mode: Mode) -> io::Result<()> {
    let mut server = TcpStream::connect((Endpoint::HOST, shared.behind))?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let muted = Arc::new(AtomicBool::new(false));
    let back = thread::spawn({
        let (mut from, mut to, muted) = (server.try_clone()?, client.try_clone()?, Arc::clone(&muted));
        move || copy_back(&mut from, &mut to, &muted)
    });
    let passed = statements(&mut client, &mut server, shared, mode, &muted);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
    passed
}

fn copy_back(from: &mut TcpStream, to: &mut TcpStream, muted: &AtomicBool) {
    let mut bytes = vec![0; 1 << 16];
    let mut greeted = false;
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if !std::mem::replace(&mut greeted, true) {
            without_tls(&mut bytes[..n]);
        }
        if !muted.load(Ordering::SeqCst) && to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    if !muted.load(Ordering::SeqCst) {
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// Packet after packet to the server, up to the one that bears a fault.
fn statements(
    client: &mut &TcpStream,
    server: &mut TcpStream,
    shared: &Shared,
    mode: Mode,
    muted: &AtomicBool,
) -> io::Result<()> {
    loop {
        let mut packet = vec![0; 4];
        client.read_exact(&mut packet)?;
        let n = usize::from(packet[0]) | usize::from(packet[1]) << 8 | usize::from(packet[2]) << 16;
        packet.resize(4 + n, 0);
        client.read_exact(&mut packet[4..])?;
        // A command is number 0 of its exchange and not COM_QUIT.
        if mode == Mode::LogsInOnly && packet[3] == 0 && packet[4..] != [1] {
            return hang(client);
        }
        let Some(fault) = fault(shared, &packet) else {
            server.write_all(&packet)?;
            continue;
        };
        shared.struck.fetch_add(1, Ordering::SeqCst);
        // What the server still owes for statements sent together with this one comes first.
        thread::sleep(Duration::from_millis(30));
        muted.store(true, Ordering::SeqCst);
        client.write_all(&fault.bytes)?;
        return match fault.then {
            Then::Close => Ok(()),
            Then::Hang => hang(client),
        };
    }
}

fn fault<'a>(shared: &'a Shared, packet: &[u8]) -> Option<&'a Fault> {
    let at = packet.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let name = packet[at..].split(|byte| *byte == b' ').next()?;
    shared.faults.get(std::str::from_utf8(name).ok()?)
}
