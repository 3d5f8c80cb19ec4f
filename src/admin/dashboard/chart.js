// Lines over time.

import { h, svg } from "./dom.js";
import { clock } from "./format.js";

const WIDTH = 520, HEIGHT = 150, LEFT = 52, BOTTOM = 18;

/** A round number not below this one. */
function round(most) {
  const power = 10 ** Math.floor(Math.log10(most || 1));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= most) || most;
}

/** lines: [{name, of(point)}], most three. */
export function chart(title, points, lines, format, most) {
  const values = lines.map((line) => points.map(line.of));
  const top = most || round(Math.max(...values.flat().filter((value) => value != null), 0));
  const x = (at) => LEFT + ((WIDTH - LEFT) * at) / Math.max(points.length - 1, 1);
  const y = (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 4;
  const path = (of) => of.map((value, at) => (value == null ? "" : `${at && of[at - 1] != null ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`)).join("");
  const grid = [0, 0.5, 1].map((share) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(top * share), y2: y(top * share) }),
    svg("text", { x: LEFT - 8, y: y(top * share) + 4, "text-anchor": "end" }, format(top * share)),
  ]);
  const last = points.length - 1;
  const latest = lines.map((line, at) => `${line.name} ${last < 0 || values[at][last] == null ? "none" : format(values[at][last])}`).join(", ");
  const area = lines.length === 1 && points.length > 1 && values[0].every((value) => value != null)
    ? svg("path", { class: "a1", d: `${path(values[0])}L${x(last)} ${y(0)}L${x(0)} ${y(0)}Z` }) : null;
  const times = points.length > 1 ? [svg("text", { x: LEFT, y: HEIGHT + 6 }, clock(points[0].at_s)),
    svg("text", { x: WIDTH, y: HEIGHT + 6, "text-anchor": "end" }, clock(points[last].at_s))] : null;
  return h("section", { class: "card" }, h("h2", {}, title),
    svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT + 10}`, role: "img", "aria-label": `${title}. Now: ${latest}` },
      grid, area, values.map((of, at) => svg("path", { class: `l c${at + 1}`, d: path(of) })), times),
    lines.length > 1 ? h("ul", { class: "legend" }, lines.map((line, at) => h("li", { class: `c${at + 1}` }, line.name))) : null);
}
