//! `forebay explain`: why a statement goes where it goes.

use std::{io::Write, net::IpAddr, path::PathBuf, process::ExitCode};

use anstyle::{AnsiColor, Style};

use super::ConfigFile;
use crate::{
    config::{self, Config},
    routing::{
        Question, Rehearsal,
        explain::{Explanation, explain},
    },
    sql,
    topology::View,
};

/// What is asked.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// The statement
    pub(super) statement: String,
    /// The client's user
    #[arg(long, default_value = "")]
    pub(super) user: String,
    /// The session's current schema
    #[arg(long)]
    pub(super) schema: Option<String>,
    /// The client's address
    #[arg(long, value_name = "ADDRESS")]
    pub(super) client: Option<IpAddr>,
    /// What the client calls itself in its connection attributes
    #[arg(long, value_name = "NAME")]
    pub(super) application: Option<String>,
    /// Inside a transaction that may write
    #[arg(long)]
    pub(super) in_transaction: bool,
    /// Through the binary protocol, as a prepared statement
    #[arg(long)]
    pub(super) prepared: bool,
    /// As JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
}

/// A statement in no session in particular.
pub(super) fn plain(statement: String, user: String) -> Options {
    Options {
        file: ConfigFile { config: PathBuf::new() },
        statement,
        user,
        schema: None,
        client: None,
        application: None,
        in_transaction: false,
        prepared: false,
        json: false,
    }
}

/// Loads the configuration, decides as a running Forebay would with all servers in good health, and tells how.
pub fn run(options: &Options) -> ExitCode {
    let config = match config::load(&options.file.config) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::FAILURE;
        }
    };
    let explanation = explained(&config, options);
    let shown = match options.json {
        true => serde_json::to_string_pretty(&explanation).map(|json| json + "\n").map_err(std::io::Error::other),
        false => Ok(drawn(&explanation)),
    };
    // A reader that has seen enough (`| head`) is no failure.
    match shown.and_then(|text| anstream::stdout().write_all(text.as_bytes())) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("forebay: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Decides and tells how.
pub(super) fn explained(config: &Config, options: &Options) -> Explanation {
    explained_in(&session(config, options), config, options)
}

/// The same in the course of a session, which goes on with the statement.
pub(super) fn rehearsed(session: &mut Rehearsal, config: &Config, options: &Options) -> Explanation {
    let explanation = explained_in(session, config, options);
    if !explanation.decided.iter().any(|decided| decided.aspect == "deny") {
        let text = explanation.becomes.as_deref().unwrap_or(&options.statement).as_bytes();
        let dialect = config::dialect(config.proxy.server_version.as_deref());
        session.ran(&sql::facts(text, dialect), text, explanation.server_id);
    }
    explanation
}

/// A session that begins as is asked for.
pub(super) fn session(config: &Config, options: &Options) -> Rehearsal {
    let flavor = config::dialect(config.proxy.server_version.as_deref()).flavor;
    Rehearsal::new(flavor, options.schema.as_deref(), options.in_transaction)
}

fn explained_in(session: &Rehearsal, config: &Config, options: &Options) -> Explanation {
    let dialect = config::dialect(config.proxy.server_version.as_deref());
    let text = options.statement.as_bytes();
    let facts = sql::facts(text, dialect);
    let of_user = config.user_consistency.get(&options.user);
    explain(&Question {
        facts: &facts,
        text,
        dialect,
        user: &options.user,
        schema: session.schema(),
        client: options.client,
        application: &|| options.application.clone().map(String::into_bytes),
        prepared: options.prepared,
        session: session.view(),
        mentions_primary_only: session.mentions_primary_only(text, dialect, &|name| config.proxy.is_primary_only(name)),
        rules: &config.rules,
        verdict: None,
        view: &View::assumed(&config.topology.servers),
        consistency: of_user.copied().unwrap_or(config.proxy.consistency),
        max_lag: config.user_max_lag.get(&options.user).copied().or(config.proxy.max_lag),
        has_seen: &|_| true,
        hints_may_loosen: config.proxy.hints_may_loosen,
        balance: config.proxy.balance,
        turn: 0,
        cost: &|_| None,
        latency_us: &|_| 0,
        load: &|_| 0,
    })
}

/// The explanation's lines in colour: what matches and what is decided stands out. (Where nobody sees colours they are
/// left out on the way.)
fn drawn(explanation: &Explanation) -> String {
    let (bold, faint) = (Style::new().bold(), Style::new().dimmed());
    let (good, bad) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default().bold());
    let line = |line: &str| {
        let style = match () {
            () if line.starts_with("decision:") => bold,
            () if line.starts_with("deny:") => bad,
            () if line.starts_with("rule:") && line.contains(": matches: decides") => good,
            () if line.starts_with("rule:") => faint,
            () => Style::new(),
        };
        format!("{style}{line}{style:#}\n")
    };
    explanation.to_string().lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_shipped_configuration_explains_itself() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config.yaml");
        let config = config::load_with(file.as_ref(), &|_| None).unwrap();
        let explained = |arguments: &[&str]| {
            let all = [&["explain", "--config", file], arguments].concat();
            explained(&config, &Cli::try_parse_from(all).unwrap().options)
        };
        let read = explained(&["SELECT * FROM t WHERE id = 7"]);
        assert!(read.target.starts_with("replicas (replica"), "{read}");
        let json: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(
            (&json["kind"], &json["reason"], &json["has"][0]),
            (&"select".into(), &"plain_read".into(), &"where".into())
        );
        let kept = explained(&["--in-transaction", "SELECT 1"]);
        assert_eq!((kept.target.as_str(), kept.reason.as_str()), ("primary (primary)", "in_transaction"));
        assert!(drawn(&kept).contains("\u{1b}[1mdecision: primary"));
    }
}
