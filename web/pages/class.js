// One class: its trend, where it is, when it is used, and what it rests on.

import { ask, live, now } from "../api.js";
import { bar, grid, hourBars, trend } from "../chart.js";
import { h, put, table } from "../dom.js";
import { DAY, confidence, count, duration, lines, number, percent, under, windowName } from "../format.js";
import { failed, load } from "../loading.js";

const REACH = { "1h": [["24 hours", DAY], ["3 days", 3 * DAY], ["7 days", 7 * DAY]], "24h": [["14 days", 14 * DAY], ["60 days", 60 * DAY], ["1 year", 366 * DAY]] };

export function page(context, name) {
  context.setTitle(name);
  const here = encodeURIComponent(name);
  const crumbs = h("nav.crumbs", { "aria-label": "Where this is" });
  const lead = h("p.lead", {});
  const figures = h("div", {});
  const trendCard = h("section.card", { "aria-labelledby": "trend-title" });
  const places = h("div.two", {});
  const basis = h("div", {});
  put(context.body, crumbs, h("div.head", {}, h("div", {}, context.title, lead)), figures, trendCard, places, basis);
  let answered = null;

  const again = load(
    context,
    figures,
    [`/api/v1/classes/${here}`, "/api/v1/classes", `/api/v1/counts?class=${here}`, `?/api/v1/history?class=${here}&window=1h`],
    (answer, all, counts, history) => {
      answered = answer;
      const one = answer.class;
      context.setTitle(one.name);
      put(crumbs, ancestry(one, all.classes));
      put(lead, sentence(one));
      const points = total(history);
      put(figures, !one.detectable && undetectable(one), summary(one, points));
      put(places, regions(counts), hours(one, points));
      put(basis, groups(answer), facts(answer, all.classes));
    },
  );
  const trends = trendSection(context, trendCard, here);
  return (news) => {
    if (news.hour || news.day || news.started || news.restarted || !answered) again();
    if (news.first || news.hour || news.day || news.restarted) trends();
  };
}

function total(history) {
  return history?.series.find((one) => one.region === null || one.region === undefined)?.points ?? [];
}

function ancestry(one, all) {
  const chain = [];
  let parent = one.parent;
  while (parent) {
    const found = all.find((other) => other.class === parent);
    if (!found || chain.length > 5) break;
    chain.unshift(h("a", { href: `/classes/${encodeURIComponent(found.class)}` }, found.name), " › ");
    parent = found.parent;
  }
  return [h("a", { href: "/" }, "Overview"), " › ", chain, one.name];
}

function sentence(one) {
  const article = { platform: "A platform", manufacturer: "A manufacturer", product: "A product" }[one.level];
  const from = one.vendor ? ` of ${one.vendor}` : "";
  const rule = one.detectable
    ? ` It is claimed on a line when ${one.required} of its ${count(one.of, "group")} ${one.required === 1 ? "is" : "are"} seen in a window, one of them primary${one.parent ? ", and its parent is claimed too" : ""}.`
    : "";
  return [`${article}${from}, `, h("code", {}, one.class), ".", rule];
}

function undetectable(one) {
  return h("div.note.bad", {}, h("p", {}, h("b", {}, "Not detectable now. "), `${one.reason.charAt(0).toUpperCase()}${one.reason.slice(1)}.`));
}

function summary(one, points) {
  const k = live.status?.k ?? 5;
  const hour = one.lines["1h"];
  const newest = hour && points.find((point) => point.start === hour.start);
  const figure = (title, value, small) => {
    const words = /^[a-z–]/i.test(value);
    return h("div", {}, h("dt", {}, title), h(words ? "dd.words" : "dd", {}, value, small && h("small", {}, small)));
  };
  const of = (counted, window) => (counted ? `${windowName(counted.start, window)}${counted.partial ? ", in part" : ""}` : null);
  return h(
    "dl.figures",
    {},
    figure("Lines, last hour", lines(hour, k), of(hour, "1h")),
    figure("Lines, last day", lines(one.lines["24h"], k), of(one.lines["24h"], "24h")),
    one.in_use_packets !== null && newest && newest.in_use !== null
      ? figure("In use, last hour", number(newest.in_use), newest.lines ? `${percent(newest.in_use / newest.lines)} of these lines` : null)
      : null,
    newest && newest.confidence !== null && newest.confidence !== undefined
      ? figure("Confidence", confidence(newest.confidence), "mean of the last hour’s claims")
      : null,
    figure("Evidence needed", one.detectable ? `${one.required} of ${one.of}` : "–", `groups; the signature names ${one.named}`),
  );
}

