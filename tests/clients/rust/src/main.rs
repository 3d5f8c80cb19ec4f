//! sqlx or diesel (the first argument) against DB_PORT: one line per observation, so that two runs can be compared as text.

mod orm;
mod pool;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("sqlx") => pool::main(),
        Some("diesel") => orm::main(),
        other => panic!("sqlx or diesel, not {other:?}"),
    }
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// The statements of `session.sql` or `types.sql`.
fn lines(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{}/{file}", env("CLIENT_FILES"))).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}
