// Elements. Everything that comes from elsewhere becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  for (const child of children.flat(9)) if (child != null && child !== false) element.append(child);
  return element;
}

export const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
export const svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

/** A section with a title. */
export const card = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), children);

/** A table. Columns: {title, cell(row), number, sort (a key), } */
export function table(caption, columns, rows, sorted, sort) {
  const head = (column) => {
    const is = column.sort && column.sort === sorted;
    const inner = column.sort && sort ? h("button", { onclick: () => sort(column.sort) }, column.title) : column.title;
    return h("th", { scope: "col", class: column.number ? "n" : null, "aria-sort": is ? "descending" : null }, inner);
  };
  const row = (of) => h("tr", {}, columns.map((column) => h("td", { class: column.number ? "n" : null }, column.cell(of))));
  const none = h("tr", {}, h("td", { colspan: columns.length, class: "soft" }, "Nothing yet."));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, columns.map(head))),
      h("tbody", {}, rows.length ? rows.map(row) : none)));
}

/** Figures: [name, value, class]. */
export const figures = (all) => h("dl", { class: "figures" },
  all.map(([name, value, tone]) => h("div", {}, h("dt", {}, name), h("dd", { class: tone || null }, value))));

/** Puts something in the place of an element's children, and keeps the keyboard where it was. */
export function show(element, ...children) {
  const active = element.contains(document.activeElement) ? document.activeElement : null;
  const all = () => [...element.querySelectorAll("a, button, input, select, textarea, [tabindex]")];
  const at = active ? all().indexOf(active) : -1;
  const text = active && active.textContent;
  element.replaceChildren(...children.flat(9).filter((child) => child != null && child !== false));
  if (at < 0) return;
  const again = all().find((one) => one.textContent === text && text) || all()[at];
  if (again?.tagName === active.tagName) again.focus({ preventScroll: true });
}