function trendSection(context, card, here) {
  let window = "1h";
  let reach = DAY;
  let drawn = null;
  const content = h("div", {});
  const choice = (label, options, current, pick) =>
    h(
      "div.choice",
      { role: "group", "aria-label": label },
      options.map(([words, value]) =>
        h("button", { type: "button", id: `pick-${value}`, "aria-pressed": value === current, onclick: () => pick(value) }, words),
      ),
    );
  function head() {
    put(
      card,
      h(
        "div.card-head",
        {},
        h("h2", { id: "trend-title" }, "Trend"),
        h(
          "div.flow",
          {},
          choice("Length of the windows", [["Hours", "1h"], ["Days", "24h"]], window, (value) => {
            window = value;
            [[, reach]] = REACH[value];
            head();
            run();
          }),
          choice("How far back", REACH[window], reach, (value) => {
            reach = value;
            head();
            run();
          }),
        ),
      ),
      content,
    );
  }
  head();
  let run = () => {};
  let asked = 0;
  context.signal.addEventListener("abort", () => drawn?.remove());
  run = async () => {
    const mine = ++asked;
    const to = now();
    // The first status brings this about again.
    if (to === null) return;
    const step = window === "1h" ? DAY / 24 : DAY;
    const from = Math.floor((to - reach) / step) * step;
    const when = `from=${new Date(from).toISOString().replace(".000", "")}&to=${new Date(Math.ceil(to / step) * step).toISOString().replace(".000", "")}`;
    try {
      const history = await ask(`/api/v1/history?class=${here}&window=${window}&${when}`, { signal: context.signal });
      if (mine !== asked || context.signal.aborted) return;
      const points = total(history);
      drawn?.remove();
      drawn = null;
      if (points.length === 0) {
        put(content, h("p.soft", {}, `No ${window === "1h" ? "hour" : "day"} of this class has been counted yet in that time.`));
        return;
      }
      const k = live.status?.k ?? 5;
      // From the first window there is, so that a new service is not all gap.
      const first = Math.max(from, Math.min(...points.map((point) => Date.parse(point.start))) - step);
      const end = Math.max(...points.map((point) => Date.parse(point.start))) + step;
      drawn = trend(grid(points, window, first, end), window, k);
      put(content, drawn.element, figuresTable(points, window, k));
    } catch (error) {
      if (context.signal.aborted || drawn) return;
      // A class that was in no window so far is unknown to the history.
      if (error.status === 400) put(content, h("p.soft", {}, "No window in which this class could be detected has closed yet."));
      else put(content, error.status === 404 ? h("p.soft", {}, "No history is kept, so there is no trend: the configuration has switched it off.") : failed(error, run));
    }
  };
  run();
  return () => run();
}

function figuresTable(points, window, k) {
  return h(
    "details.plain",
    { id: "trend-table" },
    h("summary", {}, "The figures as a table"),
    table(
      "Lines by window",
      [window === "1h" ? "Hour" : "Day", { text: "Lines", kind: "num" }, { text: "In use", kind: "num" }, { text: "Confidence", kind: "num" }],
      [...points].reverse().map((point) => [
        windowName(point.start, window),
        [point.withheld || point.lines === null ? h("span.held", {}, under(k)) : number(point.lines), point.partial && h("span.soft", {}, " in part")],
        point.in_use === null ? "–" : number(point.in_use),
        confidence(point.confidence),
      ]),
    ),
  );
}

function regions(counts) {
  const window = counts.windows.some((one) => one.window === "24h") ? "24h" : "1h";
  const rows = counts.counts.filter((row) => row.window === window).sort((a, b) => (b.lines ?? 0.5) - (a.lines ?? 0.5));
  const most = Math.max(1, ...rows.map((row) => row.lines ?? 0));
  return h(
    "section.card",
    { "aria-labelledby": "regions-title" },
    h("h2", { id: "regions-title" }, "Regions"),
    rows.length === 0
      ? h("p.soft", {}, counts.windows.length === 0 ? "No window is complete yet." : "No line in the last complete window.")
      : [
          h("p.soft.small", {}, `Lines, ${windowName(rows[0].start, window)}`),
          h(
            "dl.share",
            {},
            rows.flatMap((row) => [
              h("dt", {}, row.region || "no region"),
              h("dd", { "aria-hidden": "true" }, bar((row.lines ?? 0) / most)),
              h("dd", {}, row.lines === null ? h("span.held", {}, row.withheld ? "kept back" : "–") : h("b", {}, number(row.lines))),
            ]),
          ),
          rows.some((row) => row.withheld) && h("p.soft.small", {}, `Kept back: counts under ${counts.k}, and those that would tell them by subtraction.`),
        ],
  );
}

