//! The forms that a scalar can have: durations, sizes, counts, words from a list. Each knows how to say what would be right.

use std::{path::PathBuf, time::Duration};

use super::suggest;
use crate::{auth::HostPattern, net::Address};

/// How a scalar's text becomes a value.
pub struct Form<T: 'static> {
    /// What it is, with its article: `a duration`.
    pub what: &'static str,
    /// What is right, by example: `` `500ms`, `30s` or `8h` ``.
    pub examples: &'static str,
    /// The value, if the text is right.
    pub parse: fn(&str) -> Option<T>,
}

impl<T> Form<T> {
    /// The value, or what is wrong with the text and what would be right.
    pub fn read(&self, text: &str) -> Result<T, String> {
        (self.parse)(text).ok_or_else(|| format!("`{}` is not {}", shown(text), self.expected()))
    }

    /// ``a duration: write e.g. `30s` ``
    pub fn expected(&self) -> String {
        format!("{}: write {}", self.what, self.examples)
    }
}

/// A value from the configuration as it may be quoted in a message: one line, not too long.
pub fn shown(text: &str) -> String {
    const MAX_CHARACTERS: usize = 60;
    let mut out: String = text.chars().take(MAX_CHARACTERS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        out.push('…');
    }
    out
}

/// Any text but the empty one.
pub const TEXT: Form<String> = Form {
    what: "a text",
    examples: "something that is not empty",
    parse: |text| (!text.is_empty()).then(|| text.to_owned()),
};

/// TCP or Unix.
pub const ADDRESS: Form<Address> = Form {
    what: "an address",
    examples: "host:port, [ipv6]:port or the path of a Unix socket",
    parse: |text| text.parse().ok(),
};

/// From where a client or a proxy may come.
pub const HOST: Form<HostPattern> = Form {
    what: "a host pattern",
    examples: "it as `%`, `10.0.0.0/8`, `192.168.1.%`, `localhost` or an address",
    parse: |text| HostPattern::parse(text).ok(),
};

/// A time span that may be zero.
pub const DURATION: Form<Duration> =
    Form { what: "a duration", examples: "it as `500ms`, `30s` or `8h`", parse: duration };

/// A time span above zero.
pub const POSITIVE_DURATION: Form<Duration> = Form {
    what: "a duration above zero",
    examples: "it as `500ms`, `30s` or `8h`",
    parse: |text| duration(text).filter(|duration| !duration.is_zero()),
};

/// A time span above zero, or none.
pub const DURATION_OR_OFF: Form<Option<Duration>> = Form {
    what: "a duration above zero",
    examples: "it as `500ms`, `30s` or `8h`, or `off`",
    parse: |text| or_off(text, POSITIVE_DURATION.parse),
};

/// At least 1.
pub const COUNT: Form<u32> = Form {
    what: "a count",
    examples: "a whole number from 1 to 4294967295",
    parse: |text| text.parse().ok().filter(|&count| count > 0),
};

/// At least 1, or no limit.
pub const COUNT_OR_OFF: Form<Option<u32>> =
    Form { what: "a count", examples: "a whole number above zero, or `off`", parse: |text| or_off(text, COUNT.parse) };

/// At least 0.
pub const NUMBER: Form<usize> = Form {
    what: "a number",
    examples: "a whole number",
    parse: |text| text.parse::<u32>().ok().and_then(|number| usize::try_from(number).ok()),
};

/// At least 0, or no limit.
pub const NUMBER_OR_OFF: Form<Option<usize>> =
    Form { what: "a number", examples: "a whole number, or `off`", parse: |text| or_off(text, NUMBER.parse) };

/// 1 to 1024, or as many as there are processors.
pub const THREADS: Form<Option<usize>> = Form {
    what: "a number of threads",
    examples: "a whole number from 1 to 1024, or `auto`",
    parse: |text| match text {
        "auto" => Some(None),
        _ => text.parse().ok().filter(|threads| (1..=1024).contains(threads)).map(Some),
    },
};

/// 0 to 1000.
pub const WEIGHT: Form<u32> = Form {
    what: "a weight",
    examples: "a whole number from 0 to 1000",
    parse: |text| text.parse().ok().filter(|&weight| weight <= 1000),
};

/// Bytes of `max_allowed_packet`, as the servers bound it.
pub const PACKET_SIZE: Form<usize> = Form {
    what: "a size from 1KiB to 1GiB",
    examples: "it as `16MiB` or `64MiB`",
    parse: |text| size(text).filter(|bytes| (1 << 10..=1 << 30).contains(bytes)),
};

/// A path; a relative one is so to the folder of the configuration (`secret::beside`).
pub const FILE: Form<PathBuf> =
    Form { what: "a file", examples: "a path", parse: |text| (!text.is_empty()).then(|| PathBuf::from(text)) };

/// Bytes, at least one.
pub const SIZE: Form<u64> = Form {
    what: "a size",
    examples: "it as `64KiB`, `16MiB` or `1GiB`",
    parse: |text| size(text).filter(|bytes| *bytes > 0).and_then(|bytes| u64::try_from(bytes).ok()),
};

/// Bytes, or no bound.
pub const SIZE_OR_OFF: Form<Option<u64>> =
    Form { what: "a size", examples: "it as `16MiB` or `1GiB`, or `off`", parse: |text| or_off(text, SIZE.parse) };

/// Bytes of the relay's window.
pub const WINDOW_SIZE: Form<usize> = Form {
    what: "a size from 16KiB to 1GiB",
    examples: "it as `256KiB` or `1MiB`",
    parse: |text| size(text).filter(|bytes| (16 << 10..=1 << 30).contains(bytes)),
};

/// What a greeting can carry and a client can parse.
pub const VERSION: Form<String> = Form {
    what: "a server version",
    examples: "it as `9.7.0` or `10.11.8-MariaDB`",
    parse: |text| {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (printable && text.starts_with(|c: char| c.is_ascii_digit())).then(|| text.to_owned())
    },
};

/// Yes or no.
pub const SWITCH: Form<bool> = Form {
    what: "a switch",
    examples: "`true` or `false`",
    parse: |text| match text {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    },
};

/// One of a few words.
pub struct Words<T: 'static> {
    /// What they are: `a role`.
    pub what: &'static str,
    /// Each word and what it means.
    pub words: &'static [(&'static str, T)],
}

impl<T: Copy> Words<T> {
    /// The meaning, or which word would be right.
    pub fn read(&self, text: &str) -> Result<T, String> {
        match self.words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => Err(self.wrong(text)),
        }
    }

    /// ``a role: write `primary` or `replica` ``
    pub fn expected(&self) -> String {
        format!("{}: write {}", self.what, suggest::one_of(&self.names()))
    }

    fn wrong(&self, text: &str) -> String {
        let not = format!("`{}` is not {}", shown(text), self.what);
        let all = suggest::one_of(&self.names());
        match suggest::nearest(text, self.names()) {
            Some(word) => format!("{not}: did you mean `{word}`? (It is {all})"),
            None => format!("{not}: write {all}"),
        }
    }

    /// The words alone.
    pub fn names(&self) -> Vec<&'static str> {
        self.words.iter().map(|(word, _)| *word).collect()
    }
}

/// What `off` is to a value.
pub fn or_off<T>(text: &str, parse: fn(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        "off" => Some(None),
        _ => parse(text).map(Some),
    }
}

/// `0` alone needs no unit; everything else does, so that nobody has to guess it.
fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

fn size(text: &str) -> Option<usize> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" | "K" | "k" => 10,
        "MiB" | "M" | "m" => 20,
        "GiB" | "G" | "g" => 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests;
