// The overview: the tree of classes with their counts, and what cannot be
// detected now, with the reason.

import { live, now } from "../api.js";
import { bar, grid, spark } from "../chart.js";
import { h, put } from "../dom.js";
import { DAY, confidence, count, duration, lines, number, time, under, windowName } from "../format.js";
import { load } from "../loading.js";

export function page(context) {
  context.setTitle("IoT classes on your lines");
  const lead = h("p.lead", {});
  const content = h("div", {});
  let asked = { text: "", level: "" };
  let last = null;
  let again = () => {};

  const field = h("input", {
    type: "search",
    id: "filter",
    placeholder: "Filter by class or maker",
    "aria-label": "Filter by class or maker",
    autocomplete: "off",
    "data-search": true,
    oninput: () => {
      asked = { ...asked, text: field.value };
      draw();
    },
  });
  const levels = ["", "platform", "manufacturer", "product"].map((level) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": level === "",
        onclick: (event) => {
          asked = { ...asked, level };
          for (const button of levels) button.setAttribute("aria-pressed", button === event.currentTarget);
          draw();
        },
      },
      level === "" ? "All" : `${level.charAt(0).toUpperCase()}${level.slice(1)}s`,
    ),
  );
  const tools = h(
    "div.tools-row",
    {},
    h("div.grow", {}, field),
    h("div.choice", { role: "group", "aria-label": "Level" }, levels),
  );
  put(context.body, h("div.head", {}, h("div", {}, context.title, lead)), content);

  function draw() {
    if (!last) return;
    const { classes, history } = last;
    const status = live.status;
    lead.textContent = leadText(classes, status);
    const waiting = !status?.windows["1h"].last && !classes.some((one) => one.lines["1h"]);
    const detectable = classes.filter((one) => one.detectable);
    const rest = classes.filter((one) => !one.detectable);
    if (!content.contains(tools)) put(content, tools, h("div", { id: "tree" }), h("div", { id: "rest" }));
    const shown = tree(detectable, asked);
    put(
      content.querySelector("#tree"),
      waiting && starting(status, detectable),
      detectable.length === 0
        ? h("div.empty", {}, h("h2", {}, "No class can be detected now"), h("p", {}, "None of the groups in the signatures is dedicated and resolvable by what DNS has told so far. The reasons are below; a passive DNS feed or the resolver mends most of them."))
        : shown.length === 0
          ? h("div.empty", {}, h("p", {}, "No detectable class fits the filter."))
          : inTwo(shown, waiting || asked.text !== "").map(([title, rows]) =>
              rows.length === 0
                ? title === "" && h("p.note", {}, "No class was on any line in the last hour and day.")
                : title === ""
                  ? h("div.card.flush", {}, classTable(rows, history, status?.k ?? 5, detectable, "Classes"))
                  : h("details.fold", { id: "on-no-line" }, h("summary", {}, `${title} (${rows.length})`), classTable(rows, history, status?.k ?? 5, detectable, title)),
            ),
    );
    put(content.querySelector("#rest"), hidden(rest.filter((one) => fits(one, asked)), asked.text !== ""));
  }

  again = load(context, content, ["/api/v1/classes", "?/api/v1/history?window=1h"], (answer, history) => {
    last = { classes: answer.classes, history: byClass(history) };
    if (!content.contains(tools)) put(content);
    draw();
  });
  return (news) => {
    if (news.hour || news.day || news.started || news.restarted) again();
    else if (last && !live.status?.windows["1h"].last) draw();
    if (news.hour && !news.first && live.status.windows["1h"].last) {
      context.announce(`Figures for ${windowName(live.status.windows["1h"].last.start, "1h")}`);
    }
  };
}

function leadText(classes, status) {
  const can = classes.filter((one) => one.detectable).length;
  const part = [`${can} of ${number(classes.length)} classes can be detected now.`];
  const last = status?.windows["1h"].last;
  if (last) {
    part.unshift(`Hour ${windowName(last.start, "1h")}${last.partial ? ", seen only in part" : ""}.`);
    part.push(`The next one is counted ${until(status, "1h")}.`);
  }
  return part.join(" ");
}

/// When the next window of a length is counted, in real time.
function until(status, window) {
  const rest = (Date.parse(status.windows[window].closes) - now()) / status.speed;
  return rest < 1000 ? "in a moment" : `in about ${duration(rest)}`;
}

function starting(status, detectable) {
  if (!status) return null;
  return h(
    "div.note",
    { role: "status" },
    h("p", {}, h("b", {}, `The first window closes ${until(status, "1h")}. `), `Until then there are no counts, and a “none yet” below is not a zero.`),
    h("p.small.soft", {}, `An hour is counted once it has ended and late records have had their time. The first day is counted ${until(status, "24h")}. ${count(status.exporters, "exporter")} heard so far, ${number(detectable.length)} classes looked for.`),
  );
}

function byClass(history) {
  if (!history) return null;
  const from = Date.parse(history.from);
  const to = Date.parse(history.to);
  const series = new Map();
  for (const one of history.series) if (one.region === null || one.region === undefined) series.set(one.class, one.points);
  return { from, to, series };
}

function fits(one, { text, level }) {
  const words = `${one.name} ${one.class} ${one.vendor}`.toLowerCase();
  return words.includes(text.trim().toLowerCase()) && (level === "" || one.level === level);
}

