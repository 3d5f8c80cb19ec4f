//! Answers that are there before anybody asks: what rules list under `warm` is fetched at the start and whenever the
//! configuration has changed, in sessions like those of clients whose words nobody reads.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::{net::UnixStream, sync::oneshot};

use super::{
    super::{
        Peer,
        client::{Client, End},
        login::LoggedIn,
        shared::Shared,
        warm::plain_password,
        workers::Workers,
    },
    Note,
    quick::UNPROVEN,
};
use crate::{
    cache::figures,
    net::{Channel, Stream},
    routing::rules::{Cache, Warm},
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities},
        command::byte,
    },
};

/// How often it is looked whether answers are kept already.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long that is waited for.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// MariaDB's word for the statement that was prepared last; Forebay's sessions know it on both servers.
const PREPARED_LAST: [u8; 4] = [0xff; 4];

/// What every client can do.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// Fetches them until Forebay stops.
pub(in crate::proxy) fn keep_warm(shared: &Arc<Shared>, workers: &Arc<Workers>) {
    let (shared, workers) = (Arc::clone(shared), Arc::downgrade(workers));
    tokio::spawn(async move {
        let always = async {
            loop {
                let changed = shared.changed.notified();
                fetch_all(&shared, &workers).await;
                changed.await;
            }
        };
        tokio::select! {
            () = always => {}
            () = shared.stopping() => {}
        }
    });
}

async fn fetch_all(shared: &Arc<Shared>, workers: &Weak<Workers>) {
    let live = shared.live();
    let rules = live.rules.iter().filter(|rule| rule.definition.enabled && !rule.definition.shadow);
    let caches = rules.filter_map(|rule| Some((rule.name(), rule.definition.cache.as_ref()?)));
    let of_rule = |(name, cache): (&str, &Cache)| {
        let rule = Arc::<str>::from(name);
        cache.warm.iter().map(|warm| (Arc::clone(&rule), warm.clone())).collect::<Vec<_>>()
    };
    let all: Vec<_> = caches.flat_map(of_rule).collect();
    if all.is_empty() {
        return;
    }
    let is_open = async {
        while shared.cache.closed().is_some() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    // Where it can't be told what is written nothing is kept; each statement will say so.
    let _ = tokio::time::timeout(OPEN_TIMEOUT, is_open).await;
    for (rule, warm) in all {
        let Some(workers) = workers.upgrade() else { return };
        let (tell, told) = oneshot::channel();
        let shared = Arc::clone(shared);
        workers.spawn(async move {
            tokio::select! {
                () = fetch(&shared, &rule, &warm) => {}
                () = shared.stopping() => {}
            }
            // Nobody listens any more when Forebay stops.
            let _ = tell.send(());
        });
        let _ = told.await;
    }
}

/// Fetches one, in a session of its own: what one statement leaves is nothing to the next.
async fn fetch(shared: &Arc<Shared>, rule: &str, warm: &Warm) {
    let fetched = match session(shared, warm) {
        Ok(mut client) => {
            let fetched = Box::pin(client.have_kept(warm)).await;
            Box::pin(client.finish(&End::Quit)).await;
            fetched
        }
        Err(why) => Err(why),
    };
    let figures = shared.cache.figures(rule);
    match fetched {
        Ok(()) => figures::count(&figures.warmed),
        Err(why) => {
            figures::count(&figures.not_warmed);
            tracing::warn!(rule, user = warm.user, why, "an answer could not be fetched in advance");
        }
    }
}

/// A session of nobody: what it is sent is read and forgotten.
fn session(shared: &Arc<Shared>, warm: &Warm) -> Result<Box<Client>, String> {
    let live = shared.live();
    let user = live.users.get(warm.user.as_bytes()).ok_or("there is no such user")?;
    let credential = plain_password(user).ok_or("its password is not known in plain")?;
    let greeting = shared.topology.view().greeting.clone().ok_or("no server has been reached yet")?;
    let (mut ours, theirs) = UnixStream::pair().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut ours, &mut tokio::io::sink()).await;
    });
    let place = shared.registry.join(None, u32::MAX, None).map_err(|_| "there are too many clients")?;
    let last = shared.warm.key().filter(|key| *key.user == *warm.user);
    let login = LoggedIn {
        channel: Channel::new(Stream::Unix(theirs)),
        user: Arc::clone(user),
        credential,
        capabilities: CAPABILITIES & greeting.capabilities,
        extended: MariaDbCapabilities::empty(),
        compression: None,
        charset: warm.charset.or(last.map(|key| key.charset)).unwrap_or(greeting.charset.into()),
        schema: warm.schema.as_ref().map(|schema| schema.clone().into_bytes()),
        attributes: Vec::new(),
        max_packet_bytes: 0,
        nonce: [0; 20],
        peer: Peer(None),
    };
    Ok(Box::new(Client::new(Arc::clone(shared), live, place, login, shared.flavor())))
}

impl Client {
    /// Has the answer to a statement kept.
    async fn have_kept(&mut self, warm: &Warm) -> Result<(), String> {
        self.answer_login().await.map_err(|end| format!("no login: {end:?}"))?;
        for text in &warm.after {
            self.ask(&[byte::QUERY], text).await?;
            if let Some(code) = self.last_error {
                return Err(format!("`{text}`: error {code}"));
            }
        }
        self.ask_warm(warm).await?;
        if self.cached.note == Some(Note::Miss(Some(UNPROVEN))) {
            self.ask_warm(warm).await?;
        }
        match (self.cached.note, self.last_error) {
            (_, Some(code)) => Err(format!("error {code}")),
            (Some(Note::Hit(_) | Note::Miss(None)), None) => Ok(()),
            (Some(Note::Miss(Some(why))), None) => Err(format!("not kept: {why}")),
            (Some(Note::Passed(why)), None) => Err(why.to_owned()),
            (None, None) => Err("no rule has its answer kept".to_owned()),
        }
    }

    async fn ask_warm(&mut self, warm: &Warm) -> Result<(), String> {
        match warm.prepared {
            false => self.ask(&[byte::QUERY], &warm.sql).await,
            true => {
                self.ask(&[byte::STMT_PREPARE], &warm.sql).await?;
                let execute = [&[byte::STMT_EXECUTE][..], &PREPARED_LAST, &[0, 1, 0, 0, 0]].concat();
                self.ask(&execute, "").await
            }
        }
    }

    async fn ask(&mut self, command: &[u8], text: &str) -> Result<(), String> {
        self.channel.begin_command();
        self.channel.seq = 1;
        let payload = Bytes::from([command, text.as_bytes()].concat());
        self.meter.begins(payload.len());
        let done = tokio::time::timeout(STATEMENT_TIMEOUT, Box::pin(self.command(&payload))).await;
        let done = done.map_err(|_| format!("no answer in {} s", STATEMENT_TIMEOUT.as_secs()));
        self.meter.ended(self.live.settings.apdex_t, done.as_ref().map_or(Ok(()), |done| done.as_ref().copied()));
        done?.map_err(|end| format!("{end:?}"))
    }
}
