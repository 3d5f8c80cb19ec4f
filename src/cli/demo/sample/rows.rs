//! The rows, table by table, written as SQL.

use super::{Rows, dice::Dice, words};
use std::collections::BTreeSet;

const USERS: u64 = 600;
const CONVERSATIONS: u64 = 1_200;
const SESSIONS: u64 = 400;

/// Minutes from the first sign-up to the last thing that happened: a year and a half.
const MINUTES: u64 = 780_000;

/// 2025-01-01 00:00:00 UTC, the first sign-up, in Unix seconds.
const FIRST_SECOND: u64 = 1_735_689_600;

/// Every table's rows, in an order that satisfies the foreign keys.
pub fn all() -> Vec<Rows> {
    let mut dice = Dice::new(6033);
    let (users, topics) = (users(&mut dice), topics());
    let mut conversations =
        rows("conversations", "id, topic_id, author_id, title, body, visibility, created_at, last_activity_at");
    let mut participations =
        rows("participations", "conversation_id, user_id, role, messages, joined_at, last_read_at");
    let mut feedback = rows("feedback", "conversation_id, user_id, rating, comment, created_at");
    for id in 1..=CONVERSATIONS {
        let talk = Conversation::roll(id, &mut dice);
        conversations.tuples.push(talk.tuple(&mut dice));
        participations.tuples.extend(talk.participations(&mut dice));
        feedback.tuples.extend(talk.feedback(&mut dice));
    }
    let sessions = sessions(&mut dice);
    vec![users, topics, conversations, participations, feedback, sessions]
}

fn users(dice: &mut Dice) -> Rows {
    let mut rows = rows("users", "id, name, handle, email, city, bio, created_at, updated_at");
    for id in 1..=USERS {
        let (first, last) = (dice.pick(&words::FIRST_NAMES), dice.pick(&words::LAST_NAMES));
        let handle = format!("{}{id}", ascii(first));
        let bio = if dice.chance(60) { quoted(dice.pick(&words::BIOS)) } else { "NULL".to_owned() };
        let joined = at(id * (MINUTES / 2) / USERS);
        rows.tuples.push(format!(
            "({id}, {}, '{handle}', '{handle}@example.com', {}, {bio}, {joined}, {joined})",
            quoted(&format!("{first} {last}")),
            quoted(dice.pick(&words::CITIES)),
        ));
    }
    rows
}

fn topics() -> Rows {
    let mut rows = rows("topics", "id, slug, title, description, created_at");
    for (id, (slug, title, description, _)) in (1..).zip(words::TOPICS) {
        rows.tuples.push(format!("({id}, '{slug}', {}, {}, {})", quoted(title), quoted(description), at(id)));
    }
    rows
}

/// One conversation and who takes part in it.
struct Conversation {
    id: u64,
    author: u64,
    /// Everybody else who takes part.
    others: BTreeSet<u64>,
    /// Minutes since the first sign-up.
    created: u64,
    last_activity: u64,
}

impl Conversation {
    fn roll(id: u64, dice: &mut Dice) -> Conversation {
        let author = dice.favourite(USERS);
        let others = (0..dice.between(1, 6)).map(|_| dice.favourite(USERS)).filter(|user| *user != author).collect();
        let created = MINUTES / 2 + id * (MINUTES / 2) / (CONVERSATIONS + 1);
        let last_activity = dice.between(created, (created + 30_000).min(MINUTES));
        Conversation { id, author, others, created, last_activity }
    }

    fn tuple(&self, dice: &mut Dice) -> String {
        let topic = dice.favourite(words::TOPICS.len() as u64);
        let things = words::TOPICS[usize::try_from(topic - 1).unwrap_or(0)].3;
        let thing = dice.pick(&things);
        let title = capital(&dice.pick(&words::TITLES).replace("{}", thing));
        let body: Vec<_> = (0..dice.between(2, 5)).map(|_| dice.pick(&words::SENTENCES).replace("{}", thing)).collect();
        let visibility = if dice.chance(85) { "public" } else { "members" };
        format!(
            "({}, {topic}, {}, {}, {}, '{visibility}', {}, {})",
            self.id,
            self.author,
            quoted(&title),
            quoted(&body.join(" ")),
            at(self.created),
            at(self.last_activity)
        )
    }

    fn participations(&self, dice: &mut Dice) -> Vec<String> {
        let mut tuple = |user: u64, role: &str| {
            let joined =
                if user == self.author { self.created } else { dice.between(self.created, self.last_activity) };
            let read = if dice.chance(80) { at(self.last_activity) } else { "NULL".to_owned() };
            format!("({}, {user}, '{role}', {}, {}, {read})", self.id, dice.between(1, 40), at(joined))
        };
        let mut tuples = vec![tuple(self.author, "author")];
        for (nth, user) in self.others.iter().enumerate() {
            tuples.push(tuple(*user, if nth == 4 { "moderator" } else { "member" }));
        }
        tuples
    }

    fn feedback(&self, dice: &mut Dice) -> Vec<String> {
        let mut tuples = Vec::new();
        for user in &self.others {
            if dice.chance(45) {
                continue;
            }
            let comment = if dice.chance(70) { quoted(dice.pick(&words::COMMENTS)) } else { "NULL".to_owned() };
            // More good marks than bad ones, as in life.
            let rating = dice.between(1, 5).max(dice.between(1, 5));
            tuples.push(format!("({}, {user}, {rating}, {comment}, {})", self.id, at(self.last_activity)));
        }
        tuples
    }
}

fn sessions(dice: &mut Dice) -> Rows {
    let mut rows = rows("sessions", "id, user_id, ip_address, user_agent, payload, last_activity");
    for nth in 1..=SESSIONS {
        // The number in front keeps the ids apart whatever the dice say.
        let id = format!("{nth:04}{:018x}{:018x}", dice.below(u64::MAX), dice.below(u64::MAX));
        let user = if dice.chance(75) { dice.between(1, USERS).to_string() } else { "NULL".to_owned() };
        // 192.0.2.0/24 is set aside for documentation (RFC 5737).
        rows.tuples.push(format!(
            "('{id}', {user}, '192.0.2.{}', {}, '{}', {})",
            dice.between(1, 254),
            quoted(dice.pick(&words::USER_AGENTS)),
            format!("{:016x}", dice.below(u64::MAX)).repeat(6),
            FIRST_SECOND + 60 * dice.between(MINUTES - 20_000, MINUTES),
        ));
    }
    rows
}

fn rows(table: &'static str, columns: &'static str) -> Rows {
    Rows { table, columns, tuples: Vec::new() }
}

/// A moment, `minutes` after the first sign-up.
fn at(minutes: u64) -> String {
    format!("'2025-01-01' + INTERVAL {minutes} MINUTE")
}

/// A string literal. The sample holds no backslashes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A first name as it stands in an e-mail address.
fn ascii(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|c| match c {
            'é' | 'ë' => 'e',
            'ø' | 'ö' => 'o',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_plain_ascii() {
        assert!(words::FIRST_NAMES.iter().all(|name| ascii(name).bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quoted("O'Brien"), "'O''Brien'");
    }

    #[test]
    fn nobody_takes_part_twice() {
        let mut dice = Dice::new(1);
        for id in 1..200 {
            let talk = Conversation::roll(id, &mut dice);
            assert!(!talk.others.contains(&talk.author));
            assert!(talk.created <= talk.last_activity && talk.last_activity <= MINUTES);
        }
    }
}