/// Rows in the order of the tree: parents before their children, the larger
/// count first. A parent stays when one of its children fits.
function tree(classes, asked) {
  const known = new Set(classes.map((one) => one.class));
  const below = new Map();
  for (const one of classes) {
    const parent = known.has(one.parent) ? one.parent : null;
    below.set(parent, [...(below.get(parent) ?? []), one]);
  }
  const size = (one) => one.lines["1h"]?.lines ?? (one.lines["1h"]?.withheld ? 0.5 : -1);
  const walk = (parent, depth) =>
    (below.get(parent) ?? [])
      .sort((a, b) => size(b) - size(a) || a.name.localeCompare(b.name))
      .flatMap((one) => {
        const children = walk(one.class, depth + 1);
        return fits(one, asked) || children.length > 0 ? [{ one, depth }, ...children] : [];
      });
  return walk(null, 0);
}

/// Whole trees with a line, then those that were on none in the last hour and
/// day: they can be detected, and zero is a count.
function inTwo(rows, asOne) {
  const trees = [];
  for (const row of rows) {
    if (row.depth === 0) trees.push([]);
    trees[trees.length - 1].push(row);
  }
  const none = (count) => !count || count.lines === 0;
  const empty = (tree) => tree.every(({ one }) => none(one.lines["1h"]) && none(one.lines["24h"]));
  if (asOne) return [["", rows]];
  return [["", trees.filter((tree) => !empty(tree)).flat()], ["Detectable, and on no line in the last hour and day", trees.filter(empty).flat()]];
}

function classTable(rows, history, k, detectable, title) {
  const most = Math.max(1, ...detectable.map((one) => one.lines["1h"]?.lines ?? 0));
  const head = (text, kind) => h("th", { scope: "col", class: kind }, text);
  return h(
    "div.scroll.tree",
    {},
    h(
      "table",
      {},
      h("caption.unseen", {}, `${title} with their counts of lines`),
      h(
        "thead",
        {},
        h("tr", {}, head("Class"), head("Lines, last hour", "num"), head("Last 24 hours"), head("Lines, last day", "num"), head("In use", "num more"), head("Confidence", "num more"), head("Groups needed", "num more")),
      ),
      h("tbody", {}, rows.map(({ one, depth }) => row(one, depth, history, k, most))),
    ),
  );
}

function row(one, depth, history, k, most) {
  const hour = one.lines["1h"];
  const points = history?.series.get(one.class) ?? [];
  const windows = history ? grid(points, "1h", Math.max(history.from, history.to - DAY), history.to) : [];
  const newest = points.find((point) => hour && point.start === hour.start) ?? null;
  return h(
    depth === 0 ? "tr.root" : "tr",
    {},
    h(
      "th",
      { scope: "row", "data-depth": depth },
      depth > 0 && h("span.branch", { "aria-hidden": "true" }, "└"),
      h("span.name", {}, h("a", { href: `/classes/${encodeURIComponent(one.class)}`, id: `class-${one.class}` }, one.name), h("span.small.soft", {}, one.level)),
    ),
    h("td.num.lines", {}, h("span.amount", {}, hour?.lines > 0 && bar(hour.lines / most), figure(hour, k))),
    h("td.trend", {}, points.length > 0 ? spark(windows, sparkWords(one, windows, k)) : h("span.soft.small", {}, "–")),
    h(one.lines["24h"] ? "td.num.day" : "td.num.day.unknown", {}, figure(one.lines["24h"], k)),
    h("td.num.more", {}, one.in_use_packets !== null && newest && newest.in_use !== null ? number(newest.in_use) : "–"),
    h("td.num.more", {}, confidence(newest ? newest.confidence : null)),
    h("td.num.more", {}, `${one.required} of ${one.of}`),
  );
}

function figure(counted, k) {
  const known = counted && counted.lines !== null;
  return h(!known ? "span.held" : counted.lines > 0 ? "b" : "span.soft", {}, lines(counted, k));
}

function sparkWords(one, windows, k) {
  const shown = windows.filter(({ point }) => point && !point.withheld).map(({ point }) => point);
  if (shown.length === 0) return `${one.name}: no figure above ${under(k)} in the last 24 hours`;
  const values = shown.map((point) => point.lines);
  const last = shown[shown.length - 1];
  return `${one.name}, ${count(shown.length, "hour")}: between ${number(Math.min(...values))} and ${number(Math.max(...values))} lines, ${number(last.lines)} at ${time(last.start)}`;
}

function hidden(classes, filtered) {
  if (classes.length === 0) return null;
  return h(
    "details.fold",
    { id: "not-detectable", open: filtered },
    h("summary", {}, `Not detectable now (${classes.length})`),
    h(
      "div",
      {},
      h(
        "div.scroll",
        {},
        h(
          "table",
          {},
          h("caption.unseen", {}, "Classes that cannot be detected now, with the reason"),
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Class"), h("th", { scope: "col" }, "Why"))),
          h(
            "tbody",
            {},
            classes.map((one) =>
              h("tr", {}, h("th", { scope: "row" }, h("a", { href: `/classes/${encodeURIComponent(one.class)}` }, one.name)), h("td.soft.why", {}, one.reason)),
            ),
          ),
        ),
      ),
    ),
  );
}
