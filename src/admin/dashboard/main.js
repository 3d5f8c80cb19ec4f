// The page: sections, what is live, who is here, orders.

import { Refused, get, isLoggedIn, listen, login, logout } from "./api.js";
import { card, h, show } from "./dom.js";
import { cache, events } from "./more.js";
import { overview } from "./overview.js";
import { rules } from "./rules.js";
import { servers } from "./servers.js";
import { sessions } from "./sessions.js";
import { digest, statements } from "./statements.js";

const SECTIONS = { overview: ["Overview", overview], servers: ["Servers", servers], statements: ["Statements", statements],
  sessions: ["Sessions", sessions], rules: ["Rules", rules], cache: ["Cache", cache], events: ["Events", events] };
const REFRESH_MS = 2000, FLOW_POINTS = 10, MOST_POINTS = 600;

const $ = (id) => document.getElementById(id);
let seconds = [], minutes = [], moments = [], drawing = false, turn = 0, timer, stop;

/** What sections ask of the page. */
const page = {
  may: false, step: "second", sort: null,
  points: () => seconds,
  shown: () => (page.step === "minute" ? minutes : seconds),
  paused: () => moments.at(-1)?.paused || false,
  flows() {
    const [first, last] = [moments[0], moments.at(-1)];
    const span = first && last ? last.point.at_s - first.point.at_s : 0;
    if (!span) return { flows: {}, hits: 0 };
    const flows = Object.fromEntries(Object.entries(last.servers).map(([name, calls]) => [name, Math.max(0, calls - (first.servers[name] || 0)) / span]));
    return { flows, hits: (last.hits - first.hits) / span };
  },
  async setStep(step) { page.step = step; if (step === "minute") minutes = (await get("history?step=minute")).points; draw(); },
  heading: (title, more) => h("div", { class: "bar" }, h("h1", {}, title), more ? h("div", { class: "row" }, more) : null),
  refresh: () => draw(),
  confirm(title, text, order) {
    $("ask-title").textContent = title;
    $("ask-text").textContent = text;
    $("ask-yes").onclick = async () => {
      $("ask").close();
      try { tell((await order()).done || "Done"); } catch (error) { tell(error.message); }
      draw();
    };
    $("ask-no").onclick = () => $("ask").close();
    $("ask").showModal();
    $("ask-no").focus();
  },
};

function tell(text) {
  const line = h("p", {}, text);
  $("said").append(line);
  setTimeout(() => line.remove(), 6000);
}

const place = () => location.hash.slice(1).split("/");

async function draw(isNew) {
  if (drawing && !isNew) return;
  drawing = true;
  turn += 1;
  const mine = turn;
  const [name, id] = place();
  try {
    const made = name === "digest" && id ? await digest(page, id) : await (SECTIONS[name] || SECTIONS.overview)[1](page);
    if (mine === turn && !$("ask").open) show($("content"), made);
  } catch (error) {
    if (error instanceof Refused) return ask();
    if (mine === turn) show($("content"), card("This could not be loaded", h("p", { class: "bad" }, error.message)));
  } finally {
    if (mine === turn) drawing = false;
  }
}

function mark() {
  const [name] = place();
  const at = name === "digest" ? "statements" : SECTIONS[name] ? name : "overview";
  show($("nav"), Object.entries(SECTIONS).map(([key, [title]]) => h("a", { href: `#${key}`, "aria-current": key === at ? "page" : null }, title)));
  document.title = `${SECTIONS[at][0]} – Forebay`;
}

/** Who types or picks something is not disturbed. */
function isBusy() {
  const active = document.activeElement;
  return document.hidden || $("ask").open || (active && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) || String(getSelection()).length > 0;
}

async function live() {
  stop?.abort();
  stop = new AbortController();
  const mine = stop;
  while (!mine.signal.aborted) {
    try {
      seconds = (await get("history")).points;
      await listen(mine.signal, (moment) => {
        $("live").textContent = moment.paused ? "paused" : "live";
        $("live").classList.add("on");
        moments = [...moments, moment].slice(-FLOW_POINTS);
        if (seconds.at(-1)?.at_s !== moment.point.at_s) seconds = [...seconds, moment.point].slice(-MOST_POINTS);
      });
    } catch (error) { if (mine.signal.aborted || error instanceof Refused) return; }
    $("live").textContent = "reconnecting";
    $("live").classList.remove("on");
    moments = [];
    await new Promise((done) => setTimeout(done, 2000));
  }
}

function ask(wrong) {
  clearInterval(timer);
  stop?.abort();
  $("live").textContent = "not logged in";
  $("live").classList.remove("on");
  const token = h("input", { type: "password", autocomplete: "current-password", name: "token" });
  const user = h("input", { autocomplete: "username", name: "user" });
  const password = h("input", { type: "password", autocomplete: "current-password", name: "password" });
  const submit = (event) => { event.preventDefault(); login(token.value, user.value, password.value); start(); };
  // A form for each way, as password managers expect; the token's has a name that nobody sees.
  const hidden = h("input", { autocomplete: "username", value: "token", hidden: true });
  show($("content"), h("div", { class: "card login" }, h("h1", {}, "Log in"),
    wrong ? h("p", { class: "bad", role: "alert" }, "That did not open the door.") : null,
    h("form", { onsubmit: submit }, hidden, h("label", {}, "Token", token), h("div", { class: "row" }, h("button", {}, "Log in"))),
    h("p", { class: "soft" }, "or as one of the admin users:"),
    h("form", { onsubmit: submit }, h("label", {}, "Name", user), h("label", {}, "Password", password),
      h("div", { class: "row" }, h("button", {}, "Log in with password")))));
  token.focus();
}

async function start() {
  try {
    const who = await get("whoami");
    page.may = who.role === "administrator";
    $("who").textContent = page.may ? who.user : `${who.user} (may look)`;
    $("leave").textContent = isLoggedIn() ? "Log out" : "Log in";
    $("leave").hidden = false;
  } catch (error) {
    if (!(error instanceof Refused)) { tell(error.message); setTimeout(start, 3000); return; }
    const wrong = isLoggedIn();
    logout();
    ask(wrong);
    return;
  }
  live();
  draw(true);
  clearInterval(timer);
  timer = setInterval(() => { if (!isBusy()) draw(); }, REFRESH_MS);
}

$("leave").onclick = () => { logout(); $("leave").hidden = true; $("who").textContent = ""; ask(); };
window.onhashchange = () => { if (!place()[0] || place()[0] === "content") return; mark(); draw(true).then(() => $("content").focus({ preventScroll: true })); };
mark();
start();
