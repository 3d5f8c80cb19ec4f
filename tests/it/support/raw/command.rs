//! COM_STMT_EXECUTE and the values it carries.

use super::bytes::push_text;

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Unsigned(u64),
    Double(f64),
    Bytes(Vec<u8>),
    /// Year, month, day, hour, minute, second, microsecond.
    DateTime(u16, u8, u8, u8, u8, u8, u32),
    /// Sent before by COM_STMT_SEND_LONG_DATA: only the type goes with the execution.
    LongData,
}

/// COM_STMT_EXECUTE's payload. `cursor`: 0 none, 1 read only.
pub fn execute(statement_id: u32, cursor: u8, values: &[Value], bind_types: bool) -> Vec<u8> {
    let mut out = vec![0x17];
    out.extend(statement_id.to_le_bytes());
    out.push(cursor);
    out.extend(1_u32.to_le_bytes());
    if values.is_empty() {
        return out;
    }
    let mut nulls = vec![0_u8; values.len().div_ceil(8)];
    for (i, value) in values.iter().enumerate() {
        if *value == Value::Null {
            nulls[i / 8] |= 1 << (i % 8);
        }
    }
    out.extend(nulls);
    out.push(u8::from(bind_types));
    if bind_types {
        for value in values {
            out.extend(type_of(value));
        }
    }
    for value in values {
        push_value(&mut out, value);
    }
    out
}

fn type_of(value: &Value) -> [u8; 2] {
    match value {
        Value::Null => [6, 0],
        Value::Int(_) => [8, 0],
        Value::Unsigned(_) => [8, 0x80],
        Value::Double(_) => [5, 0],
        Value::Bytes(_) => [253, 0],
        Value::DateTime(..) => [12, 0],
        Value::LongData => [252, 0],
    }
}

fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null | Value::LongData => {}
        Value::Int(n) => out.extend(n.to_le_bytes()),
        Value::Unsigned(n) => out.extend(n.to_le_bytes()),
        Value::Double(n) => out.extend(n.to_le_bytes()),
        Value::Bytes(text) => push_text(out, text),
        Value::DateTime(year, month, day, hour, minute, second, micros) => {
            out.push(11);
            out.extend(year.to_le_bytes());
            out.extend([*month, *day, *hour, *minute, *second]);
            out.extend(micros.to_le_bytes());
        }
    }
}

/// A value as the case files write it: `null`, `i:5`, `u:5`, `f:1.5`, `s:text`, `t:2026-01-02`, `long`.
pub fn parse_value(text: &str) -> Value {
    match text.split_once(':') {
        None if text == "long" => Value::LongData,
        None => Value::Null,
        Some(("i", n)) => Value::Int(n.parse().unwrap()),
        Some(("u", n)) => Value::Unsigned(n.parse().unwrap()),
        Some(("f", n)) => Value::Double(n.parse().unwrap()),
        Some(("t", day)) => {
            let mut parts = day.split('-');
            let mut part = || parts.next().unwrap();
            Value::DateTime(part().parse().unwrap(), part().parse().unwrap(), part().parse().unwrap(), 3, 4, 5, 678_901)
        }
        Some((_, text)) => Value::Bytes(text.as_bytes().to_vec()),
    }
}
