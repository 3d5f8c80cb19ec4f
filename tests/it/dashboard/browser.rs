//! A real Chromium, driven by its own driver (<https://www.w3.org/TR/webdriver2/>).

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{forebay::free_port, paths::scratch, process::eventually};

/// One window.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// `None`: there is no Chromium here.
    pub fn start(name: &str, (width, height): (u32, u32), is_dark: bool) -> Option<Browser> {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut browser = Browser { driver, port, session: String::new() };
        eventually("the driver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let profile = scratch(name).join("profile");
        fs::create_dir_all(&profile).unwrap();
        let mut flags = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--disable-dev-shm-usage".into(),
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={width},{height}"),
        ];
        if is_dark {
            flags.push("--blink-settings=preferredColorScheme=0".into());
        }
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let made = browser.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Some(browser)
    }

    pub fn open(&self, url: &str) {
        self.order("/url", &json!({ "url": url }));
    }

    /// What a script returns.
    pub fn script(&self, text: &str) -> Value {
        self.order("/execute/sync", &json!({ "script": text, "args": [] }))
    }

    /// Waits until a script returns true.
    pub fn until(&self, what: &str, condition: &str) {
        eventually(&format!("{what}: {}", self.text()), || self.script(&format!("return !!({condition})")) == true);
    }

    /// Becomes a phone's screen of this size.
    pub fn phone(&self, width: u32, height: u32) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.order("/goog/cdp/execute", &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": screen }));
    }

    /// What is to be read.
    pub fn text(&self) -> String {
        self.script("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the first button or link with this text.
    pub fn click(&self, text: &str) {
        let find = format!(
            "[...document.querySelectorAll('button, a')].find((one) => one.textContent.trim() === {} && one.checkVisibility())",
            json!(text)
        );
        self.until(text, &find);
        self.script(&format!("({find}).click()"));
    }

    /// Types into whatever has the focus.
    pub fn keys(&self, keys: &str) {
        let down_and_up =
            |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(down_and_up).collect();
        self.order("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// What the console complains of.
    pub fn complaints(&self) -> Vec<String> {
        let lines = self.order("/se/log", &json!({ "type": "browser" }));
        lines.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let picture = self.ask("GET", &format!("/session/{}/screenshot", self.session), &Value::Null);
        STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    fn order(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let ask = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        stream.write_all(ask.as_bytes()).unwrap();
        let answer = body_of(&mut BufReader::new(stream));
        let mut answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        assert!(answer["value"]["error"].is_null(), "{method} {path} {body}: {answer}");
        answer["value"].take()
    }
}

/// The driver leaves the connection open, whatever it is asked.
fn body_of(stream: &mut impl BufRead) -> String {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(given) = line.strip_prefix("content-length:") {
            length = given.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
