//! Length-encoded integers and strings, and a cursor that never panics.
use super::Malformed;

/// Reads fields from the front of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> { pub rest: &'a [u8] }

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self { Reader { rest: bytes } }
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> { todo!() }
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> { todo!() }
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> { todo!() }
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> { todo!() }
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> { todo!() }
    pub fn lenenc_int(&mut self, what: &'static str) -> Result<u64, Malformed> { todo!() }
    pub fn lenenc_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> { todo!() }
    /// A text-protocol cell: `None` is NULL (0xfb).
    pub fn cell(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, Malformed> { todo!() }
    /// Up to a zero byte, which is consumed.
    pub fn nul_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> { todo!() }
}

pub fn push_int(out: &mut Vec<u8>, value: u64) { todo!() }
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) { todo!() }
