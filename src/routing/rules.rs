//! Rule files, compiled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules { _private: () }
