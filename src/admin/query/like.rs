//! LIKE.

/// Whether a text is like a pattern: `%` is anything, `_` one character, a backslash takes the next as it is. In any case.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let pattern = tokens(&pattern.to_lowercase());
    let (mut at, mut in_pattern) = (0, 0);
    // Where the last `%` stands, and how much it has taken so far: only that one is ever tried again.
    let mut last: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some(Token::Any) => {
                last = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(Token::One) => (at, in_pattern) = (at + 1, in_pattern + 1),
            Some(Token::Is(character)) if *character == text[at] => (at, in_pattern) = (at + 1, in_pattern + 1),
            _ => match last {
                Some((place, taken)) => {
                    last = Some((place, taken + 1));
                    (at, in_pattern) = (taken + 1, place + 1);
                }
                None => return false,
            },
        }
    }
    pattern[in_pattern..].iter().all(|token| *token == Token::Any)
}

#[derive(PartialEq)]
enum Token {
    Any,
    One,
    Is(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut characters = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '%' => Token::Any,
            '_' => Token::One,
            '\\' => Token::Is(characters.next().unwrap_or('\\')),
            other => Token::Is(other),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn as_in_sql() {
        for (text, pattern) in
            [("replica1", "rep%"), ("Replica1", "%CA_"), ("", "%"), ("a%b", "a\\%b"), ("abcabd", "%ab_"), ("ä", "_")]
        {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("replica1", "rep"), ("", "_"), ("axb", "a\\%b"), ("abc", "%b"), ("ab", "ab_")] {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
        assert!(!like(&"a".repeat(20_000), &"%a".repeat(50).repeat(2).replace("%a%a", "%aa%b")), "in bounded time");
    }
}
