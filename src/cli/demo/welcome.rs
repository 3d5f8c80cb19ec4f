//! What the reader sees when everything runs.

use super::{
    cluster::Place,
    replication::{APP_USER, PASSWORD},
    sample::DATABASE,
};

/// The text after the start: where to connect and what to try. `legend`: what the lines below it show.
pub fn text(title: &str, port: u16, servers: &[Place], legend: &str) -> String {
    let list: Vec<_> =
        servers.iter().map(|server| format!("    {:<10} 127.0.0.1:{}", server.name, server.port)).collect();
    format!(
        "
Forebay is in front of {title}:

{servers}

Connect with any MySQL client:

    mysql://{APP_USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}

    mariadb --comments -h 127.0.0.1 -P {port} -u {APP_USER} -p{PASSWORD} {DATABASE}
    mysql   --comments -h 127.0.0.1 -P {port} -u {APP_USER} -p{PASSWORD} {DATABASE}

    PHP      new PDO('mysql:host=127.0.0.1;port={port};dbname={DATABASE}', '{APP_USER}', '{PASSWORD}')
    Laravel  DB_CONNECTION=mysql
             DB_HOST=127.0.0.1
             DB_PORT={port}
             DB_DATABASE={DATABASE}
             DB_USERNAME={APP_USER}
             DB_PASSWORD={PASSWORD}

Try:

    SELECT t.title, COUNT(*) FROM topics t JOIN conversations c ON c.topic_id = t.id GROUP BY t.id LIMIT 5;
    UPDATE users SET city = 'Lisbon' WHERE id = 1;
    SELECT city FROM users WHERE id = 1;                 -- sees the update
    SELECT * FROM users WHERE id = 1 FOR UPDATE;         -- a locking read
    /* forebay: primary */ SELECT COUNT(*) FROM feedback;
    START TRANSACTION READ ONLY; SELECT COUNT(*) FROM sessions; COMMIT;

Below: every statement and where it went ({legend}). Ctrl-C ends it all.
",
        servers = list.join("\n"),
    )
}
