//! Which server is the primary? Never two; the last confirmed one stays while it can.

use std::time::Duration;

use super::{ALARM, Event, history::History};
use crate::topology::{Role, RoleSetting, ServerId};

/// Two writable servers are normal for a moment while a primary is switched; longer is an alarm.
const CONFLICT_GRACE: Duration = Duration::from_secs(2);

/// Who has been confirmed, and since when there has been a doubt.
#[derive(Debug)]
pub(super) struct Election {
    /// The configuration names the primary; `read_only` decides nothing.
    fixed: bool,
    confirmed: Option<ServerId>,
    conflict: Option<Conflict>,
}

#[derive(Debug)]
struct Conflict {
    since: Duration,
    told: bool,
}

impl Election {
    pub(super) fn new(fixed: bool) -> Election {
        Election { fixed, confirmed: None, conflict: None }
    }

    /// The servers are others now. Among those that have answered the primary is decided at once.
    pub(super) fn apply(&mut self, fixed: bool, servers: &mut [History]) {
        self.fixed = fixed;
        self.confirmed = self.confirmed.filter(|id| by_id(servers, *id).is_some());
        self.conflict = None;
        self.hold(servers, Duration::ZERO);
    }

    /// An alarm has been raised and holds.
    pub(super) fn is_in_conflict(&self) -> bool {
        self.conflict.as_ref().is_some_and(|conflict| conflict.told)
    }

    /// Whether `read_only` decides nothing.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The last confirmed primary, up or not.
    pub(super) fn primary(&self) -> Option<ServerId> {
        self.confirmed
    }

    /// Decides anew and sets every server's role.
    pub(super) fn hold(&mut self, servers: &mut [History], now: Duration) -> Option<Event> {
        let candidates: Vec<ServerId> =
            servers.iter().filter(|server| self.may_lead(server)).map(|server| server.id).collect();
        let all_probed = servers.iter().all(History::probed);
        let stays = self.confirmed.is_some_and(|id| candidates.contains(&id));
        match candidates[..] {
            _ if stays => {}
            // The first to answer is not the primary for that: another may be writable too.
            _ if self.confirmed.is_none() && !all_probed && !self.fixed => {}
            [only] => self.confirmed = Some(only),
            [first, ..] if self.fixed => self.confirmed = Some(first),
            // Members of one cluster agree: each may be written to, one is.
            _ if are_members(servers, &candidates) => self.confirmed = first_member(servers, &candidates),
            _ if self.stepped_down(servers) => self.confirmed = None,
            _ => {}
        }
        for server in servers.iter_mut() {
            server.standing.role = self.role(server.id, server);
        }
        self.conflict(&candidates, servers, now)
    }

    /// It answers and may take writes. One that follows another may not, even if it is writable: somebody forgot
    /// `read_only` on a replica, and writes there would be lost to all others.
    fn may_lead(&self, server: &History) -> bool {
        let writable = |server: &History| server.answer().is_some_and(|answer| answer.writable) && !server.follows();
        match server.setting {
            RoleSetting::Primary => server.answers(),
            RoleSetting::Auto => !self.fixed && server.answers() && writable(server),
            RoleSetting::Replica => false,
        }
    }

    /// The confirmed primary answers and has become read_only or a replica (one that is silent stays the primary, down).
    fn stepped_down(&self, servers: &[History]) -> bool {
        self.confirmed
            .and_then(|id| by_id(servers, id))
            .is_some_and(|server| server.answers() && !self.may_lead(server))
    }

    fn role(&self, id: ServerId, server: &History) -> Role {
        let known = server.standing.role;
        match (server.setting, server.answer()) {
            _ if self.confirmed == Some(id) => Role::Primary,
            (RoleSetting::Replica, _) => Role::Replica,
            (RoleSetting::Auto, _) if self.fixed => Role::Replica,
            (RoleSetting::Primary, _) if self.confirmed.is_none() => Role::Primary,
            (RoleSetting::Primary, _) => Role::Unknown,
            (RoleSetting::Auto, Some(answer)) if !answer.writable || server.follows() => Role::Replica,
            // Its cluster keeps them alike, whoever is written to.
            (RoleSetting::Auto, Some(_)) if server.member().is_some() => Role::Replica,
            (RoleSetting::Auto, Some(_)) => Role::Unknown,
            // Silent: as it was, except that only one can be the primary.
            (RoleSetting::Auto, None) if known == Role::Primary => Role::Unknown,
            (RoleSetting::Auto, None) => known,
        }
    }

    fn conflict(&mut self, candidates: &[ServerId], servers: &[History], now: Duration) -> Option<Event> {
        if candidates.len() < 2 || are_members(servers, candidates) {
            let told = self.conflict.take().is_some_and(|conflict| conflict.told);
            return told.then(|| Event { bad: false, text: "there is one writable server again".to_owned() });
        }
        let conflict = self.conflict.get_or_insert(Conflict { since: now, told: false });
        if conflict.told || now.saturating_sub(conflict.since) < CONFLICT_GRACE {
            return None;
        }
        conflict.told = true;
        let name = |id: &ServerId| by_id(servers, *id).map_or("?", |server| &server.name);
        let names: Vec<&str> = candidates.iter().map(name).collect();
        let kept = self.confirmed.as_ref().map_or("none of them gets writes".to_owned(), |id| {
            format!("{} stays the primary, the others get nothing", name(id))
        });
        Some(Event {
            bad: true,
            text: format!(
                "{ALARM}several servers are writable and follow no other ({}): {kept}{}",
                names.join(", "),
                twins(servers, candidates)
            ),
        })
    }
}

/// What to do if two of them are the same one.
fn twins(servers: &[History], candidates: &[ServerId]) -> String {
    let candidates: Vec<&History> = candidates.iter().filter_map(|id| by_id(servers, *id)).collect();
    let twin = candidates.iter().enumerate().find_map(|(at, one)| {
        let is_twin = |other: &&&History| one.server_id().is_some_and(|id| id > 0 && other.server_id() == Some(id));
        candidates[..at].iter().find(is_twin).map(|other| (&other.name, &one.name))
    });
    twin.map_or(String::new(), |(one, other)| {
        format!("; {one} and {other} have the same server_id: if they are two names of one server, list it once")
    })
}

fn by_id(servers: &[History], id: ServerId) -> Option<&History> {
    servers.iter().find(|server| server.id == id)
}

/// All of them are members of a cluster that replicates by itself.
fn are_members(servers: &[History], candidates: &[ServerId]) -> bool {
    let member = |id: &ServerId| by_id(servers, *id).is_some_and(|server| server.member().is_some());
    !candidates.is_empty() && candidates.iter().all(member)
}

fn first_member(servers: &[History], candidates: &[ServerId]) -> Option<ServerId> {
    let rank = |id: &&ServerId| by_id(servers, **id).and_then(History::member).map_or(u32::MAX, |member| member.rank);
    candidates.iter().min_by_key(rank).copied()
}
