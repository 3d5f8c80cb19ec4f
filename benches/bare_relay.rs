//! The least that a proxy on tokio can do: one task per client, one read and one write per hop, no look at the bytes.
//!
//! `make bench` measures it beside HAProxy and Forebay: what it costs is the kernel's share and cannot be saved, what
//! Forebay costs above it is Forebay's own. `bare_relay SERVER PORT [SERVER PORT]…` relays each port to its server.
//!
//! With `--from-memory` in front it sends the bytes that were the answer to the same bytes before: the least that a cache
//! can do. It knows nothing of who asks, of writes, or of time.

use std::{cell::RefCell, collections::HashMap, env, error::Error, future::pending, io, sync::Arc, sync::mpsc, thread};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
};

fn main() -> Result<(), Box<dyn Error>> {
    // As Forebay's workers: each client stays on the thread that it was given.
    let threads = thread::available_parallelism()?.get();
    let workers: Vec<Handle> = (0..threads).map(|_| worker()).collect::<Result<_, _>>()?;
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let from_memory = arguments.first().is_some_and(|first| first == "--from-memory");
    arguments.drain(..usize::from(from_memory));
    let accepting = Builder::new_current_thread().enable_all().build()?;
    for pair in arguments.chunks_exact(2) {
        let (server, listen) = (pair[0].clone(), format!("127.0.0.1:{}", pair[1]));
        let workers = workers.clone();
        accepting.spawn(async move {
            let listener = TcpListener::bind(listen).await?;
            for worker in workers.iter().cycle() {
                let client = listener.accept().await?.0.into_std()?;
                worker.spawn(relay(client, server.clone(), Memory::new(from_memory)));
            }
            io::Result::Ok(())
        });
    }
    accepting.block_on(pending())
}

fn worker() -> Result<Handle, Box<dyn Error>> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let _ = tell.send(runtime.handle().clone());
        runtime.block_on(pending())
    });
    Ok(told.recv()?)
}

async fn relay(client: std::net::TcpStream, server: String, mut memory: Memory) -> io::Result<()> {
    let client = TcpStream::from_std(client)?;
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let (from, to, asks) = tokio::select! {
            ready = client.readable() => ready.map(|()| (&client, &server, true))?,
            ready = server.readable() => ready.map(|()| (&server, &client, false))?,
        };
        match from.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(bytes) => match memory.passes(&buffer[..bytes], asks) {
                Some(answer) => send(from, &answer).await?,
                None => send(to, &buffer[..bytes]).await?,
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Answers by their requests.
type Answers = HashMap<Box<[u8]>, Arc<[u8]>>;

thread_local! {
    static ANSWERS: RefCell<Answers> = RefCell::default();
}

/// What a client has asked, and what of the answer has passed. Clients ask again only when they have all of it.
struct Memory {
    is_used: bool,
    asked: Option<(Box<[u8]>, Vec<u8>)>,
}

impl Memory {
    fn new(is_used: bool) -> Memory {
        Memory { is_used, asked: None }
    }

    /// The answer to what a client asks, if there is one.
    fn passes(&mut self, bytes: &[u8], asks: bool) -> Option<Arc<[u8]>> {
        if !self.is_used {
            return None;
        }
        if !asks {
            if let Some((_, answer)) = &mut self.asked {
                answer.extend_from_slice(bytes);
            }
            return None;
        }
        if let Some((asked, answer)) = self.asked.take() {
            ANSWERS.with_borrow_mut(|answers| answers.insert(asked, answer.into()));
        }
        // One packet of COM_QUERY or COM_STMT_EXECUTE.
        let &[low, middle, high, 0, 0x03 | 0x17, ..] = bytes else { return None };
        if u32::from_le_bytes([low, middle, high, 0]) as usize != bytes.len() - 4 {
            return None;
        }
        // The first execution brings the parameters' types (behind a byte for up to eight NULLs): servers must have them.
        if bytes.get(4) == Some(&0x17) && bytes.get(15) == Some(&1) {
            return None;
        }
        let known = ANSWERS.with_borrow(|answers| answers.get(bytes).cloned());
        if known.is_none() {
            self.asked = Some((bytes.into(), Vec::new()));
        }
        known
    }
}

async fn send(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.try_write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => to.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
