//! The page of metrics, value by value, for those who tell them in another form.

/// One value of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'p> {
    /// The metric's name, without what its values' names end in.
    pub family: &'p str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'p str,
    /// The value's name.
    pub name: &'p str,
    /// As they stand in braces.
    pub labels: &'p str,
    /// As it stands there.
    pub value: &'p str,
}

/// All of a page's.
pub fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    let (mut family, mut kind) = ("", "");
    page.lines().filter_map(move |line| {
        if let Some(said) = line.strip_prefix("# TYPE ") {
            (family, kind) = said.split_once(' ').unwrap_or_default();
        }
        if line.starts_with('#') {
            return None;
        }
        let (name, value) = line.rsplit_once(' ')?;
        let (name, labels) = name.split_once('{').unwrap_or((name, ""));
        Some(Sample { family, kind, name, labels: labels.strip_suffix('}').unwrap_or(labels), value })
    })
}

impl<'p> Sample<'p> {
    /// Name and value of each label.
    pub fn each_label(&self) -> Vec<(&'p str, String)> {
        let (mut all, mut rest) = (Vec::new(), self.labels);
        while let Some((name, quoted)) = rest.split_once("=\"") {
            let (mut value, mut escaped, mut end) = (String::new(), false, quoted.len());
            for (at, c) in quoted.char_indices() {
                match (escaped, c) {
                    (true, 'n') => value.push('\n'),
                    (true, c) => value.push(c),
                    (false, '\\') => {}
                    (false, '"') => {
                        end = at;
                        break;
                    }
                    (false, c) => value.push(c),
                }
                escaped = c == '\\' && !escaped;
            }
            all.push((name, value));
            rest = quoted.get(end + 1..).unwrap_or_default().trim_start_matches(',');
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_is_written() {
        let page = "# HELP a A thing.\n# TYPE a counter\na_total{rule=\"x \\\"y\\\" {,\\\\\",kind=\"b\\nc\"} 5\n# TYPE b gauge\nb 0.5\n# EOF\n";
        let all: Vec<_> = samples(page).collect();
        let [a, b] = all[..] else { panic!("{all:?}") };
        assert_eq!((a.family, a.kind, a.name, a.value), ("a", "counter", "a_total", "5"));
        assert_eq!(a.each_label(), [("rule", "x \"y\" {,\\".to_owned()), ("kind", "b\nc".to_owned())]);
        assert_eq!((b.family, b.kind, b.labels, b.value), ("b", "gauge", "", "0.5"));
        assert_eq!(b.each_label(), []);
    }
}
