//! Length-encoded integers and strings, and a cursor that never panics.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html>
use super::Malformed;

/// A text row's NULL, in the place of a length.
const NULL_CELL: u8 = 0xfb;
const TWO_BYTES: u8 = 0xfc;
const THREE_BYTES: u8 = 0xfd;
const EIGHT_BYTES: u8 = 0xfe;

/// Reads fields from the front of a payload. Integers are little-endian. Every read takes the name of what is
/// read, for the error; after an error the position is unspecified.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// What has not been read yet.
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Exactly `n` bytes.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Malformed { what })?;
        self.rest = rest;
        Ok(taken)
    }

    /// Exactly `N` bytes, as an array.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed { what })?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An integer of 1, 3, 4 or 9 bytes. 0xfb (NULL) and 0xff (ERR) begin no integer.
    pub fn lenenc_int(&mut self, what: &'static str) -> Result<u64, Malformed> {
        match self.u8(what)? {
            small if small < NULL_CELL => Ok(u64::from(small)),
            TWO_BYTES => self.u16(what).map(u64::from),
            THREE_BYTES => self.array(what).map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            EIGHT_BYTES => self.u64(what),
            _ => Err(Malformed { what }),
        }
    }

    /// A string behind its length.
    pub fn lenenc_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let length = self.lenenc_int(what)?;
        self.take(usize::try_from(length).map_err(|_| Malformed { what })?, what)
    }

    /// A text-protocol cell: `None` is NULL (0xfb).
    pub fn cell(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
        if let [NULL_CELL, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(None);
        }
        self.lenenc_bytes(what).map(Some)
    }

    /// Up to a zero byte, which is consumed.
    pub fn nul_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let length = self.rest.iter().position(|&byte| byte == 0).ok_or(Malformed { what })?;
        let bytes = self.take(length, what)?;
        self.take(1, what)?;
        Ok(bytes)
    }
}

/// Appends a length-encoded integer in its shortest form.
pub fn push_int(out: &mut Vec<u8>, value: u64) {
    let [a, b, c, rest @ ..] = value.to_le_bytes();
    if value < u64::from(NULL_CELL) {
        out.push(a);
    } else if value <= 0xffff {
        out.extend_from_slice(&[TWO_BYTES, a, b]);
    } else if rest == [0; 5] {
        out.extend_from_slice(&[THREE_BYTES, a, b, c]);
    } else {
        out.push(EIGHT_BYTES);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a string behind its length.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_int(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn int(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        push_int(&mut out, value);
        out
    }

    #[test]
    fn integers_take_the_shortest_form() {
        assert_eq!(int(0), [0]);
        assert_eq!(int(250), [250]);
        assert_eq!(int(251), [0xfc, 251, 0]);
        assert_eq!(int(0xffff), [0xfc, 0xff, 0xff]);
        assert_eq!(int(0x1_0000), [0xfd, 0, 0, 1]);
        assert_eq!(int(0xff_ffff), [0xfd, 0xff, 0xff, 0xff]);
        assert_eq!(int(0x100_0000), [0xfe, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(int(u64::MAX), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn null_and_err_are_no_integers() {
        assert!(Reader::new(&[0xfb]).lenenc_int("x").is_err());
        assert!(Reader::new(&[0xff]).lenenc_int("x").is_err());
        assert_eq!(Reader::new(&[0xfb, 1]).cell("x"), Ok(None));
        assert_eq!(Reader::new(&[0]).cell("x"), Ok(Some(&b""[..])));
    }

    #[test]
    fn a_length_beyond_the_payload_is_an_error() {
        let lies = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, b'x'];
        assert_eq!(Reader::new(&lies).lenenc_bytes("name"), Err(Malformed { what: "name" }));
        assert!(Reader::new(b"no end").nul_bytes("name").is_err());
        assert!(Reader::new(&[1, 2, 3]).u32("n").is_err());
    }

    #[test]
    fn fields_are_read_one_after_the_other() {
        let mut reader = Reader::new(b"\x01\x02\x03\x04\x05\x06\x07name\0\x03abcrest");
        assert_eq!(reader.u8(""), Ok(1));
        assert_eq!(reader.u16(""), Ok(0x0302));
        assert_eq!(reader.u32(""), Ok(0x0706_0504));
        assert_eq!(reader.nul_bytes(""), Ok(&b"name"[..]));
        assert_eq!(reader.lenenc_bytes(""), Ok(&b"abc"[..]));
        assert_eq!(reader.rest, b"rest");
    }

    proptest! {
        #[test]
        fn integers_come_back(value: u64, shift in 0u32..64) {
            let value = value >> shift;
            let bytes = int(value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.lenenc_int("x"), Ok(value));
            prop_assert!(reader.rest.is_empty());
        }

        #[test]
        fn strings_come_back(bytes: Vec<u8>) {
            let mut out = Vec::new();
            push_bytes(&mut out, &bytes);
            prop_assert_eq!(Reader::new(&out).lenenc_bytes("x"), Ok(&bytes[..]));
            prop_assert_eq!(Reader::new(&out).cell("x"), Ok(Some(&bytes[..])));
        }

        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>, n: usize) {
            let reader = Reader::new(&bytes);
            let _ = { reader }.u64("x");
            let _ = { reader }.take(n, "x");
            let _ = { reader }.lenenc_bytes("x");
            let _ = { reader }.cell("x");
            let _ = { reader }.nul_bytes("x");
        }
    }
}
