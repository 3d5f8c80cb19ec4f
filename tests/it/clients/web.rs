//! The Laravel application served to a browser, with its sessions and cache in the database: what a request writes,
//! the next one (on another database connection) must see.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Stdio},
};

use super::{assert_same, run, script};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::{Forebay, Settings, free_port},
    guard, paths,
    process::eventually,
    raw::{Client, Login},
};

both!(application, application_with_cached_pages);

fn application(bed: &Bed) {
    // Sessions live on from connection to connection, so each must see what the others wrote.
    let outputs = [bed.direct(), bed.global_forebay()].map(|endpoint| {
        bed.cluster.fresh_database("app_web");
        visit(&endpoint, "app_web")
    });
    assert_same(&outputs);
}

/// Under the rules for Laravel and one that caches what pages show; what the framework reads back by itself is never cached.
fn application_with_cached_pages(bed: &Bed) {
    const PAGES: &str = "rules:\n  - {name: pages, match: {kind: select, tables: [notes]}, cache: {ttl: 10m}}\n";
    let port = free_port();
    let admin = format!("admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n");
    let settings = Settings {
        consistency: "global",
        rules: include_str!("../../../rules/examples/laravel.yaml").replacen("rules:\n", PAGES, 1),
        more: admin,
        ..Settings::default()
    };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    let mut operator = Client::connect(&Endpoint::new(port), &Login::operator()).unwrap();
    let outputs = [bed.direct(), forebay.endpoint.clone()].map(|endpoint| {
        bed.cluster.fresh_database("app_pages");
        visit(&endpoint, "app_pages")
    });
    assert_same(&outputs);
    let mut page = Client::connect(&forebay.endpoint, &Login::to("app_pages")).unwrap();
    eventually("a page comes from memory", || {
        assert_eq!(page.value("select count(*) as aggregate from `notes`"), "20");
        operator.value("SELECT SUM(hits) FROM cache") != "0"
    });
    for row in operator.rows("SELECT digest FROM cache_entries") {
        let shape = operator.value(&format!("SELECT shape FROM digests WHERE digest = '{}'", row[0]));
        assert!(shape.contains("notes"), "{shape}");
    }
    forebay.assert_sound();
}

fn visit(to: &Endpoint, database: &str) -> String {
    let app = copy_of_the_app();
    let mut migrate = script(paths::cache("laravel/bin/php"), to, database);
    run(migrate.arg(app.join("artisan")).arg("migrate:fresh")).good();
    let mut site = Site::start(&app, to, database);
    let mut said = vec![site.get("/")];
    for i in 0..20 {
        let posted = site.request("POST", "/notes", &format!("body=note+{i}"));
        assert!(posted.contains(&format!("\"body\":\"note {i}\"")), "{posted}");
        let last = site.get("/last");
        assert!(last.contains("\"found\":true"), "{last}");
        said.push(last);
    }
    said.extend([site.get("/hit/1"), site.get("/hit/1"), site.get("/cached"), site.get("/cached"), site.get("/")]);
    said.join("\n")
}

/// The example application, with a storage folder of its own.
pub fn copy_of_the_app() -> PathBuf {
    let to = paths::scratch("app");
    let copied = std::process::Command::new("cp").arg("-a").arg(paths::cache("laravel/app/.")).arg(&to).status();
    assert!(copied.is_ok_and(|status| status.success()));
    to
}

/// PHP's own web server, and one visitor's cookies.
struct Site {
    server: Child,
    port: u16,
    cookies: Vec<String>,
}

impl Site {
    fn start(app: &std::path::Path, to: &Endpoint, database: &str) -> Site {
        let port = free_port();
        let index = app.join("public/index.php");
        let server = script(paths::cache("laravel/bin/php"), to, database)
            .args(["-S", &format!("127.0.0.1:{port}")])
            .arg(&index)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        guard::process(server.id(), index.to_str().unwrap());
        eventually("PHP's web server listens", || TcpStream::connect((Endpoint::HOST, port)).is_ok());
        Site { server, port, cookies: Vec::new() }
    }

    fn get(&mut self, path: &str) -> String {
        self.request("GET", path, "")
    }

    /// The body of an answer that is no failure; keeps the cookies.
    fn request(&mut self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect((Endpoint::HOST, self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            self.cookies.join("; "),
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(head.contains(" 200 ") || head.contains(" 201 "), "{method} {path}: {head}\n{body:.600}");
        let set = head.lines().filter_map(|line| line.strip_prefix("Set-Cookie: "));
        let set: Vec<_> = set.filter_map(|line| line.split(';').next()).map(str::to_owned).collect();
        if !set.is_empty() {
            self.cookies = set;
        }
        body.to_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
