//! A reply on its way from a server's socket to a client's: with the reads and writes of both, and those of the two peers.

use std::{cell::Cell, sync::Arc, time::Duration};

use forebay::{
    net::{Channel, Stream},
    pool::{ServerConnection, connect::Connected},
    proxy::relay::{Options, Relay},
    session::State,
    sql::Flavor,
    topology::ServerId,
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        handshake::Greeting,
        reply::Expect,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

use crate::{
    Case,
    replies::{CAPABILITIES, replies},
};

/// To clients that know DEPRECATE_EOF, and to those for whom ends are rewritten.
pub fn cases() -> Vec<Case> {
    let old = CAPABILITIES.difference(CapabilityFlags::CLIENT_DEPRECATE_EOF);
    let case = |(what, reply): (&str, Vec<u8>)| {
        [(what.to_owned(), CAPABILITIES), (format!("{what}, with EOF"), old)].map(|(what, capabilities)| {
            let (reply, mut ends) = (reply.clone(), None);
            Case::new("relay", &what, reply.len(), move || {
                ends.get_or_insert_with(|| Ends::new(capabilities)).relay(&reply);
            })
        })
    };
    replies().into_iter().flat_map(case).collect()
}

/// Forebay's two connections and whoever sits at their other ends.
struct Ends {
    runtime: Runtime,
    capabilities: CapabilityFlags,
    client: Channel,
    server: ServerConnection,
    state: State,
    far_client: UnixStream,
    far_server: UnixStream,
    got: Vec<u8>,
}

impl Ends {
    fn new(capabilities: CapabilityFlags) -> Ends {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let ((client, far_client), (server, far_server)) =
            runtime.block_on(async { (UnixStream::pair().unwrap(), UnixStream::pair().unwrap()) });
        let connected = Connected {
            channel: Channel::new(Stream::Unix(server)),
            greeting: greeting(),
            capabilities: CAPABILITIES,
            extended: MariaDbCapabilities::empty(),
            ok: Vec::new(),
        };
        Ends {
            runtime,
            capabilities,
            client: Channel::new(Stream::Unix(client)),
            server: ServerConnection::new(ServerId(0), Arc::from("server"), connected, false, Duration::from_secs(1)),
            state: State::new(Flavor::MariaDb { version: 101_100 }, capabilities, None),
            far_client,
            far_server,
            got: vec![0; 256 * 1024],
        }
    }

    fn relay(&mut self, reply: &[u8]) {
        self.client.seq = 1;
        let options = Options { max_payload_bytes: 1 << 24, ..Options::default() };
        let mut relay = Relay::new(
            &mut self.client,
            self.capabilities,
            &mut self.server,
            &mut self.state,
            Expect::Results,
            options,
        );
        let (far_client, far_server, got) = (&mut self.far_client, &mut self.far_server, &mut self.got);
        let done = Cell::new(false);
        self.runtime.block_on(async {
            let answer = far_server.write_all(reply);
            let pass = async {
                relay.run().await.unwrap();
                done.set(true);
            };
            let take = async {
                // The relay's last write is all there when it ends, so that the read after it is the last.
                while !done.get() {
                    assert!(far_client.read(got).await.unwrap() > 0);
                }
            };
            let (answered, (), ()) = tokio::join!(answer, pass, take);
            answered.unwrap();
        });
    }
}

fn greeting() -> Greeting {
    Greeting {
        server_version: b"5.5.5-10.11.0-MariaDB".to_vec(),
        connection_id: 1,
        nonce: [1; 20],
        capabilities: CAPABILITIES,
        mariadb_capabilities: MariaDbCapabilities::empty(),
        charset: 45,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        auth_plugin: b"mysql_native_password".to_vec(),
    }
}
