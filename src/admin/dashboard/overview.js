// What happens now.

import { rows } from "./api.js";
import { card, figures, h } from "./dom.js";
import { chart } from "./chart.js";
import { count, percent, rate, time } from "./format.js";
import { picture } from "./servers.js";
import { top } from "./statements.js";

const perSecond = (point, n) => (n * 1000) / Math.max(point.span_ms, 1);

export async function overview(to) {
  const [servers, digests] = await Promise.all([rows("servers"), rows("digests", { limit: 5 })]);
  const points = to.points();
  const now = points.at(-1) || {};
  const minute = points.slice(-60);
  const sum = (of) => minute.reduce((all, point) => all + of(point), 0);
  const calls = sum((point) => point.calls), errors = sum((point) => point.errors), hits = sum((point) => point.hits);
  const ms = Math.max(sum((point) => point.span_ms), 1);
  const rated = minute.filter((point) => point.apdex != null);
  const apdex = rated.length ? rated.reduce((all, point) => all + point.apdex * point.calls, 0) / rated.reduce((all, point) => all + point.calls, 0) : null;
  const { flows, hits: fromMemory } = to.flows();
  const step = to.step === "minute";
  const choose = h("button", { class: "quiet", onclick: () => to.setStep(step ? "second" : "minute") }, step ? "Show ten minutes" : "Show the day");
  const shown = to.shown();
  return [
    to.heading("Overview", [choose]),
    figures([
      ["Statements a second", rate((calls * 1000) / ms)],
      ["p95 now", time(now.p95_us || null)],
      ["Errors, last minute", calls ? percent(errors / calls) : "–", errors ? "bad" : null],
      ["Apdex, last minute", apdex == null ? "–" : apdex.toFixed(2), apdex != null && apdex < 0.85 ? "warn" : null],
      ["From memory", calls ? percent(hits / calls) : "–"],
      ["Clients", count(now.clients)],
    ]),
    h("div", { class: "cards" },
      chart("Statements a second", shown, [{ name: "statements", of: (point) => perSecond(point, point.calls) }], rate),
      chart("Latency", shown, ["p50", "p95", "p99"].map((name) => ({ name, of: (point) => (point.calls ? point[`${name}_us`] : null) })), time),
      chart("Errors a second", shown, [{ name: "errors", of: (point) => perSecond(point, point.errors) }], rate),
      chart("Apdex", shown, [{ name: "Apdex", of: (point) => point.apdex }], (value) => value.toFixed(1), 1)),
    card("Where traffic flows", picture(servers, flows, fromMemory)),
    card("What takes the most time", top(digests)),
  ];
}
