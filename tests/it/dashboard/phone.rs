//! On a phone in the dark: what is shown, and the orders that its buttons give.

use serde_json::Value;

use super::{ENTER, TOKEN, browser::Browser, metrics};
use crate::support::{
    bed::{Bed, both},
    forebay::{Forebay, Settings, free_port},
    http::get,
    process::eventually,
    raw::{Client, Login},
};

both!(on_a_phone_in_the_dark);

const RULES: &str = "rules:\n- {name: kept, match: {comment: kept}, cache: {ttl: 10m}}\n";
const READ: &str = "SELECT n FROM app.on_the_phone /* kept */";
const WIDTH: u32 = 390;
const SECTIONS: [&str; 7] = ["Overview", "Statements", "Sessions", "Servers", "Rules", "Cache", "Events"];

/// The number of a line of the metrics.
fn metric(http: u16, name: &str) -> f64 {
    let page = metrics(http);
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{page}")).parse().unwrap()
}

fn rows(http: u16, path: &str) -> Vec<Value> {
    let answer = get(http, path, TOKEN);
    let body = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}")).1;
    serde_json::from_str::<Value>(body).unwrap()["rows"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

fn state_of(http: u16, server: &str) -> Value {
    rows(http, "/api/v1/servers").into_iter().find(|row| row["server"] == server).unwrap()["state"].clone()
}

fn opened(http: u16) -> Option<Browser> {
    let browser = Browser::start("phone", (WIDTH, 844), true)?;
    browser.phone(WIDTH, 844);
    browser.open(&format!("http://127.0.0.1:{http}/"));
    assert_eq!(browser.script("return matchMedia('(prefers-color-scheme: dark)').matches"), true);
    browser.until("the door", "document.activeElement.name === 'token'");
    browser.keys(&format!("{TOKEN}{ENTER}"));
    browser.until("it is open", "document.querySelector('.figures')");
    let is_of_the_door = |line: &String| line.contains("/api/v1/whoami") && line.contains("401");
    assert!(browser.complaints().iter().all(is_of_the_door), "only of who had not logged in yet");
    Some(browser)
}

/// Dark, and nothing sticks out of the screen.
fn check_looks(browser: &Browser, section: &str) {
    let width = browser.script("return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)");
    assert!(width.as_u64().unwrap() <= u64::from(WIDTH), "{section} is {width} wide");
    let brightness = browser.script(
        "return getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)",
    );
    assert!(brightness.as_f64().unwrap() < 200.0, "{section}: {brightness}");
}

/// A button of a server's row, and the answer to whether it is meant.
fn order(browser: &Browser, server: &str, action: &str) {
    let find = format!(
        "[...document.querySelectorAll('tbody tr')].filter((row) => row.querySelector('strong')?.textContent === '{server}')\
         .flatMap((row) => [...row.querySelectorAll('button')]).find((one) => one.textContent.trim() === '{action}')"
    );
    browser.until(action, &find);
    browser.script(&format!("({find}).click()"));
    browser.click("Do it");
}

fn on_a_phone_in_the_dark(bed: &Bed) {
    let http = free_port();
    let more = format!("admin:\n  http: {{listen: \"127.0.0.1:{http}\", token: {TOKEN}}}\n");
    let forebay = Forebay::start(bed.cluster, &Settings { more, rules: RULES.to_owned(), ..Settings::default() });
    forebay.wait_until_serving();
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    for statement in ["DROP TABLE IF EXISTS app.on_the_phone", "CREATE TABLE app.on_the_phone (n INT)"] {
        direct.ok(statement);
    }
    bed.cluster.settle();
    let Some(browser) = opened(http) else {
        return eprintln!("no chromedriver: the dashboard's test is skipped");
    };

    let mut client = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
    eventually("answers come from memory", || {
        client.ok(READ);
        metric(http, "forebay_cache_hits_total{rule=\"kept\"}") >= 3.0
    });
    (0..4).for_each(|_| assert_ne!(client.query("SELECT no_such_column FROM app.on_the_phone").code(), None));
    client.ok("DO 0");

    // Errors and hits are those of /metrics.
    let of_column = |title: &str| {
        format!(
            "(() => {{ const heads = [...document.querySelectorAll('thead th')].map((head) => head.textContent); \
             const cells = [...document.querySelectorAll('tbody tr')].map((row) => row.children[heads.indexOf('{title}')]); \
             return cells.reduce((all, cell) => all + Number(cell.textContent.replace(/[^0-9]/g, '')), 0); }})()"
        )
    };
    let errors = metric(http, "forebay_errors_total{fault=\"statement\"}");
    let hits = metric(http, "forebay_cache_hits_total{rule=\"kept\"}");
    assert!(errors >= 4.0, "{errors}");
    browser.click("Statements");
    browser.until("the errors", &format!("{} === {errors}", of_column("Errors")));
    browser.until("the hits", &format!("{} === {hits}", of_column("Hits")));
    browser.click("Cache");
    browser.until("the rule's hits", &format!("document.querySelector('tbody tr td.n')?.textContent === '{hits}'"));

    for section in SECTIONS {
        browser.click(section);
        browser.until(section, &format!("document.querySelector('h1')?.textContent === '{section}'"));
        check_looks(&browser, section);
    }
    if let Some(folder) = std::env::var_os("FOREBAY_TEST_PICTURES") {
        browser.click("Overview");
        browser.until("the overview", "document.querySelector('h1')?.textContent === 'Overview'");
        std::fs::write(std::path::Path::new(&folder).join("phone.png"), browser.picture()).unwrap();
    }

    // Orders take effect.
    browser.click("Servers");
    order(&browser, "replica1", "drain");
    eventually("it drains", || state_of(http, "replica1") == "drain");
    order(&browser, "replica1", "online");
    eventually("it is back", || state_of(http, "replica1") == "online");
    browser.click("Flush pool");
    browser.click("Do it");
    browser.click("Sessions");
    browser.click("Pause");
    browser.click("Do it");
    eventually("it is paused", || get(http, "/readyz", "").starts_with("HTTP/1.1 503"));
    browser.click("Resume");
    browser.click("Do it");
    eventually("it goes on", || get(http, "/readyz", "").starts_with("HTTP/1.1 200"));
    browser.click("Cache");
    browser.click("Flush");
    browser.click("Do it");
    let done = |order: &str| !rows(http, &format!("/api/v1/events?where=text+LIKE+%27%25:+{order}:%25%27")).is_empty();
    for order in ["DRAIN+SERVER+replica1", "ONLINE+SERVER+replica1", "FLUSH+POOL", "PAUSE", "RESUME", "FLUSH+CACHE"] {
        eventually(order, || done(order));
    }
    let misses = |of: &str| rows(http, "/api/v1/cache")[0][of].as_u64().unwrap();
    let before = misses("misses");
    client.ok(READ);
    eventually("what was in memory is void", || misses("misses") > before);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    forebay.assert_sound();
}