function hours(one, points) {
  const used = points.filter((point) => point.in_use !== null && !point.partial).slice(-24);
  const values = Array(24).fill(null);
  for (const point of used) values[new Date(point.start).getUTCHours()] = point.in_use;
  const known = values.filter((value) => value !== null);
  const peak = values.indexOf(Math.max(...known));
  const words = known.length === 0 ? "" : `Lines with the class in use by hour of the day, ${count(known.length, "hour")} known; most at ${String(peak).padStart(2, "0")}:00 UTC with ${values[peak]}`;
  return h(
    "section.card",
    { "aria-labelledby": "hours-title" },
    h("h2", { id: "hours-title" }, "In use over the day"),
    one.in_use_packets === null
      ? h("p.soft", {}, "This class does not tell: its traffic is the same whether anybody uses a device or not, as far as its signature knows.")
      : known.length === 0
      ? h("p.soft", {}, "No hour tells yet whether anybody uses it.")
      : [
          h("p.soft.small", {}, "Lines on which the traffic says that somebody uses a device, by hour (UTC)"),
          hourBars(values, words),
          h(
            "details.plain",
            { id: "hours-table" },
            h("summary", {}, "The figures as a table"),
            table("In use by hour", ["Hour", { text: "In use", kind: "num" }], used.map((point) => [windowName(point.start, "1h"), number(point.in_use)])),
          ),
        ],
  );
}

function verdictChip(group) {
  const kind = group.counted ? "good" : group.verdict === "undecided" ? "hay" : "bad";
  return h(`span.chip.${kind}`, {}, group.verdict);
}

function groups({ class: one, groups: states, signature, day }) {
  const names = new Map((signature?.groups ?? []).map((group) => [group.names[0], group]));
  return h(
    "section.card",
    { "aria-labelledby": "groups-title" },
    h("h2", { id: "groups-title" }, "What it rests on"),
    h("p.soft.small", {}, `Groups of domains that live on the same addresses. ${one.of} of ${one.named} are monitored on ${day}: dedicated to one owner, and resolvable.`),
    table(
      "Groups of this class with their verdicts",
      ["Group", "Role", "Ports", "Verdict", { text: "Addresses", kind: "num" }, "Why"],
      states.map((group) => {
        const facts = names.get(group.group);
        const more = facts?.names.slice(1) ?? [];
        return [
          [
            h("code", {}, group.group),
            more.length > 0 &&
              h("details.small", { id: `names-${group.group}` }, h("summary.soft", {}, `and ${count(more.length, "more name")}`), h("ul", {}, more.map((name) => h("li", {}, h("code", {}, name))))),
          ],
          group.role,
          facts?.ports.length ? facts.ports.join(", ") : "any",
          verdictChip(group),
          group.counted ? number(group.endpoints) : "–",
          h("span.soft", {}, group.merged_into ? ["one with ", h("code", {}, group.merged_into)] : (group.why_not ?? "monitored")),
        ];
      }),
    ),
  );
}

function facts({ signature, children }, all) {
  if (!signature) return null;
  const age = Date.now() - Date.parse(signature.checked);
  const named = (name) => all.find((one) => one.class === name)?.name ?? name;
  return h(
    "section.card",
    { "aria-labelledby": "facts-title" },
    h("h2", { id: "facts-title" }, "The signature"),
    h(
      "dl.facts",
      {},
      h("dt", {}, "Facts checked"),
      h("dd", {}, signature.checked, age > DAY ? `, ${duration(age)} ago` : ""),
      h("dt", {}, "Share needed (D)"),
      h("dd", {}, signature.threshold),
      h("dt", {}, "In use from"),
      h("dd", {}, signature.in_use_packets === null ? "not told by this class" : `${count(signature.in_use_packets, "sampled packet")} an hour at 1:550`),
      children.length > 0 && [
        h("dt", {}, "Classes below"),
        h("dd", {}, children.map((child, place) => [place > 0 && ", ", h("a", { href: `/classes/${encodeURIComponent(child)}` }, named(child))])),
      ],
      h("dt", {}, "Sources"),
      h("dd", {}, h("ul", {}, signature.sources.map((source) => h("li", {}, source)))),
    ),
  );
}
