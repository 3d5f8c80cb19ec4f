//! Folding: `IN (1, 2, 3)` becomes `in (?)`, the rows of `VALUES (1, 2), (3, 4)` become one.
use super::{Shape, Sink};
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::words::Word;

/// The list being folded: the innermost one that began last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fold {
    list: Option<List>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    /// Parentheses open where its commas stand.
    depth: usize,
    /// Rows of VALUES, not the elements of an IN.
    rows: bool,
    /// Where the element before stands in the buffer.
    previous: Option<(usize, usize)>,
    /// Where the current element begins, once its first token has come.
    start: Option<usize>,
}

impl Fold {
    /// A parenthesis was opened after this word; `at` is behind it.
    pub(super) fn opened(&mut self, word: Word, depth: usize, at: usize) {
        if word == Word::In {
            self.list = Some(List { depth, rows: false, previous: None, start: Some(at) });
        }
    }

    /// A token begins here.
    pub(super) fn element_starts(&mut self, at: usize) {
        if let Some(list) = &mut self.list {
            list.start.get_or_insert(at);
        }
    }

    pub(super) fn closes_at(&self, depth: usize) -> bool {
        self.list.is_some_and(|list| list.depth == depth)
    }

    pub(super) fn stop(&mut self) {
        self.list = None;
    }

    /// From where on the buffer must be kept.
    pub(super) fn needs_from(&self) -> Option<usize> {
        let list = self.list?;
        list.previous.map(|(start, _)| start).or(list.start)
    }

    /// So many bytes at the front of the buffer are gone.
    pub(super) fn moved(&mut self, bytes: usize) {
        let Some(list) = &mut self.list else { return };
        list.previous =
            list.previous.and_then(|(start, end)| Some((start.checked_sub(bytes)?, end.checked_sub(bytes)?)));
        list.start = list.start.map(|start| start.saturating_sub(bytes));
    }
}

impl<S: Sink> Shape<S> {
    /// Begins, goes on with or ends the rows of a VALUES, by the token that comes next.
    pub(super) fn rows(&mut self, token: Token, lower: &[u8]) {
        let opens = token.is(b'(') || (token.kind == TokenKind::Word && lower == b"row");
        if opens && matches!(self.last_word, Word::Values | Word::Value) && self.last == super::Last::Name {
            self.fold.list = Some(List { depth: self.depth, rows: true, previous: None, start: None });
            return;
        }
        let Some(list) = self.fold.list else { return };
        if list.depth != self.depth {
            return;
        }
        let goes_on = opens || token.is(b',') || token.is(b')') || !list.rows;
        if token.is(b',') || !goes_on {
            self.write_signs();
            self.end_element();
        }
        if !goes_on {
            self.fold.stop();
        }
    }

    /// The text ends.
    pub(super) fn end_rows(&mut self) {
        if self.fold.list.is_some_and(|list| list.rows && list.depth == self.depth) {
            self.end_element();
        }
        self.fold.stop();
    }

    /// At the end of an element of the list: drops it if it equals the one before it.
    pub(super) fn end_element(&mut self) {
        let Some(list) = &mut self.fold.list else { return };
        if list.depth != self.depth {
            return;
        }
        let Some(start) = list.start.take() else { return };
        let current = (start, self.length);
        let same =
            list.previous.is_some_and(|(from, to)| self.buffer.get(from..to) == self.buffer.get(start..self.length));
        match list.previous {
            Some((_, end)) if same => self.length = end,
            _ => list.previous = Some(current),
        }
    }

    /// NULL, TRUE, FALSE and DEFAULT count as literals where rows are folded.
    pub(super) fn is_literal_in_row(&self, word: Word) -> bool {
        matches!(word, Word::Null | Word::Default)
            && self.fold.list.is_some_and(|list| list.rows && list.depth + 1 == self.depth)
    }
}
