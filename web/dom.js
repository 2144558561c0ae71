// Elements from values. Text is always text: nothing here, and nothing else in
// the console, makes markup of a string.

const SVG = "http://www.w3.org/2000/svg";

/// An element. `what` is a tag with classes, `div.card.wide`; children are
/// elements, texts, numbers, or lists of them, and `null` stands for none.
export function h(what, attributes, ...children) {
  return make((tag) => document.createElement(tag), what, attributes, children);
}

/// The same for SVG.
export function svg(what, attributes, ...children) {
  return make((tag) => document.createElementNS(SVG, tag), what, attributes, children);
}

function make(create, what, attributes, children) {
  const [tag, ...classes] = what.split(".");
  const element = create(tag);
  if (classes.length > 0) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes ?? {})) {
    const spelled = name.startsWith("aria-");
    if (value === null || value === undefined || (value === false && !spelled)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true && !spelled ? "" : String(value));
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/// Puts other children into `parent`. What has an id keeps the focus, and what
/// can be opened stays open, so that a refresh disturbs nobody who reads.
export function put(parent, ...children) {
  const held = parent.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...parent.querySelectorAll("details[open][id]")].map((details) => details.id);
  parent.replaceChildren(...flat(children));
  for (const id of open) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
}

/// A table with a caption for those who cannot see what stands around it.
/// Columns are texts, or `{text, kind, wide}`; a cell is a child or `{is, kind}`.
export function table(caption, columns, rows, attributes) {
  const heads = columns.map((column) => {
    const { text, kind, hidden } = typeof column === "string" ? { text: column } : column;
    return h("th", { scope: "col", class: kind }, hidden ? h("span.unseen", {}, text) : text);
  });
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      row.map((cell, place) => {
        const column = columns[place];
        const kind = typeof column === "string" ? undefined : column.kind;
        return place === 0 ? h("th", { scope: "row", class: kind }, cell) : h("td", { class: kind }, cell);
      }),
    ),
  );
  return h(
    "div.scroll",
    { tabindex: 0, role: "region", "aria-label": caption, ...attributes },
    h("table", {}, h("caption.unseen", {}, caption), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)),
  );
}
