//! YAML, line by line, with comments.

/// A file that grows.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    without_equal: usize,
}

impl Page {
    /// A line.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// What has no equal, and what to do in its place.
    pub(super) fn no_equal(&mut self, indent: usize, what: &str) {
        self.without_equal += 1;
        self.remark(indent, &format!("no equal: {what}"));
    }

    /// A comment; what comes of a file may have lines of its own.
    pub(super) fn remark(&mut self, indent: usize, what: &str) {
        let what = what.replace(|c: char| c.is_control(), " ");
        self.line(&format!("{:indent$}# {what}", ""));
    }

    pub(super) fn without_equal(&self) -> usize {
        self.without_equal
    }

    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// A text in quotes: YAML reads JSON's.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same where `${NAME}` would be read from the environment.
pub(super) fn literal(text: &str) -> String {
    quoted(&text.replace("${", "$${"))
}
