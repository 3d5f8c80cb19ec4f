//! `SET log_level = level`.

use super::{Answer, Call, Failure};
use crate::config::{self, suggest};

const NAME: &str = "log_level";

/// Whether it sets the log level, or was probably meant to. Of what else clients set nothing is kept, and nobody is told.
pub(super) fn is_meant(words: &[&str]) -> bool {
    let name = name(words);
    !name.is_empty() && suggest::nearest(&name, [NAME]).is_some()
}

pub(super) fn set(call: &Call<'_>, words: &[&str], text: &str) -> Result<Answer, Failure> {
    let name = name(words);
    if name != NAME {
        return Err(Failure::Wrong(format!("there is no variable `{name}`: did you mean `{NAME}`?")));
    }
    let level = text.split_once('=').map_or("", |(_, level)| level);
    let level = config::log_level(level.trim().trim_matches(['\'', '"'])).map_err(Failure::Wrong)?;
    call.operator.log.level.set(&level).map_err(|error| Failure::Wrong(error.to_string()))?;
    Ok(Answer::Done(format!("log_level is {level} until the next start")))
}

/// The variable behind SET, however it is written: the level is everybody's, so it is the same for every scope.
fn name(words: &[&str]) -> String {
    let scopes = ["GLOBAL", "SESSION", "LOCAL"];
    let name = match words {
        [scope, name, ..] if scopes.contains(scope) => name,
        [name, ..] => name,
        [] => "",
    };
    let name = name.trim_start_matches("@@");
    let name = match name.split_once('.') {
        Some((scope, name)) if scopes.contains(&scope) => name,
        _ => name,
    };
    name.split(['=', ':']).next().unwrap_or_default().replace('`', "").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_however_it_is_written() {
        let words = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
        for text in [
            "LOG_LEVEL = DEBUG",
            "GLOBAL LOG_LEVEL=DEBUG",
            "SESSION LOG_LEVEL := DEBUG",
            "@@GLOBAL.LOG_LEVEL = DEBUG",
            "@@LOG_LEVEL:='DEBUG'",
            "`LOG_LEVEL` = DEBUG",
        ] {
            assert_eq!((name(&words(text)).as_str(), is_meant(&words(text))), (NAME, true), "{text}");
        }
        for text in ["LOGLEVEL = DEBUG", "GLOBAL LOG_LEVLE = DEBUG", "@@GLOBAL.LOG-LEVEL = DEBUG", "LOG_LEVELS=X"] {
            assert!(name(&words(text)) != NAME && is_meant(&words(text)), "{text}");
        }
        for text in [
            "NAMES UTF8MB4",
            "SQL_LOG_BIN=0",
            "GLOBAL SLOW_QUERY_LOG = 1",
            "LONG_QUERY_TIME = 1",
            "LOCK_WAIT_TIMEOUT=1",
            "LC_MESSAGES='EN_US'",
            "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "AUTOCOMMIT=1",
            "@X = 1",
            "GLOBAL",
            "",
        ] {
            assert!(!is_meant(&words(text)), "{text}");
        }
    }
}
