// All classes: which can be detected now, why others cannot, and how old the
// facts are.

import { live, now } from "../api.js";
import { h, put } from "../dom.js";
import { DAY, count, number } from "../format.js";
import { load } from "../loading.js";

/// Facts that were not checked for so long deserve a look.
const OLD = 180 * DAY;

export function page(context) {
  context.setTitle("Signatures");
  const lead = h("p.lead", {});
  const content = h("div", {});
  const list = h("div", {});
  let last = null;
  let only = "";
  const field = h("input", {
    type: "search",
    id: "filter",
    placeholder: "Filter by class, maker or reason",
    "aria-label": "Filter by class, maker or reason",
    autocomplete: "off",
    "data-search": true,
    oninput: () => draw(),
  });
  const kinds = [["", "All"], ["yes", "Detectable"], ["no", "Not detectable"], ["old", "Facts to check"]].map(([kind, words]) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": kind === "",
        onclick: (event) => {
          only = kind;
          for (const button of kinds) button.setAttribute("aria-pressed", button === event.currentTarget);
          draw();
        },
      },
      words,
    ),
  );
  const tools = h("div.tools-row", {}, h("div.grow", {}, field), h("div.choice", { role: "group", "aria-label": "Which classes" }, kinds));
  put(context.body, h("div.head", {}, h("div", {}, context.title, lead)), content);

  const again = load(context, content, ["/api/v1/classes", "/api/v1/hitlist"], (answer, hitlist) => {
    last = answer.classes;
    const can = last.filter((one) => one.detectable).length;
    const { dedicated = 0, shared = 0, undecided = 0, unresolvable = 0 } = hitlist.verdicts;
    lead.textContent = `${can} of ${last.length} classes can be detected on ${answer.day}. Their groups: ${dedicated} dedicated, ${shared} shared, ${undecided} undecided, ${unresolvable} unresolvable; ${count(hitlist.endpoints, "endpoint")} in the hitlist.`;
    if (!content.contains(tools)) put(content, tools, list);
    draw();
  });

  function draw() {
    if (!last) return;
    const text = field.value.trim().toLowerCase();
    const rows = last.filter((one) => {
      const words = `${one.name} ${one.class} ${one.vendor} ${one.reason ?? ""}`.toLowerCase();
      const kind = only === "" || (only === "yes" && one.detectable) || (only === "no" && !one.detectable) || (only === "old" && age(one) > OLD);
      return kind && words.includes(text);
    });
    put(
      list,
      rows.length === 0
        ? h("div.empty", {}, h("p", {}, only === "old" && text === "" ? "All facts were checked within half a year." : "No class fits."))
        : h(
            "div.card",
            {},
            h("p.soft.small", { role: "status" }, `${number(rows.length)} shown`),
            h(
              "div.scroll",
              { tabindex: 0, role: "region", "aria-label": "Table of signatures" },
              h(
                "table",
                {},
                h("caption.unseen", {}, "Signatures with whether they can be detected now"),
                h("thead", {}, h("tr", {}, ["Class", "Level", "Now", ["Groups", "num"], ["Needed", "num"], "Facts checked", "Why not"].map((head) => h("th", { scope: "col", class: Array.isArray(head) ? head[1] : null }, Array.isArray(head) ? head[0] : head)))),
                h("tbody", {}, rows.map(row)),
              ),
            ),
          ),
    );
  }
  return (news) => {
    if (news.day || news.started || news.restarted || !last) again();
  };
}

const age = (one) => (one.checked ? (live.status?.speed > 1 ? Date.now() : (now() ?? Date.now())) - Date.parse(one.checked) : 0);

function row(one) {
  const days = Math.floor(age(one) / DAY);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: `/classes/${encodeURIComponent(one.class)}` }, one.name), one.vendor && one.vendor !== one.name && h("span.small.soft", {}, ` ${one.vendor}`)),
    h("td", {}, one.level),
    h("td", {}, one.detectable ? h("span.chip.good", {}, "detectable") : h("span.chip.bad", {}, "not now")),
    h("td.num", {}, `${one.of} of ${one.named}`),
    h("td.num", {}, one.required ?? "–"),
    h("td.still", {}, one.checked, h("span.small.soft", {}, days > 0 ? ` ${count(days, "day")}` : ""), age(one) > OLD && h("span.chip.hay", {}, "check")),
    h("td.soft.small.why", {}, one.reason ?? ""),
  );
}
