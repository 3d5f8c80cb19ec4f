//! Everything else that is read: commands, OK and ERR packets, columns, rows.
use super::Source;
use crate::wire::{
    capability::{CapabilityFlags, StatusFlags},
    column::Column,
    command::{self, Command},
    err::Err as ErrPacket,
    ok::{Eof, HEADER, Ok as OkPacket, push_session_change, session_changes},
    row,
    statement::{self, Parameters, PrepareOk, set_prepare_ok_id},
};

/// The first byte says which decoder reads the rest.
pub fn messages(data: &[u8]) {
    let mut source = Source::new(data);
    match source.byte() % 8 {
        0 => commands(source),
        1 => oks(source),
        2 => errors(source.rest),
        3 => fixed(source.rest),
        4 => columns(source.rest),
        5 => text_rows(source),
        6 => binary_rows(source),
        _ => changes(source.rest),
    }
}

fn commands(mut source: Source<'_>) {
    let capabilities = CapabilityFlags::from_bits_retain(source.u32());
    let (parameters, id) = (source.u16() % 300, source.u32());
    match command::parse(source.rest, capabilities) {
        Command::Query(query) => {
            let both = [query.attributes, query.text].concat();
            assert_eq!(&source.rest[1..], both, "attributes and text are all there is");
        }
        Command::StmtExecute(execute) => executes(&execute, parameters, id, capabilities),
        command => drop(format!("{command:?}")),
    }
}

fn executes(execute: &statement::Execute<'_>, count: u16, id: u32, capabilities: CapabilityFlags) {
    let attributes = capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
    let mut out = Vec::new();
    statement::push_execute(&mut out, execute, count, attributes, id, None).unwrap();
    let Command::StmtExecute(again) = command::parse(&out, capabilities) else { panic!("no EXECUTE: {out:?}") };
    assert_eq!(again, statement::Execute { statement_id: id, ..*execute });
    let Ok(read) = Parameters::parse(execute, count, attributes) else { return };
    // The types of one execution put into the next, which sends none.
    let (Some(types), true) = (read.types, read.count > 0) else { return };
    let mut bare = Vec::new();
    if attributes {
        crate::wire::lenenc::push_int(&mut bare, read.count as u64);
    }
    bare.extend_from_slice(read.null_bitmap);
    bare.push(0);
    bare.extend_from_slice(read.values);
    let without = statement::Execute { tail: &bare, ..*execute };
    out.clear();
    statement::push_execute(&mut out, &without, count, attributes, id, Some(types)).unwrap();
    let Command::StmtExecute(with) = command::parse(&out, capabilities) else { panic!("no EXECUTE: {out:?}") };
    assert_eq!(Parameters::parse(&with, count, attributes), Ok(read));
}

fn oks(mut source: Source<'_>) {
    let capabilities = CapabilityFlags::from_bits_retain(source.u32());
    let Ok(ok) = OkPacket::parse(source.rest, capabilities) else { return };
    let mut out = Vec::new();
    ok.push(&mut out, HEADER, capabilities);
    let again = OkPacket::parse(&out, capabilities).expect("an OK that was written can be read");
    let unflagged = |ok: OkPacket<'_>| (ok.status - StatusFlags::SERVER_SESSION_STATE_CHANGED).bits();
    assert_eq!(unflagged(again), unflagged(ok));
    assert_eq!(OkPacket { status: ok.status, ..again }, ok);
    changes(ok.session);
}

fn errors(payload: &[u8]) {
    let Ok(err) = ErrPacket::parse(payload) else { return };
    let mut out = Vec::new();
    err.push(&mut out, true);
    assert_eq!(ErrPacket::parse(&out), Ok(err));
}

fn fixed(payload: &[u8]) {
    if let Ok(eof) = Eof::parse(payload) {
        let mut out = Vec::new();
        eof.push(&mut out);
        let status = eof.status - StatusFlags::SERVER_SESSION_STATE_CHANGED;
        assert_eq!(Eof::parse(&out), Ok(Eof { status, ..eof }));
    }
    if let Ok(prepared) = PrepareOk::parse(payload) {
        let mut other = payload.to_vec();
        set_prepare_ok_id(&mut other, 7).unwrap();
        assert_eq!(PrepareOk::parse(&other), Ok(PrepareOk { statement_id: 7, ..prepared }));
    }
}

fn columns(payload: &[u8]) {
    // With extended metadata nothing may be read beyond the end, either.
    let _ = Column::parse(payload, true);
    let Ok(column) = Column::parse(payload, false) else { return };
    let mut out = Vec::new();
    column.push(&mut out);
    assert_eq!(Column::parse(&out, false), Ok(column));
}

fn text_rows(mut source: Source<'_>) {
    let (count, index, value) = (source.below(40), source.below(40), source.bytes(20));
    let Ok(mut cells) = row::text_cells(source.rest, count) else { return };
    let mut out = Vec::new();
    row::push_text_row(&mut out, &cells);
    assert_eq!(row::text_cells(&out, count), Ok(cells.clone()));
    out.clear();
    let replaced = row::replace_text_cell(&mut out, source.rest, count, index, Some(value));
    assert_eq!(replaced.is_ok(), index < count);
    if replaced.is_ok() {
        cells[index] = Some(value);
        assert_eq!(row::text_cells(&out, count), Ok(cells));
    }
}

fn binary_rows(mut source: Source<'_>) {
    let (index, value) = (source.below(20), u64::from(source.u32()));
    let (kinds, text) = (source.bytes(20), source.bytes(300));
    let mut out = Vec::new();
    if row::replace_binary_int(&mut out, source.rest, kinds, index, value).is_ok() {
        assert_eq!(out.len(), source.rest.len(), "an integer is as long as another");
    } else {
        assert!(out.is_empty());
    }
    if row::replace_binary_text(&mut out, source.rest, kinds, index, text).is_ok() {
        let mut twice = Vec::new();
        row::replace_binary_text(&mut twice, &out[..], kinds, index, text).ok();
    }
}

fn changes(block: &[u8]) {
    let read: Vec<_> = session_changes(block).take_while(Result::is_ok).map(Result::unwrap).collect();
    let mut out = Vec::new();
    read.iter().for_each(|change| push_session_change(&mut out, change));
    let again: Result<Vec<_>, _> = session_changes(&out).collect();
    assert_eq!(again, Ok(read));
}
