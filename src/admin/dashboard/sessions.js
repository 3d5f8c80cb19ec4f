// Who is connected, and what holds them.

import { act, rows } from "./api.js";
import { h, table } from "./dom.js";
import { bytes, count, time } from "./format.js";

export async function sessions(to) {
  const all = await rows("sessions", { order_by: "state DESC, elapsed_ms DESC", limit: 200 });
  const kill = (of, only) => h("button", { class: "small quiet", "aria-label": `${only ? "Stop the statement of" : "Kill"} session ${of.id}`, onclick: () =>
    to.confirm(only ? `Stop the statement of session ${of.id}?` : `Kill session ${of.id}?`,
      `${of.user || "Somebody"} from ${of.address || "a Unix socket"}${of.statement ? `: ${of.statement.slice(0, 120)}` : ""}`,
      () => act("kill", only ? { id: of.id, query_only: true } : { id: of.id })) }, only ? "Stop" : "Kill");
  const columns = [
    { title: "Id", number: true, cell: (of) => String(of.id) },
    { title: "User", cell: (of) => of.user || "–" },
    { title: "From", cell: (of) => h("code", {}, of.address || "socket") },
    { title: "State", cell: (of) => [h("span", { class: `tag ${of.state === "running" ? "good" : of.state === "waiting" ? "warn" : "soft"}` }, of.state), of.waiting_for ? ` ${of.waiting_for}` : ""] },
    { title: "For", number: true, cell: (of) => time(of.elapsed_ms * 1000) },
    { title: "Server", cell: (of) => of.server || "–" },
    { title: "Pinned by", cell: (of) => of.pinned_by || "–" },
    { title: "Statement", cell: (of) => h("code", {}, of.statement ? of.statement.slice(0, 100) : "–") },
    { title: "Statements", number: true, cell: (of) => count(of.statements) },
    { title: "Bytes", number: true, cell: (of) => bytes(of.bytes) },
    ...(to.may ? [{ title: "Orders", cell: (of) => [of.state === "running" ? [kill(of, true), " "] : "", kill(of, false)] }] : []),
  ];
  const pause = to.paused()
    ? h("button", { onclick: () => to.confirm("Resume?", "Statements that wait go on.", () => act("resume")) }, "Resume")
    : h("button", { class: "quiet", onclick: () => to.confirm("Pause?", "New statements wait, each for at most 30 seconds; transactions go on.", () => act("pause")) }, "Pause");
  return [to.heading("Sessions", to.may && [pause]), h("section", { class: "card" }, table("The busiest 200", columns, all))];
}
