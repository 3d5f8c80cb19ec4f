//! `${NAME}` and `${NAME:-default}` in values; `$${` writes a literal `${`. What an environment variable holds is never read as YAML.

use super::{
    error::Findings,
    yaml::{Node, Value},
};

/// Looks an environment variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts the environment's values into every scalar below `node` (keys stay as they are).
pub fn interpolate(node: &mut Node, environment: Environment<'_>, findings: &Findings) {
    match &mut node.value {
        Value::Null | Value::Broken => {}
        Value::Scalar(text) => match expand(text, environment) {
            Ok(expanded) => {
                node.from_environment = *text != expanded;
                *text = expanded;
            }
            Err(message) => {
                findings.error(node.at, message);
                node.value = Value::Broken;
            }
        },
        Value::List(items) => items.iter_mut().for_each(|item| interpolate(item, environment, findings)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, item)| interpolate(item, environment, findings)),
    }
}

fn expand(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = rest.split_at(start);
        let after = after.strip_prefix("${").unwrap_or(after);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some((reference, behind)) = after.split_once('}') else {
            return Err("`${` without its `}`: write `${NAME}`, `${NAME:-default}`, or `$${` for a literal `${`".into());
        };
        out.push_str(&value_of(reference, environment)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// As in a shell: the default also stands in for an empty variable.
fn value_of(reference: &str, environment: Environment<'_>) -> Result<String, String> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(format!(
            "`${{{name}}}` is not the name of an environment variable: write `${{NAME}}`, or `$${{` for a literal `${{`"
        ));
    }
    match (environment(name), default) {
        (Some(value), _) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (Some(empty), None) => Ok(empty),
        (None, None) => Err(format!(
            "environment variable `{name}` is not set: set it, or give a default as in `${{{name}:-value}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "A" => Some("alpha".into()),
            "EMPTY" => Some(String::new()),
            "TRICKY" => Some("${A}: [".into()),
            _ => None,
        }
    }

    #[test]
    fn values_are_put_in() {
        for (text, expected) in [
            ("${A}", "alpha"),
            ("x${A}y${A}", "xalphayalpha"),
            ("${B:-b}", "b"),
            ("${A:-b}", "alpha"),
            ("${EMPTY:-e}", "e"),
            ("${EMPTY}", ""),
            ("${B:-}", ""),
            ("${B:-127.0.0.1:3306}", "127.0.0.1:3306"),
            ("$${A} $A $", "${A} $A $"),
            ("${TRICKY}", "${A}: ["),
        ] {
            assert_eq!(expand(text, &environment).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, expected) in [("${B}", "`B` is not set"), ("${A", "without its `}`"), ("${1a}", "is not the name")] {
            assert!(expand(text, &environment).unwrap_err().contains(expected), "{text}");
        }
    }
}
