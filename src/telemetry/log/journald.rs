//! A line as fields of systemd's journal (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).

use super::{
    line::{Line, head},
    syslog::severity,
};

/// A longer one needs more than a datagram.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The datagram.
pub fn message(line: &Line) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.text.len() + 200);
    push(&mut out, "PRIORITY", severity(line.level).to_string().as_str());
    push(&mut out, "SYSLOG_IDENTIFIER", "forebay");
    push(&mut out, "TARGET", &line.module);
    if let Some((file, number)) = &line.place {
        push(&mut out, "CODE_FILE", file);
        push(&mut out, "CODE_LINE", number.to_string().as_str());
    }
    push(&mut out, "MESSAGE", head(&line.text, MAX_TEXT_BYTES));
    out
}

/// With its length, so that anything may be in it: a line feed would end it else.
fn push(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tracing::Level;

    use super::*;

    #[test]
    fn fields_have_their_length() {
        let line = Line {
            at: SystemTime::now(),
            level: Level::INFO,
            module: "forebay::x".into(),
            place: Some(("src/x.rs".into(), 42)),
            text: "x: two\nlines".into(),
        };
        let expected = b"PRIORITY\n\x01\0\0\0\0\0\0\x006\nSYSLOG_IDENTIFIER\n\x07\0\0\0\0\0\0\0forebay\n\
            TARGET\n\x0a\0\0\0\0\0\0\0forebay::x\nCODE_FILE\n\x08\0\0\0\0\0\0\0src/x.rs\nCODE_LINE\n\x02\0\0\0\0\0\0\x0042\n\
            MESSAGE\n\x0c\0\0\0\0\0\0\0x: two\nlines\n";
        assert_eq!(message(&line).escape_ascii().to_string(), expected.escape_ascii().to_string());
    }
}
