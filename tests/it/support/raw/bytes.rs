//! Fields of the protocol, read and written. Not `forebay::wire`: an oracle must not share the proxy's mistakes.

/// Reads fields from the front; panics where they are missing (in a test that is the finding).
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        assert!(n <= self.0.len(), "{n} bytes wanted of {:02x?}", self.0);
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        head
    }

    pub fn int(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    }

    pub fn nul(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        let text = self.take(end);
        self.0 = self.0.get(1..).unwrap_or_default();
        text
    }

    pub fn lenenc(&mut self) -> u64 {
        match self.int(1) {
            0xfc => self.int(2),
            0xfd => self.int(3),
            0xfe => self.int(8),
            n => n,
        }
    }

    pub fn text(&mut self) -> &'a [u8] {
        let n = usize::try_from(self.lenenc()).unwrap();
        self.take(n)
    }

    /// A cell of a text row: `None` is NULL.
    pub fn cell(&mut self) -> Option<&'a [u8]> {
        if self.0.first() == Some(&0xfb) {
            self.take(1);
            return None;
        }
        Some(self.text())
    }
}

/// Appends a length-encoded number.
pub fn push_lenenc(out: &mut Vec<u8>, n: usize) {
    match n {
        0..=0xfa => out.push(u8::try_from(n).unwrap()),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend(&n.to_le_bytes()[..2]);
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend(&n.to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend(&n.to_le_bytes());
        }
    }
}

/// Appends a length-encoded text.
pub fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    push_lenenc(out, text.len());
    out.extend(text);
}
