// The doctor: what came in and what became of it, and each exporter's health.

import { live } from "../api.js";
import { h, put, table } from "../dom.js";
import { bytes, count, duration, number } from "../format.js";
import { load } from "../loading.js";

/// An exporter that sent nothing for so long, in real seconds, is silent.
const SILENT = 120;
/// How often the figures are read again while the page is open, in polls.
const EVERY = 2;

export function page(context) {
  context.setTitle("Exporters");
  const lead = h("p.lead", {});
  const content = h("div", {});
  put(context.body, h("div.head", {}, h("div", {}, context.title, lead)), content);
  let polls = 0;
  const again = load(context, content, ["/api/v1/exporters?detail=summary"], (answer) => {
    const sick = answer.exporters.filter((one) => troubles(one).length > 0);
    lead.textContent =
      answer.exporters.length === 0
        ? "No exporter has been heard."
        : sick.length === 0
          ? `${count(answer.heard, "exporter")} heard, and nothing to mend.`
          : `${sick.length} of ${count(answer.heard, "exporter")} ${sick.length === 1 ? "has" : "have"} something to mend.`;
    put(content, input(answer), answer.exporters.length === 0 ? nobody(answer) : list(answer.exporters));
  });
  return (news) => {
    polls += 1;
    if (news.first || news.restarted || polls % EVERY === 0) again();
  };
}

function input(answer) {
  const of = (what, title) => {
    const { received: since, carried_over: before, decoded, unknown_template: unknown, rejected, queued } = live.status?.input[what] ?? {};
    if (since === undefined) return null;
    const received = since + before;
    const open = received - decoded - unknown - rejected - queued;
    return [
      title,
      number(received),
      number(decoded),
      number(queued + Math.max(0, open)),
      bad(unknown),
      bad(rejected),
    ];
  };
  const bad = (value) => (value > 0 ? h("b", {}, number(value)) : "0");
  const rows = [of("datagrams", "Datagrams"), of("records", "Records")].filter(Boolean);
  const drops = answer.listeners.reduce((sum, one) => sum + one.kernel_drops, 0);
  return h(
    "div.two",
    {},
    h(
      "section.card",
      { "aria-labelledby": "input-title" },
      h("h2", { id: "input-title" }, "What became of what came in"),
      h("p.soft.small", {}, "Received = read + on the way + without template + refused. Nothing else is lost here. What waited for its template over the last restart counts as received."),
      rows.length > 0 &&
        table(
          "What became of what came in, since the start",
          ["", "Received", "Read", "On the way", "Without template", "Refused"].map((text, place) => (place === 0 ? { text: "What", hidden: true } : { text, kind: "num" })),
          rows,
        ),
    ),
    h(
      "section.card",
      { "aria-labelledby": "listeners-title" },
      h("h2", { id: "listeners-title" }, "Listeners"),
      h("p.soft.small", {}, drops > 0 ? "The kernel dropped datagrams because a socket was full: give it a larger net.core.rmem_max, or more workers." : "No datagram was dropped before it could be read."),
      table(
        "Listeners with what the kernel dropped",
        ["Address", { text: "Datagrams", kind: "num" }, { text: "Kernel drops", kind: "num" }, { text: "Errors", kind: "num" }, { text: "Buffer", kind: "num" }],
        answer.listeners.map((one) => [h("code", {}, one.listener), number(one.datagrams), bad(one.kernel_drops), bad(one.errors), bytes(one.buffer_bytes)]),
      ),
      (answer.queue_dropped > 0 || answer.not_allowed > 0) &&
        h("p.small", {}, answer.queue_dropped > 0 && `${count(answer.queue_dropped, "datagram")} dropped because a worker was too slow. `, answer.not_allowed > 0 && `${count(answer.not_allowed, "datagram")} of exporters that are not in exporters.allow.`),
    ),
  );
}

function nobody(answer) {
  return h(
    "div.empty",
    {},
    h("h2", {}, "No exporter has been heard"),
    h("p", {}, "Point a router at one of the listeners above. If it sends already, look at firewalls on the way, and whether its address is in exporters.allow."),
    answer.not_allowed > 0 && h("p", {}, h("b", {}, `${count(answer.not_allowed, "datagram")} came from addresses that are not allowed.`)),
  );
}

/// What is wrong with an exporter, in a few words each.
export function troubles(one) {
  const found = one.advice.map((advice) => advice.found);
  const silence = one.silent_seconds / (live.status?.speed ?? 1);
  if (silence > SILENT) found.unshift(`silent for ${duration(silence * 1000)}`);
  return found;
}

export function rates(one) {
  if (one.sampling.length === 0) return one.unknown_sampling > 0 ? "unknown" : "–";
  return one.sampling.map((rate) => `1:${number(rate.rate)}`).join(", ");
}

export function lost(one) {
  const parts = one.sequence.filter((of) => of.lost > 0).map((of) => count(of.lost, of.unit.replace(/s$/, "")));
  return parts.length > 0 ? parts.join(", ") : "none";
}

export function skew(one) {
  if (one.skew_ms === null) return "not told";
  const off = Math.abs(one.skew_ms);
  if (off < 2000) return "right";
  return `${duration(off)} ${one.skew_ms > 0 ? "ahead" : "behind"}`;
}

export const formats = (one) => one.formats.join(", ");

function list(exporters) {
  const sorted = [...exporters].sort((a, b) => troubles(b).length - troubles(a).length || a.exporter.localeCompare(b.exporter, "en", { numeric: true }));
  return h(
    "section.card",
    { "aria-labelledby": "exporters-title" },
    h("h2", { id: "exporters-title" }, "Exporters"),
    h("p.soft.small", {}, "Those with something to mend first."),
    h(
      "div.scroll",
      { tabindex: 0, role: "region", "aria-label": "Table of exporters" },
      h(
        "table",
        {},
        h("caption.unseen", {}, "Exporters with their health"),
        h("thead", {}, h("tr", {}, ["Exporter", "Health", "Format", ["Records", "num"], ["A second", "num"], "Sampling", "Lost on the way", "Clock"].map((head) => h("th", { scope: "col", class: Array.isArray(head) ? head[1] : null }, Array.isArray(head) ? head[0] : head)))),
        h(
          "tbody",
          {},
          sorted.map((one) => {
            const found = troubles(one);
            return h(
              "tr",
              {},
              h("th", { scope: "row" }, h("a", { href: `/exporters/${encodeURIComponent(one.exporter)}`, id: `exporter-${one.exporter}` }, h("code", {}, one.exporter))),
              h("td", {}, found.length === 0 ? h("span.chip.good", {}, "good") : [h("span.chip.bad", {}, "to mend"), h("div.small", {}, found[0], found.length > 1 && `; ${found.length - 1} more`)]),
              h("td", {}, formats(one)),
              h("td.num", {}, number(one.flow_records)),
              h("td.num", {}, one.records_per_second === null || one.records_per_second === undefined ? "–" : number(Math.round(one.records_per_second))),
              h("td", {}, rates(one)),
              h("td", {}, lost(one)),
              h("td", {}, skew(one)),
            );
          }),
        ),
      ),
    ),
  );
}
