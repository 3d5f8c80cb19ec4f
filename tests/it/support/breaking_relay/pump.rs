//! Bytes from one socket to the other, up to the fault.

use std::{io, sync::atomic::Ordering, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
};

use super::{Fault, Link, Pace, Way};

/// What was sent must be there before a socket goes that has something unread (which is a RST).
const TO_ARRIVE: Duration = Duration::from_millis(30);

/// How a way came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its source has ended, and its receiver knows.
    Source,
    /// One of the sockets is broken: so is the connection.
    Broken,
    /// The fault ends both ways.
    Fault(Fault),
}

/// Passes bytes both ways until nothing can come any more.
pub(super) async fn both(mut client: TcpStream, mut server: TcpStream, link: &Link) {
    let end = {
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        let there = one(Way::ToServer, client_reads, server_writes, link);
        let back = one(Way::ToClient, server_reads, client_writes, link);
        let (mut there, mut back) = (std::pin::pin!(there), std::pin::pin!(back));
        let (first, first_is_there) = tokio::select! {
            end = &mut there => (end, true),
            end = &mut back => (end, false),
        };
        match first {
            End::Source if first_is_there => back.await,
            End::Source => there.await,
            end => end,
        }
    };
    match end {
        End::Fault(Fault::Reset) => {
            for socket in [&client, &server] {
                let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
            }
        }
        End::Fault(_) => {
            for socket in [&client, &server] {
                let _ = socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Both);
            }
            tokio::time::sleep(TO_ARRIVE).await;
        }
        End::Source | End::Broken => {}
    }
}

async fn one(way: Way, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, link: &Link) -> End {
    let mut bytes = vec![0; 1 << 14];
    loop {
        let changed = link.changed.notified();
        let pace = link.plan.lock().unwrap().pace;
        if let Some(fault) = due(way, link) {
            link.struck.store(true, Ordering::SeqCst);
            match fault {
                Fault::Cut | Fault::Reset => return End::Fault(fault),
                Fault::HalfClose => {
                    let _ = to.shutdown().await;
                    return swallow(&mut from).await;
                }
                Fault::Stall => return swallow(&mut from).await,
            }
        }
        let most = match pace {
            Pace::OneByOne => 1,
            _ => bytes.len(),
        };
        let most = left(way, link).map_or(most, |left| most.min(usize::try_from(left).unwrap_or(usize::MAX)));
        let read = tokio::select! {
            read = from.read(&mut bytes[..most]) => read,
            () = changed => continue,
        };
        let count = match read {
            Ok(0) => {
                let _ = to.shutdown().await;
                return End::Source;
            }
            Ok(count) => count,
            Err(_) => return End::Broken,
        };
        if let Pace::Delayed(time) = pace {
            tokio::time::sleep(time).await;
        }
        if pass(way, &bytes[..count], &mut to, link).await.is_err() {
            return End::Broken;
        }
    }
}

async fn pass(way: Way, bytes: &[u8], to: &mut WriteHalf<'_>, link: &Link) -> io::Result<()> {
    if let Some(record) = &link.record {
        record[way as usize].lock().unwrap().extend_from_slice(bytes);
    }
    // Counted first: who has got them finds them counted.
    link.passed[way as usize].fetch_add(bytes.len() as u64, Ordering::SeqCst);
    to.write_all(bytes).await
}

/// Bytes that may still pass this way before the fault; `None`: there is none to come.
fn left(way: Way, link: &Link) -> Option<u64> {
    let (of, after, _) = link.plan.lock().unwrap().strike?;
    (of == way).then(|| after.saturating_sub(link.passed(way)))
}

fn due(way: Way, link: &Link) -> Option<Fault> {
    let (.., fault) = link.plan.lock().unwrap().strike?;
    (left(way, link) == Some(0)).then_some(fault)
}

/// Reads on, so that the sender's end is seen, and says nothing of it to anybody.
async fn swallow(from: &mut ReadHalf<'_>) -> End {
    let mut bytes = vec![0; 1 << 14];
    loop {
        match from.read(&mut bytes).await {
            // The sender is gone: whom could the rest be kept from?
            Ok(0) | Err(_) => return End::Broken,
            Ok(_) => {}
        }
    }
}
