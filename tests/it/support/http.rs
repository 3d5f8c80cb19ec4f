//! Requests to Forebay's HTTP port, each on a connection of its own.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// A page for who has this token; the whole answer.
pub fn get(port: u16, path: &str, token: &str) -> String {
    get_with(port, path, &format!("Authorization: Bearer {token}\r\n"))
}

/// The same for who sends these headers, with their line ends.
pub fn get_with(port: u16, path: &str, headers: &str) -> String {
    ask(port, &format!("GET {path} HTTP/1.1\r\n{headers}"), "")
}

/// The same with a body, and headers with their line ends.
pub fn post(port: u16, path: &str, headers: &str, body: &str) -> String {
    ask(port, &format!("POST {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\n", body.len()), body)
}

fn ask(port: u16, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("{head}Host: x\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
