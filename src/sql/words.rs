//! The words of the grammar that matter here.
use super::table::{Index, next_name};

/// The longest word or function name that is looked up; longer ones are ordinary identifiers.
pub(super) const LONGEST: usize = 32;

/// What an unquoted word means. `Other` is an identifier, or a keyword of no interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(super) enum Word {
    Other,
    /// Reserved on both servers, of no further interest: no identifier and no function's name.
    Reserved,
    // Statements, reserved words first.
    Select, With, Values, Table, Insert, Replace, Update, Delete, Load, Call, Create, Alter, Drop, Rename, Grant,
    Revoke, Set, Use, Show, Explain, Describe, Analyze, Lock, Unlock, Kill, Release, Optimize, Purge,
    Handler, Do, Truncate, Start, Begin, Commit, Rollback, Savepoint, Xa, Prepare, Execute, Deallocate, Get,
    Signal, Admin,
    // Inside statements.
    From, Where, Group, Having, Order, Limit, Union, Join, As, In, For, Into, Procedure, Null, Row,
    /// DISTINCT and the other words between SELECT and its list.
    Modifier,
    CalcFoundRows,
    /// CURRENT_TIMESTAMP and its like: functions without parentheses.
    CurrentTime, CurrentUser,
    // Not reserved on one of the servers at least: may be an identifier or a function's name.
    Except, Recursive, Window, Share, Value, Returning, Outfile, Dumpfile, Default, Sysdate,
}

impl Word {
    /// Can neither be an identifier nor the name of a stored function.
    pub(super) fn is_reserved(self) -> bool {
        use Word::*;
        !matches!(
            self,
            Other
                | Except
                | Recursive
                | Window
                | Share
                | Value
                | Returning
                | Dumpfile
                | Sysdate
                | Handler
                | Do
                | Truncate
                | Start
                | Begin
                | Commit
                | Rollback
                | Savepoint
                | Xa
                | Prepare
                | Execute
                | Deallocate
                | Get
                | Signal
                | Admin
                | CalcFoundRows
                | Row
        )
    }

    /// Turns a SELECT into something else, wherever it stands in it.
    pub(super) fn is_danger(self) -> bool {
        use Word::*;
        matches!(
            self,
            Update | Delete | Load | Call | Lock | Into | Procedure | Outfile | Dumpfile | Create | Drop | Alter
        )
    }
}

/// The class of a word in lower case.
#[inline]
pub(super) fn find(name: &[u8]) -> Word {
    let found = INDEX.find(name, |position| WORDS.get(position).is_some_and(|entry| entry.0 == name));
    found.and_then(|position| WORDS.get(position)).map_or(Word::Other, |entry| entry.1)
}

#[rustfmt::skip]
const GROUPS: &[(&str, Word)] = &[
    ("select", Word::Select), ("with", Word::With), ("values", Word::Values), ("table", Word::Table),
    ("insert", Word::Insert), ("replace", Word::Replace), ("update", Word::Update), ("delete", Word::Delete),
    ("load", Word::Load), ("call", Word::Call), ("create", Word::Create), ("alter", Word::Alter),
    ("drop", Word::Drop), ("rename", Word::Rename), ("grant", Word::Grant), ("revoke", Word::Revoke),
    ("set", Word::Set), ("use", Word::Use), ("show", Word::Show), ("explain", Word::Explain),
    ("describe desc", Word::Describe), ("analyze", Word::Analyze), ("lock", Word::Lock), ("unlock", Word::Unlock),
    ("kill", Word::Kill), ("release", Word::Release), ("optimize", Word::Optimize), ("purge", Word::Purge),
    ("handler", Word::Handler), ("do", Word::Do), ("truncate", Word::Truncate), ("start", Word::Start),
    ("begin", Word::Begin), ("commit", Word::Commit), ("rollback", Word::Rollback), ("savepoint", Word::Savepoint),
    ("xa", Word::Xa), ("prepare", Word::Prepare), ("execute", Word::Execute), ("deallocate", Word::Deallocate),
    ("get", Word::Get), ("signal resignal", Word::Signal),
    ("flush reset repair checksum install uninstall change stop shutdown restart clone backup cache binlog import",
        Word::Admin),
    ("from", Word::From), ("where", Word::Where), ("group", Word::Group), ("having", Word::Having),
    ("order", Word::Order), ("limit", Word::Limit), ("union intersect", Word::Union),
    ("join", Word::Join), ("as", Word::As), ("in", Word::In), ("for", Word::For), ("into", Word::Into),
    ("procedure", Word::Procedure), ("null true false", Word::Null), ("row", Word::Row),
    ("distinct distinctrow all high_priority straight_join", Word::Modifier),
    ("sql_small_result sql_big_result sql_buffer_result sql_no_cache", Word::Modifier),
    ("sql_calc_found_rows", Word::CalcFoundRows),
    ("current_timestamp current_date current_time localtime localtimestamp utc_date utc_time utc_timestamp",
        Word::CurrentTime),
    ("current_user", Word::CurrentUser),
    ("except minus", Word::Except), ("recursive", Word::Recursive), ("window", Word::Window),
    ("share", Word::Share), ("value", Word::Value), ("returning", Word::Returning), ("outfile", Word::Outfile),
    ("dumpfile", Word::Dumpfile), ("default", Word::Default), ("sysdate", Word::Sysdate),
    ("and or xor not div mod is like rlike regexp between exists any some case when then else sounds match
      interval collate binary convert using on over by inner cross natural outer left right partition
      index key keys force ignore unique primary references check column if to both leading trailing
      dual read write add asc char character varchar varbinary decimal numeric float double precision real integer
      int tinyint smallint mediumint bigint unsigned zerofill blob rows range separator database schema
      constraint foreign fulltext spatial terminated starting lines optionally enclosed escaped infile low_priority
      delayed trigger return while repeat loop iterate leave elseif exit cursor condition continue declare
      timestampadd timestampdiff get_format row_number", Word::Reserved),
];

const COUNT: usize = {
    let (mut group, mut count) = (0, 0);
    while group < GROUPS.len() {
        let mut from = 0;
        while let Some((_, end)) = next_name(GROUPS[group].0.as_bytes(), from) {
            count += 1;
            from = end;
        }
        group += 1;
    }
    count
};

const WORDS: &[(&[u8], Word); COUNT] = &{
    let mut entries: [(&[u8], Word); COUNT] = [(b"", Word::Other); COUNT];
    let (mut group, mut count) = (0, 0);
    while group < GROUPS.len() {
        let list = GROUPS[group].0.as_bytes();
        let mut from = 0;
        while let Some((start, end)) = next_name(list, from) {
            entries[count] = (list.split_at(end).0.split_at(start).1, GROUPS[group].1);
            count += 1;
            from = end;
        }
        group += 1;
    }
    entries
};

const INDEX: &Index<1024> = &{
    let mut index = Index::empty();
    let mut position = 0;
    while position < COUNT {
        index.insert(WORDS[position].0, position);
        position += 1;
    }
    index
};

/// The name in lower case, empty if it is longer than [`LONGEST`].
#[inline]
pub(super) fn lower<'b>(name: &[u8], buffer: &'b mut [u8; LONGEST]) -> &'b [u8] {
    let Some(target) = buffer.get_mut(..name.len()) else { return b"" };
    for (to, from) in target.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    target
}
