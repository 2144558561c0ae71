// One exporter: its health, what mends it, where its rates come from, and its
// templates field by field.

import { live } from "../api.js";
import { h, put, table } from "../dom.js";
import { count, duration, moment, number } from "../format.js";
import { load } from "../loading.js";
import { formats, lost, rates, skew, troubles } from "./exporters.js";

const SOURCES = {
  record: "a field of the flow records",
  options: "options records",
  header: "the datagram’s header",
  configured: "exporters.default_sampling",
};

export function page(context, name) {
  context.setTitle(name);
  const content = h("div", {});
  put(
    context.body,
    h("nav.crumbs", { "aria-label": "Where this is" }, h("a", { href: "/exporters" }, "Exporters"), " › ", name),
    h("div.head", {}, h("div", {}, context.title)),
    content,
  );
  let polls = 0;
  const again = load(context, content, [`/api/v1/exporters?exporter=${encodeURIComponent(name)}`], (answer) => {
    const [one] = answer.exporters;
    put(content, health(one), mending(one), sampling(one), sequences(one), templates(one));
  });
  return (news) => {
    polls += 1;
    if (news.restarted || polls % 2 === 0) again();
  };
}

function health(one) {
  const figure = (title, value, small) => h("div", {}, h("dt", {}, title), h(/[a-z–]/i.test(value) ? "dd.words" : "dd", {}, value, small && h("small", {}, small)));
  const silence = (one.silent_seconds / (live.status?.speed ?? 1)) * 1000;
  return h(
    "dl.figures",
    {},
    figure("Flow records", number(one.flow_records), `in ${count(one.datagrams, "datagram")}, ${formats(one)}`),
    figure("Sampling", rates(one), one.unknown_sampling > 0 ? `${number(one.unknown_sampling)} flows without a rate` : "told for every flow"),
    figure("Lost on the way", lost(one), "by its sequence numbers"),
    figure("Clock", skew(one), one.skew_ms === null ? "sFlow tells no time" : `${number(one.skew_ms)} ms from ours`),
    figure("Last heard", silence < 2000 ? "now" : `${duration(silence)} ago`, `${moment(one.last_seen)} UTC`),
    figure("Refused", number(one.rejected), `${number(one.queued)} wait for a template`),
  );
}

function mending(one) {
  const found = troubles(one);
  if (found.length === 0) return h("p.note", {}, "Nothing to mend.");
  return h(
    "section.card",
    { "aria-labelledby": "mend-title" },
    h("h2", { id: "mend-title" }, "What to mend"),
    found.length > one.advice.length && h("div.claim", {}, h("h3", {}, `It is ${found[0]}`), h("p", {}, "Look whether the router still exports, and whether something on the way drops its datagrams.")),
    one.advice.map((advice, place) =>
      h(
        "div.claim",
        {},
        h("h3", {}, `${advice.found.charAt(0).toUpperCase()}${advice.found.slice(1)}`),
        h("p", {}, `${advice.mend.charAt(0).toUpperCase()}${advice.mend.slice(1)}.`),
        advice.setting && h("p.small", {}, "Until then, in Hayrake’s configuration under ", h("code", {}, "exporters"), ": ", h("code", {}, advice.setting)),
        advice.routers.length > 0 &&
          h(
            "details.plain",
            { id: `router-${place}` },
            h("summary", {}, `The lines for ${advice.routers.map((router) => router.system).join(", ")}`),
            advice.routers.map((router) => h("div.advice", {}, h("p.small", {}, h("b", {}, router.system)), h("pre", { tabindex: 0 }, router.lines.join("\n")))),
          ),
      ),
    ),
  );
}

function sampling(one) {
  return h(
    "section.card",
    { "aria-labelledby": "sampling-title" },
    h("h2", { id: "sampling-title" }, "Where the rate comes from"),
    one.sampling.length === 0
      ? h("p.soft", {}, one.unknown_sampling > 0 ? `Nobody told the rate of ${count(one.unknown_sampling, "flow")}.` : "No flow yet.")
      : table(
          "Sampling rates with what told them",
          ["Rate", "Told by", "Field", { text: "Flow records", kind: "num" }],
          [
            ...one.sampling.map((rate) => [`1:${number(rate.rate)}`, SOURCES[rate.source] ?? rate.source, rate.field ? h("code", {}, rate.field) : "–", number(rate.flows)]),
            ...(one.unknown_sampling > 0 ? [["unknown", "nobody", "–", number(one.unknown_sampling)]] : []),
          ],
        ),
    one.samplers.length > 0 &&
      h(
        "details.plain",
        { id: "samplers" },
        h("summary", {}, `${count(one.samplers.length, "sampler")} described by options`),
        table("Samplers", ["Sampler", "Rate", "Field"], one.samplers.map((sampler) => [sampler.id ?? "all", `1:${number(sampler.rate)}`, h("code", {}, sampler.field)])),
      ),
  );
}

function sequences(one) {
  if (one.sequence.length === 0 && one.unknown_sets.length === 0) return null;
  return h(
    "section.card",
    { "aria-labelledby": "gaps-title" },
    h("h2", { id: "gaps-title" }, "Gaps and unknown sets"),
    one.sequence.length > 0 &&
      table(
        "What sequence numbers say",
        ["Format", "Counted", { text: "Lost", kind: "num" }, { text: "Of these perhaps late", kind: "num" }, { text: "Restarts", kind: "num" }],
        one.sequence.map((of) => [of.format, of.unit, number(of.lost), number(of.open), number(of.restarts)]),
      ),
    one.unknown_sets.length > 0 &&
      h("p.small", {}, "Sets that came before their template: ", one.unknown_sets.map((set) => `${set.template} (${number(set.sets)})`).join(", "), "."),
  );
}

function templates(one) {
  if (one.templates.length === 0) return null;
  const held = one.templates_held ?? one.templates.length;
  return h(
    "section.card",
    { "aria-labelledby": "templates-title" },
    h("h2", { id: "templates-title" }, "Templates"),
    h("p.soft.small", {}, held > one.templates.length ? `${number(held)} held, the ${one.templates.length} used last shown.` : `${count(held, "template")} held.`),
    one.templates.map((template) =>
      h(
        "details.plain",
        { id: `template-${template.id}-${template.port}-${template.format}` },
        h("summary", {}, `${template.id}, ${template.kind}, ${count(template.fields.length, "field")}, port ${template.port}${template.sent ? `, last sent ${moment(template.sent)} UTC` : ""}`),
        table(
          `Fields of template ${template.id}`,
          [{ text: "Field", kind: "num" }, "Name", { text: "Bytes", kind: "num" }],
          template.fields.map((field) => [field.enterprise ? `${field.enterprise}/${field.id}` : field.id, [field.name || h("span.soft", {}, "unnamed"), field.scope && h("span.chip", {}, "scope")], field.length ?? "varies"]),
        ),
      ),
    ),
  );
}
