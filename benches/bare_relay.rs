//! The least that a proxy on tokio can do: one task per client, one read and one write per hop, no look at the bytes.
//!
//! `make bench` measures it beside HAProxy and Forebay: what it costs is the kernel's share and cannot be saved, what
//! Forebay costs above it is Forebay's own. `bare_relay SERVER PORT [SERVER PORT]…` relays each port to its server.

use std::{env, error::Error, future::pending, io, sync::mpsc, thread};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
};

fn main() -> Result<(), Box<dyn Error>> {
    // As Forebay's workers: each client stays on the thread that it was given.
    let threads = thread::available_parallelism()?.get();
    let workers: Vec<Handle> = (0..threads).map(|_| worker()).collect::<Result<_, _>>()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    let accepting = Builder::new_current_thread().enable_all().build()?;
    for pair in arguments.chunks_exact(2) {
        let (server, listen) = (pair[0].clone(), format!("127.0.0.1:{}", pair[1]));
        let workers = workers.clone();
        accepting.spawn(async move {
            let listener = TcpListener::bind(listen).await?;
            for worker in workers.iter().cycle() {
                let client = listener.accept().await?.0.into_std()?;
                worker.spawn(relay(client, server.clone()));
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

async fn relay(client: std::net::TcpStream, server: String) -> io::Result<()> {
    let client = TcpStream::from_std(client)?;
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let (from, to) = tokio::select! {
            ready = client.readable() => ready.map(|()| (&client, &server))?,
            ready = server.readable() => ready.map(|()| (&server, &client))?,
        };
        match from.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(bytes) => send(to, &buffer[..bytes]).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
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
