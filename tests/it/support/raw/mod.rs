//! A minimal client that shows every packet. Blocking, and on its own: it shares no code with Forebay.

mod bytes;
mod command;
mod login;
mod reply;
mod stream;

use std::{io, time::Duration};

pub use bytes::push_text;
pub use command::{Value, execute, parse_value};
pub use login::{Greeting, Login, MODERN, PLAIN, proof};
pub use mysql_common::constants::CapabilityFlags as Cap;
pub use reply::{Expect, Kind, Reply, error_text};
pub use stream::{Stream, frame};

use super::endpoint::Endpoint;

/// A connection that has logged in.
#[derive(Debug)]
pub struct Client {
    pub stream: Stream,
    pub greeting: Greeting,
    pub capabilities: Cap,
    /// MariaDB's.
    pub extended: u32,
    /// The payload of the login's OK.
    pub welcome: Vec<u8>,
    /// What the server asked for until then: `switch to PLUGIN`, `fast`, `full`, `key`.
    pub steps: Vec<String>,
    /// What a LOAD DATA LOCAL INFILE is answered with.
    pub infile: Vec<u8>,
    login: Login,
    /// The sequence id of the packet that comes next.
    seq: u8,
}

impl Client {
    /// Logs in; a refusal is an error with the server's words.
    pub fn connect(endpoint: &Endpoint, login: &Login) -> io::Result<Client> {
        Client::on(Stream::connect(endpoint)?, login)
    }

    /// The same, where no packet may take longer than this, neither of the login nor later.
    pub fn connect_within(patience: Duration, endpoint: &Endpoint, login: &Login) -> io::Result<Client> {
        let stream = Stream::connect(endpoint)?;
        stream.set_patience(patience);
        Client::on(stream, login)
    }

    /// The same on a connection that stands.
    pub fn on(stream: Stream, login: &Login) -> io::Result<Client> {
        let (client, last) = Client::log_in(stream, login)?;
        if last.first() == Some(&0xff) {
            return Err(io::Error::other(error_text(&last)));
        }
        Ok(client)
    }

    /// Logs in; a refusal is the payload of an ERR.
    pub fn attempt(endpoint: &Endpoint, login: &Login) -> io::Result<(Client, Vec<u8>)> {
        Client::log_in(Stream::connect(endpoint)?, login)
    }

    fn log_in(stream: Stream, login: &Login) -> io::Result<(Client, Vec<u8>)> {
        let done = login::log_in(stream, login)?;
        let client = Client {
            stream: done.stream,
            greeting: done.greeting,
            capabilities: done.capabilities,
            extended: done.extended,
            welcome: done.last.clone(),
            steps: done.steps,
            infile: Vec::new(),
            login: login.clone(),
            seq: 0,
        };
        Ok((client, done.last))
    }

    /// Sends a command and reads its whole reply.
    pub fn command(&mut self, payload: &[u8], expect: Expect) -> Reply {
        let mut seq = 0;
        if self.stream.write_payload(&mut seq, payload).is_err() {
            return Reply::lost("connection lost");
        }
        Reply::read(&mut self.stream, seq, expect, (self.capabilities, self.extended), &self.infile)
    }

    /// Sends a command only.
    pub fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.seq = 0;
        self.stream.write_payload(&mut self.seq, payload)
    }

    /// Reads the reply of a command sent before.
    pub fn receive(&mut self, expect: Expect) -> Reply {
        // At least 1: a test may have written the command's bytes itself.
        Reply::read(&mut self.stream, self.seq.max(1), expect, (self.capabilities, self.extended), &self.infile)
    }

    /// COM_QUERY.
    pub fn query(&mut self, text: impl AsRef<[u8]>) -> Reply {
        self.command(&[b"\x03", text.as_ref()].concat(), Expect::Results)
    }

    /// COM_QUERY that must succeed.
    pub fn ok(&mut self, text: impl AsRef<[u8]>) -> Reply {
        let reply = self.query(text.as_ref());
        let fine = reply.error().is_none() && reply.lost.is_none();
        assert!(fine, "{:.500}\n{reply}", text.as_ref().escape_ascii().to_string());
        reply
    }

    /// The rows of a query that must succeed, as text; NULL is `NULL`.
    pub fn rows(&mut self, text: &str) -> Vec<Vec<String>> {
        let cell = |c: Option<Vec<u8>>| c.map_or("NULL".into(), |v| String::from_utf8_lossy(&v).into_owned());
        self.ok(text).text_rows().into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
    }

    /// The first cell of a query's first row.
    pub fn value(&mut self, text: &str) -> String {
        let rows = self.rows(text);
        rows.first().and_then(|row| row.first()).unwrap_or_else(|| panic!("no row: {text}")).clone()
    }

    /// COM_CHANGE_USER, up to OK or ERR (what lies between holds nonces).
    pub fn change_user(&mut self, user: &str, password: &str, schema: &str, charset: u16) -> Reply {
        let plugin = self.greeting.plugin.clone();
        self.change_user_by(&plugin, user, password, schema, charset)
    }

    /// The same with an answer by another plugin than the greeting's.
    pub fn change_user_by(&mut self, plugin: &str, user: &str, password: &str, schema: &str, charset: u16) -> Reply {
        let proof = login::proof(plugin, password, &self.greeting.nonce);
        let mut payload = vec![0x11];
        payload.extend(user.as_bytes());
        payload.push(0);
        payload.push(u8::try_from(proof.len()).unwrap());
        payload.extend(proof);
        payload.extend(schema.as_bytes());
        payload.push(0);
        payload.extend(charset.to_le_bytes());
        payload.extend(plugin.as_bytes());
        payload.push(0);
        if self.capabilities.contains(Cap::CLIENT_CONNECT_ATTRS) {
            payload.push(0);
        }
        let login = Login { password: password.into(), ..self.login.clone() };
        let mut seq = 1;
        let nonce = self.greeting.nonce.clone();
        self.steps.clear();
        let last = self
            .send(&payload)
            .and_then(|()| login::finish(&mut self.stream, &mut seq, &login, nonce, &mut self.steps));
        match last {
            Ok(payload) => {
                let kind = if payload.first() == Some(&0xff) { Kind::Err } else { Kind::Ok };
                Reply { packets: vec![(kind, payload)], ..Reply::default() }
            }
            Err(_) => Reply::lost("connection lost"),
        }
    }
}
