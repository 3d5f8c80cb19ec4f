// The servers as a picture, and what may be done to them.

import { act, rows } from "./api.js";
import { card, h, svg, table } from "./dom.js";
import { count, percent, rate, time } from "./format.js";

const tone = { up: "good", unfit: "warn", down: "bad" };

/** flows: what each server answers a second, by name; hits: what memory does. */
export function picture(servers, flows, hits) {
  const all = servers.filter((server) => server.role !== "retired");
  const boxes = [...all.map((server) => ({ ...server, rate: flows[server.server] || 0 })),
    ...(hits > 0 ? [{ server: "memory", role: "cache", health: "up", rate: hits }] : [])];
  const total = boxes.reduce((sum, box) => sum + box.rate, 0);
  const height = Math.max(150, boxes.length * 84);
  const middle = height / 2;
  // On a phone there is less between the boxes, and less in them.
  const narrow = matchMedia("(max-width: 640px)").matches;
  const [width, left, right] = narrow ? [460, 130, 245] : [860, 250, 560];
  const bend = (left + right) / 2;
  const box = (of, at) => {
    const y = (height / boxes.length) * (at + 0.5);
    const share = total ? of.rate / total : 0;
    const lag = of.lag_ms == null ? "" : ` · lag ${time(of.lag_ms * 1000)}`;
    const state = of.state && of.state !== "online" ? ` · ${of.state}` : "";
    const use = narrow ? "" : ` · ${count(of.connections_in_use)} in use`;
    const d = `M${left} ${middle}C${bend} ${middle} ${bend} ${y} ${right} ${y}`;
    return [
      svg("path", { class: share ? "flow" : "flow none", d, "stroke-width": share ? (2 + 20 * share).toFixed(1) : 1.5 }),
      svg("text", { x: right - 10, y: y - 17, "text-anchor": "end" }, !total ? "" : narrow ? percent(share) : `${percent(share)} · ${rate(of.rate)}/s`),
      svg("rect", { class: `box ${of.health}`, x: right, y: y - 33, width: width - right - 10, height: 66, rx: 9 }),
      svg("text", { class: "name", x: right + 16, y: y - 6 }, of.server),
      svg("text", { class: "sub", x: right + 16, y: y + 17 }, of.role === "cache" ? "answers from memory"
        : `${of.role} · ${of.health}${state}${lag}${use}`),
    ];
  };
  const words = boxes.map((of) => `${of.server}: ${of.role}, ${of.health}, ${rate(of.rate)} statements a second`).join("; ");
  return svg("svg", { class: "map", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words },
    boxes.map(box),
    svg("rect", { class: "box", x: 10, y: middle - 36, width: left - 10, height: 72, rx: 9 }),
    svg("text", { class: "name", x: 26, y: middle - 6 }, "Forebay"),
    svg("text", { class: "sub", x: 26, y: middle + 18 }, narrow ? `${rate(total)}/s` : `${rate(total)} statements a second`));
}

export async function servers(to) {
  const [all, pools] = await Promise.all([rows("servers"), rows("pools")]);
  const of = Object.fromEntries(pools.map((pool) => [pool.server, pool]));
  const pool = (server) => of[server.server] || {};
  const { flows, hits } = to.flows();
  const order = (action, server, text) => h("button", { class: "small quiet", onclick: () =>
    to.confirm(`${action} ${server}?`, text, () => act(action, { server })) }, action);
  const orders = (server) => (server.state === "online"
    ? [order("drain", server.server, "It gets nothing new; what runs there ends in its own time."), " ",
      order("offline", server.server, "It gets nothing new, and sessions with something there are ended.")]
    : order("online", server.server, "It serves again, as far as it is fit."));
  const columns = [
    { title: "Server", cell: (server) => h("strong", {}, server.server) },
    { title: "Address", cell: (server) => h("code", { class: "line" }, server.address) },
    { title: "Role", cell: (server) => server.role },
    { title: "Health", cell: (server) => h("span", { class: `tag ${tone[server.health]}` }, server.health) },
    { title: "Lag", number: true, cell: (server) => (server.lag_ms == null ? "–" : time(server.lag_ms * 1000)) },
    { title: "In use", number: true, cell: (server) => count(pool(server).in_use) },
    { title: "Idle", number: true, cell: (server) => count(pool(server).idle) },
    { title: "At most", number: true, cell: (server) => count(pool(server).max_connections) },
    { title: "Waiting", number: true, cell: (server) => count(pool(server).waiting) },
    { title: "Version", cell: (server) => server.version || "–" },
    ...(to.may && all.some((server) => server.state) ? [{ title: "Orders", cell: orders }] : []),
  ];
  return [to.heading("Servers", to.may && [h("button", { class: "quiet", onclick: () => to.confirm("Flush the pool?",
    "Idle server connections are closed now, the others when their sessions let go of them.", () => act("flush_pool")) }, "Flush pool")]),
  card("Where traffic flows", picture(all, flows, hits)), card("All servers", table("Servers and their connections", columns, all))];
}
