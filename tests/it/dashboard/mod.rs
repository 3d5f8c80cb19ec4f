//! The dashboard, in a real Chromium.

use std::{fs, process::Command};

use crate::support::{
    bed::{Bed, both},
    forebay::{Forebay, Settings, free_port},
    process::{eventually, run},
    raw::{Client, Login},
};

mod browser;
mod phone;

use browser::Browser;

both!(in_a_browser);

const TOKEN: &str = "a-token-of-the-test";
const RULES: &str = "rules:\n- {name: reports, match: {comment: report}, route: primary}\n";
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

fn in_a_browser(bed: &Bed) {
    let http = free_port();
    let more = format!("admin:\n  http: {{listen: \"127.0.0.1:{http}\", token: {TOKEN}}}\n");
    let forebay = Forebay::start(bed.cluster, &Settings { more, rules: RULES.to_owned(), ..Settings::default() });
    forebay.wait_until_serving();
    let Some(browser) = Browser::start("dashboard", (1280, 1400), false) else {
        return eprintln!("no chromedriver: the dashboard's test is skipped");
    };
    let url = format!("http://127.0.0.1:{http}/");
    browser.open(&url);

    // The door: a wrong token, then the right one, by keyboard alone.
    browser.until("the door", "document.activeElement.name === 'token'");
    browser.keys(&format!("wrong{ENTER}"));
    browser.until("it stays closed", "document.querySelector('[role=alert]')");
    browser.until("the field", "document.activeElement.name === 'token'");
    browser.keys(&format!("{TOKEN}{ENTER}"));
    browser.until("it is open", "document.querySelector('.figures')");
    browser.until("it is live", "document.querySelector('#live').textContent === 'live'");
    let refused = |line: &String| line.contains("401");
    assert!(browser.complaints().iter().all(refused), "only of the wrong token");

    let mut client = Client::connect(&forebay.endpoint, &Login::to("app")).unwrap();
    (0..7).for_each(|_| drop(client.ok("SELECT 1 /* report */")));
    client.ok("SELECT 1 + 2 + 3");
    let id = client.value("SELECT CONNECTION_ID()");

    // The numbers are those of /metrics.
    browser.click("Rules");
    browser.until("the rule's hits", "document.querySelector('tbody tr td.n')?.textContent === '7'");
    let metrics = metrics(http);
    assert!(metrics.contains("forebay_rule_hits_total{rule=\"reports\"} 7"), "{metrics}");
    browser.script("document.querySelector('textarea').focus()");
    browser.keys("SELECT 1 /* report */");
    browser.click("Explain");
    browser.until("it is explained", "document.querySelector('form + div').textContent.includes('reports')");
    browser.click("Overview");
    browser.until(
        "the client",
        "[...document.querySelectorAll('.figures div')].some((one) => one.textContent === 'Clients1')",
    );
    assert!(metrics.contains("forebay_clients 1"), "{metrics}");
    browser.until(
        "the servers",
        "document.querySelector('svg.map').getAttribute('aria-label').includes('replica2: replica, up')",
    );

    // A page for one shape.
    browser.click("Statements");
    browser.until("how many are not shown", "document.body.innerText.includes('shapes are known, 0 were forgotten')");
    browser.click("select ? + ? + ?");
    browser.until("its page", "document.querySelector('pre')?.textContent === 'select ? + ? + ?'");
    browser.until("who answered", "document.body.innerText.includes('Who answered')");
    browser.until("no rule", "document.body.innerText.includes('No rule was about the last one')");
    // By the comment that is not in the shape.
    browser.click("All statements");
    browser.click("select ?");
    browser.until("its page", "document.querySelector('pre')?.textContent === 'select ?'");
    browser.until("its rule", "document.body.innerText.includes('by the rule reports: route: primary')");

    // An order, refused by Cancel, then done.
    browser.click("Sessions");
    browser.until("the session", &format!("document.body.innerText.includes('{id}')"));
    browser.click("Kill");
    browser.click("Cancel");
    client.ok("DO 1");
    browser.click("Kill");
    browser.click("Do it");
    eventually("the session has ended", || client.query("DO 1").lost.is_some());
    for section in ["Servers", "Cache", "Events"] {
        browser.click(section);
        browser.until(section, &format!("document.querySelector('h1')?.textContent === '{section}'"));
    }
    browser.until("the order is an event", &format!("document.body.innerText.includes('KILL {id}')"));

    // Everything can be reached by keyboard, and says what it is.
    browser.open(&url);
    browser.until("it knows who is here", "document.querySelector('.figures')");
    browser.keys(TAB);
    browser.until("the first is the way past the navigation", "document.activeElement.className === 'skip'");
    browser.keys(TAB);
    browser.until("then the sections", "document.activeElement.textContent === 'Overview'");
    browser.keys(ENTER);
    browser.until("the overview", "document.querySelector('h1')?.textContent === 'Overview'");
    let nameless = browser.script(
        "return [...document.querySelectorAll('button, a, svg[role=img], th, input')].filter((one) => \
         one.checkVisibility() && !(one.textContent.trim() || one.getAttribute('aria-label'))).length",
    );
    assert_eq!(nameless, 0);
    for (what, selector) in
        [("a header", "header"), ("navigation", "nav[aria-label]"), ("one main part", "main"), ("one title", "h1")]
    {
        assert_eq!(browser.script(&format!("return document.querySelectorAll('{selector}').length")), 1, "{what}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    if let Some(folder) = std::env::var_os("FOREBAY_TEST_PICTURES") {
        fs::write(std::path::Path::new(&folder).join("light.png"), browser.picture()).unwrap();
    }
    forebay.assert_sound();
}

fn metrics(http: u16) -> String {
    let header = format!("Authorization: Bearer {TOKEN}");
    run(Command::new("curl").args(["-sS", "-H", &header, &format!("http://127.0.0.1:{http}/metrics")])).good()
}
