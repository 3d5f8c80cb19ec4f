// Answers from memory, and what happened.

import { act, rows } from "./api.js";
import { card, h, table } from "./dom.js";
import { bytes, count, percent, time } from "./format.js";

export async function cache(to) {
  const all = await rows("cache");
  const flush = h("button", { class: "quiet", onclick: () => to.confirm("Flush the cache?", "Every answer in memory is void.", () => act("flush_cache")) }, "Flush");
  const columns = [
    { title: "Rule", cell: (of) => h("strong", {}, of.rule) },
    { title: "Hits", number: true, cell: (of) => count(of.hits) },
    { title: "Misses", number: true, cell: (of) => count(of.misses) },
    { title: "Ratio", number: true, cell: (of) => percent(of.hits + of.misses ? of.hits / (of.hits + of.misses) : null) },
    { title: "Passed by", number: true, cell: (of) => count(of.passed) },
    { title: "Evicted", number: true, cell: (of) => count(of.evicted) },
    { title: "Takes", number: true, cell: (of) => bytes(of.bytes) },
    { title: "Mean age", number: true, cell: (of) => time(of.mean_age_ms * 1000) },
    { title: "Saved", number: true, cell: (of) => time(of.saved_ms * 1000) },
    { title: "State", cell: (of) => of.state },
  ];
  return [to.heading("Cache", to.may && [flush]), card("By rule", table("Answers from memory", columns, all))];
}

export async function events(to) {
  const all = await rows("events", { limit: 200 });
  const columns = [
    { title: "When", cell: (of) => h("time", { datetime: of.at }, of.at.replace("T", " ").replace("Z", "")) },
    { title: "About", cell: (of) => h("span", { class: `tag ${of.bad ? "bad" : "soft"}` }, of.topic) },
    { title: "What happened", cell: (of) => h("span", { class: of.bad ? "bad" : null }, of.text) },
  ];
  return [to.heading("Events"), card("The newest first", table("UTC", columns, all))];
}
