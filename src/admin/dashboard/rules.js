// The rules, and why a statement would go where it goes.

import { act, rows } from "./api.js";
import { card, h, show, table } from "./dom.js";
import { count, time } from "./format.js";

const tones = { used: "good", unused: "soft", shadow: "warn", disabled: "soft" };

/** It stays while what is around it is drawn anew. */
function box() {
  const out = h("div", { "aria-live": "polite" });
  const text = h("textarea", { spellcheck: "false", placeholder: "SELECT …" });
  const user = h("input", { autocomplete: "off" }), schema = h("input", { autocomplete: "off" });
  const ask = async (event) => {
    event.preventDefault();
    const body = { statement: text.value };
    if (user.value) body.user = user.value;
    if (schema.value) body.schema = schema.value;
    try {
      const answer = await act("explain", body);
      show(out, table("The answer", [{ title: "What", cell: (row) => row.what }, { title: "Says", cell: (row) => row.says }], answer.rows));
    } catch (error) { show(out, h("p", { class: "bad" }, error.message)); }
  };
  return card("Why would a statement go where?", h("form", { onsubmit: ask }, h("label", {}, "Statement", text),
    h("div", { class: "row" }, h("label", {}, "User", user), h("label", {}, "Schema", schema), h("button", {}, "Explain"))), out);
}

let explain;

export async function rules(to) {
  const [all, versions] = await Promise.all([rows("rules"), rows("versions")]);
  explain ||= box();
  const reload = h("button", { class: "quiet", onclick: () => to.confirm("Reload?", "The configuration and the rules are read again; what is wrong changes nothing.", () => act("reload")) }, "Reload");
  const columns = [
    { title: "Rule", cell: (of) => h("strong", {}, of.rule) },
    { title: "State", cell: (of) => h("span", { class: `tag ${tones[of.state]}` }, of.state) },
    { title: "Hits", number: true, cell: (of) => count(of.hits) },
    { title: "Refusals", number: true, cell: (of) => count(of.refusals) },
    { title: "Time", number: true, cell: (of) => time(of.elapsed_us) },
    { title: "Says", cell: (of) => of.says },
    { title: "File", cell: (of) => h("code", {}, of.file) },
  ];
  const names = Object.keys(versions[0] || {});
  return [to.heading("Rules", to.may && [reload]), card("In their order", table("The rules in force", columns, all)), explain,
    card("Versions", table("Of the configuration, the newest first", names.map((name) => ({ title: (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " "),
      cell: (of) => (of[name] === true ? "yes" : of[name] === false ? "no" : String(of[name] ?? "–")) })), versions))];
}
