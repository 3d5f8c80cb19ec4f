//! The byte lexer: one pass, no allocation, never panics, honours sql_mode and executable comments.

/// How a session's server reads text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    pub flavor: Flavor,
    /// sql_mode ANSI_QUOTES: "x" is an identifier.
    pub ansi_quotes: bool,
    /// sql_mode NO_BACKSLASH_ESCAPES.
    pub no_backslash_escapes: bool,
    /// sql_mode IGNORE_SPACE.
    pub ignore_space: bool,
    /// character_set_client can hold ASCII bytes inside a character (sjis, cp932, gbk, gb18030, big5): only pure-ASCII text is trusted to be a read.
    pub ascii_in_multibyte: bool,
    /// CLIENT_MULTI_STATEMENTS: what follows a `;` is another statement.
    pub multi_statements: bool,
}
/// Whose SQL. Decides `/*M! */`, version comments (`/*!NNNNN` runs if NNNNN <= version), `#`-comments alike on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor { /// e.g. 90704 (five or six digits as in version comments)
    MySql { version: u32 }, /// e.g. 101100 for 10.11
    MariaDb { version: u32 } }
