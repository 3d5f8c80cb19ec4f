// Statements by their shape.

import { act, get, rows } from "./api.js";
import { chart } from "./chart.js";
import { card, figures, h, table } from "./dom.js";
import { bytes, clock, count, percent, time } from "./format.js";

const columns = [
  { title: "Statement", cell: (of) => h("a", { href: `#digest/${of.digest}` }, h("code", {}, of.shape.length > 140 ? `${of.shape.slice(0, 140)}…` : of.shape)) },
  { title: "Time", number: true, sort: "elapsed_us", cell: (of) => time(of.elapsed_us) },
  { title: "Calls", number: true, sort: "calls", cell: (of) => count(of.calls) },
  { title: "p50", number: true, sort: "p50_us", cell: (of) => time(of.p50_us) },
  { title: "p95", number: true, sort: "p95_us", cell: (of) => time(of.p95_us) },
  { title: "Rows", number: true, sort: "rows", cell: (of) => count(of.rows) },
  { title: "Errors", number: true, sort: "errors", cell: (of) => h("span", { class: of.errors ? "bad" : null }, count(of.errors)) },
  { title: "Hits", number: true, sort: "cache_hits", cell: (of) => count(of.cache_hits) },
];

export const top = (digests) => table("Literals are hidden as ?", columns, digests);

export async function statements(to) {
  const sort = to.sort || "elapsed_us";
  const [all, kept] = await Promise.all([
    rows("digests", { order_by: `${sort} DESC`, limit: 100 }), rows("metrics", { where: "metric LIKE 'forebay_digests%'", order_by: "metric" })]);
  const again = (key) => { to.sort = key; to.refresh(); };
  const reset = h("button", { class: "quiet", onclick: () => to.confirm("Reset the digests?",
    "What was measured of statements is forgotten.", () => act("reset_digests")) }, "Reset");
  return [to.heading("Statements", to.may && [reset]),
    h("section", { class: "card" }, table("The first hundred; a column's title sorts by it", columns, all, sort, again),
      h("p", { class: "soft" }, `${kept.map((one) => count(one.value)).join(" shapes are known, ")} were forgotten, which took the least time.`))];
}

/** "primary:3 replica1:40" */
function shares(of) {
  const parts = of.servers ? of.servers.split(" ").map((part) => [part.slice(0, part.lastIndexOf(":")), Number(part.slice(part.lastIndexOf(":") + 1))]) : [];
  if (of.cache_hits) parts.push(["memory", of.cache_hits]);
  return parts;
}

export async function digest(to, id) {
  const [[of], history] = await Promise.all([
    rows("digests", { where: `digest = '${id.replace(/[^0-9a-f]/g, "")}'` }), get(`digests/${encodeURIComponent(id)}/history`)]);
  if (!of) return [to.heading("Statement"), h("p", {}, "This shape is not known any more. ", h("a", { href: "#statements" }, "All statements"))];
  const rule = of.rule && (await rows("rules")).find((one) => one.rule === of.rule);
  const ran = of.calls - of.cache_hits;
  return [
    to.heading("Statement", [h("a", { href: "#statements" }, "All statements")]),
    h("section", { class: "card" }, h("h2", {}, "The text, literals hidden"), h("pre", {}, h("code", {}, of.shape)), h("p", { class: "soft" }, `Digest ${of.digest}`)),
    figures([
      ["Calls", count(of.calls)], ["p50", time(of.p50_us)], ["p95", time(of.p95_us)], ["p99", time(of.p99_us)],
      ["Errors", count(of.errors), of.errors ? "bad" : null], ["From memory", percent(of.calls ? of.cache_hits / of.calls : null)],
      ["On a server, on average", ran ? time(of.server_us / ran) : "–"], ["Waited for a connection", ran ? time(of.waited_us / ran) : "–"],
      ["Rows a call", count(Math.round(of.rows / Math.max(of.calls, 1)))], ["From servers", bytes(of.bytes)],
    ]),
    h("div", { class: "cards" },
      chart("Latency", history.points, [{ name: "mean", of: (point) => (point.calls ? point.mean_us : null) }, { name: "p95 of the latest calls", of: (point) => point.p95_us }], time),
      chart("Calls in ten seconds", history.points, [{ name: "calls", of: (point) => point.calls }], count)),
    h("div", { class: "cards" },
      card("Who answered", table("Shares", [
        { title: "Server", cell: ([name]) => name }, { title: "Calls", number: true, cell: ([, calls]) => count(calls) },
        { title: "Share", number: true, cell: ([, calls]) => percent(calls / of.calls) }], shares(of)),
      h("p", { class: "soft" }, `First seen ${clock(of.first_seen)}, last ${clock(of.last_seen)}.`)),
      card("Why there", of.rule
        ? h("p", {}, "The last one was sent, or marked, by the rule ", h("a", { href: "#rules" }, h("strong", {}, of.rule)), rule ? `: ${rule.says}.` : ", which is not in force any more.")
        : h("p", {}, "No rule was about the last one: it went where such statements go."),
      h("p", { class: "soft" }, "Comments, parameters and the session may make another go elsewhere: a whole statement is explained among the ", h("a", { href: "#rules" }, "rules"), "."))),
  ];
}
