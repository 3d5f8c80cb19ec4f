//! One statement, and how it looks.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::{EntryFormat, MAX_STATEMENT_BYTES};

/// A statement that has ended.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it had ended.
    pub at: SystemTime,
    /// The client's connection id, as it saw it in its handshake.
    pub connection_id: u32,
    /// Who asked.
    pub user: Arc<str>,
    /// From where: an IP address; `None`: a Unix socket.
    pub client: Option<std::net::IpAddr>,
    /// In which schema.
    pub schema: Option<Box<[u8]>>,
    /// Who answered; `None`: Forebay itself, or nobody.
    pub server: Option<Arc<str>>,
    /// As what: as in metrics.
    pub group: Box<str>,
    /// How it ended: as in metrics.
    pub outcome: &'static str,
    /// What kind of statement it is: a stable word.
    pub kind: &'static str,
    /// Its shape's digest.
    pub digest: u64,
    /// From its arrival to the last byte of the reply.
    pub elapsed: Duration,
    /// Of that, until there was a server connection.
    pub waited: Duration,
    /// Of that, from when it was sent to a server to the last byte of the reply.
    pub on_server: Duration,
    /// Rows that the client got.
    pub rows: u64,
    /// Rows that it changed.
    pub affected_rows: u64,
    /// Bytes of the reply.
    pub bytes: u64,
    /// The error that it ended in.
    pub error: Option<u16>,
    /// Its shape, or where literals may be shown its text; cut by [`Entry::cut`].
    pub statement: Vec<u8>,
}

impl Entry {
    /// So much of a statement as is kept.
    pub fn cut(text: &[u8]) -> Vec<u8> {
        match text.get(..MAX_STATEMENT_BYTES) {
            Some(head) if head.len() < text.len() => [head, " …".as_bytes()].concat(),
            _ => text.to_vec(),
        }
    }

    /// As it stands in the file, with the end of its last line.
    pub fn written(&self, format: EntryFormat) -> String {
        match format {
            EntryFormat::Json => self.as_json(),
            EntryFormat::Text => self.as_text(),
            EntryFormat::MySql => self.as_mysql(),
        }
    }

    fn host(&self) -> String {
        self.client.map_or_else(|| "localhost".to_owned(), |ip| ip.to_string())
    }

    fn as_json(&self) -> String {
        let object = json!({
            "timestamp": humantime::format_rfc3339_micros(self.at).to_string(),
            "client": self.connection_id,
            "user": &*self.user,
            "host": self.host(),
            "schema": self.schema.as_deref().map(String::from_utf8_lossy),
            "server": self.server.as_deref(),
            "group": &*self.group,
            "outcome": self.outcome,
            "kind": self.kind,
            "digest": format!("{:016x}", self.digest),
            "elapsed_us": us(self.elapsed),
            "waited_us": us(self.waited),
            "on_server_us": us(self.on_server),
            "rows": self.rows,
            "affected_rows": self.affected_rows,
            "bytes": self.bytes,
            "error": self.error,
            "statement": String::from_utf8_lossy(&self.statement),
        });
        format!("{object}\n")
    }

    /// The same in the same order, without what there is not; the statement, which may hold anything, is the last.
    fn as_text(&self) -> String {
        let at = humantime::format_rfc3339_micros(self.at);
        let mut out = format!("{at} client={} user={} host={}", self.connection_id, word(&self.user), self.host());
        let schema = self.schema.as_deref().map(|schema| word(&String::from_utf8_lossy(schema)));
        let names = [("schema", schema), ("server", self.server.as_deref().map(word))];
        // Writing into a string can't fail.
        for (name, value) in names.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let _ = write!(out, " {name}={value}");
        }
        let _ = write!(
            out,
            " group={} outcome={} kind={} digest={:016x} elapsed_us={} waited_us={} on_server_us={} rows={} affected_rows={} \
             bytes={}",
            word(&self.group),
            self.outcome,
            self.kind,
            self.digest,
            us(self.elapsed),
            us(self.waited),
            us(self.on_server),
            self.rows,
            self.affected_rows,
            self.bytes,
        );
        if let Some(error) = self.error {
            let _ = write!(out, " error={error}");
        }
        out.push_str(" statement=");
        for c in String::from_utf8_lossy(&self.statement).chars() {
            match c.is_control() || c == '\\' {
                true => out.extend(c.escape_default()),
                false => out.push(c),
            }
        }
        out.push('\n');
        out
    }

    /// What the servers' versions have in common, so that every tool reads it: the time stands in `SET timestamp` alone, since
    /// each version writes `# Time:` in its own way; what only some of them say stands behind what all say.
    fn as_mysql(&self) -> String {
        let (user, ip) = (word(&self.user), self.client.map_or_else(String::new, |ip| ip.to_string()));
        let host = if ip.is_empty() { "localhost" } else { "" };
        let mut out = format!("# User@Host: {user}[{user}] @ {host} [{ip}]  Id: {}\n", self.connection_id);
        // Writing into a string can't fail.
        let _ = write!(
            out,
            "# Query_time: {:.6}  Lock_time: 0.000000 Rows_sent: {}  Rows_examined: 0 Rows_affected: {} Bytes_sent: {} Errno: {} \
             Wait_time: {:.6} Server_time: {:.6}",
            self.elapsed.as_secs_f64(),
            self.rows,
            self.affected_rows,
            self.bytes,
            self.error.unwrap_or(0),
            self.waited.as_secs_f64(),
            self.on_server.as_secs_f64(),
        );
        if let Some(server) = &self.server {
            let _ = write!(out, " Server: {}", word(server));
        }
        out.push('\n');
        // As the servers do, without quotes: a name that would need some is left out.
        if let Some(schema) = self.schema.as_deref().and_then(plain_name) {
            let _ = writeln!(out, "use {schema};");
        }
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let _ = writeln!(out, "SET timestamp={at};\n{};", as_statement(&self.statement));
        out
    }
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// One word, whatever is in a name.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

fn plain_name(name: &[u8]) -> Option<&str> {
    let is_plain = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    std::str::from_utf8(name).ok().filter(|_| is_plain)
}

/// A line of a statement that began as a header does would be read as the next entry's.
fn as_statement(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == ';');
    let plain = |c: char| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c };
    let text: String = text.chars().map(plain).collect();
    let text = text.replace("\n#", "\n #");
    if text.starts_with('#') { format!(" {text}") } else { text }
}
