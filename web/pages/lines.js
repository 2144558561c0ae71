// One line, for holders of the token: what is claimed on it, and why.
//
// An address is sent in the body of one request, becomes a pseudonym there and
// is not kept here either; only the pseudonym is ever part of an address of
// this console.

import { ApiError, ask, live, look, token } from "../api.js";
import { h, put, svg, table } from "../dom.js";
import { bytes, confidence, count, moment, number, seconds, windowName } from "../format.js";
import { failed } from "../loading.js";

const PSEUDONYM = /^[0-9a-f]{32}$/i;

export function page(context, name) {
  context.setTitle(name ? "A line" : "Look up a line");
  const form = h("div", {});
  const result = h("div", {});
  const lead = h("p.lead", {});
  put(context.body, h("div.head", {}, h("div", {}, context.title, lead)), form, result);
  let shown = null;
  let polls = 0;

  function state() {
    const access = live.status?.lines ?? null;
    return access === "token" && token.get() ? "open" : access;
  }

  function draw() {
    const now = state();
    if (now === shown) return;
    shown = now;
    lead.textContent =
      now === "open"
        ? "By the address a subscriber had, or by the pseudonym that stands in detections. You see what is claimed on it, and what each claim rests on."
        : "What is claimed on a single line, and why. That is about one home, so it takes more than reaching this page.";
    put(form, now === null ? h("p.soft", { role: "status" }, live.error ? "" : "Loading") : now === "open" ? search() : now === "token" ? login() : closed(now));
    put(result);
    if (now === "open" && name) show();
  }

  function login() {
    const field = h("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true, "data-search": true, "aria-describedby": "token-why" });
    const problem = h("p.small", { role: "alert" });
    return h(
      "section.card",
      { "aria-labelledby": "token-title" },
      h("h2", { id: "token-title" }, "The token, please"),
      h("p.soft.small", { id: "token-why" }, "The content of token_file. It stays in this tab until you close it or forget it here, is sent in a header only, and never stands in an address."),
      h(
        "form.asking",
        {
          onsubmit: async (event) => {
            event.preventDefault();
            const offered = field.value.trim();
            problem.textContent = "";
            try {
              const status = await ask("/api/v1/status", { offered, signal: context.signal });
              if (status.lines !== "open") throw new ApiError(401, "the token opens nothing here");
              token.set(offered);
              await look();
              context.announce("The token is right");
              shown = null;
              draw();
              document.getElementById("line")?.focus();
            } catch (error) {
              if (context.signal.aborted) return;
              problem.textContent = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
              field.select();
            }
          },
        },
        h("label", { for: "token" }, "Token"),
        h("div.row", {}, field, h("button.main", { type: "submit" }, "Use it")),
        problem,
      ),
    );
  }

  function search() {
    const field = h("input", { type: "text", id: "line", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "198.51.100.7", required: true, "data-search": true, "aria-describedby": "line-why" });
    const problem = h("p.small", { role: "alert" });
    return h(
      "section.card",
      { "aria-label": "Look-up" },
      h(
        "form.asking",
        {
          onsubmit: async (event) => {
            event.preventDefault();
            const asked = field.value.trim();
            problem.textContent = "";
            if (PSEUDONYM.test(asked)) {
              context.go(`/lines/${asked.toLowerCase()}`);
              return;
            }
            try {
              const found = await ask("/api/v1/lines", { method: "POST", body: { address: asked }, signal: context.signal });
              field.value = "";
              context.go(`/lines/${found.line}`);
            } catch (error) {
              if (context.signal.aborted) return;
              problem.textContent = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
              if (error.status === 401) draw();
              field.select();
            }
          },
        },
        h("label", { for: "line" }, "Address, IPv6 prefix or pseudonym"),
        h("div.row", {}, field, h("button.main", { type: "submit" }, "Look up")),
        h("p.soft.small", { id: "line-why" }, "An address becomes a pseudonym at once and is kept nowhere."),
        problem,
        token.get() &&
          h(
            "p.small",
            {},
            "A token is in use in this tab, and counts under k are shown. ",
            h(
              "button.quiet",
              {
                type: "button",
                onclick: async () => {
                  token.drop();
                  put(result);
                  shown = null;
                  await look();
                  context.announce("The token is forgotten");
                  if (name) context.go("/lines");
                },
              },
              "Forget it",
            ),
          ),
      ),
    );
  }

  async function show() {
    if (!PSEUDONYM.test(name)) {
      put(result, failed(new ApiError(400, "a line is 32 hexadecimal digits"), null));
      return;
    }
    try {
      const [answer, signatures, history] = await Promise.all([
        ask(`/api/v1/lines/${name}`, { signal: context.signal }),
        ask("/api/v1/signatures", { signal: context.signal }),
        ask(`/api/v1/history/lines/${name}`, { signal: context.signal }).catch(() => null),
      ]);
      if (context.signal.aborted) return;
      put(result, describe(answer, signatures.signatures, history));
    } catch (error) {
      if (context.signal.aborted) return;
      if (error.status === 404) put(result, nothing(name));
      else put(result, failed(error, error.status === 401 || error.status === 403 ? null : show));
      if (error.status === 401) draw();
    }
  }

  draw();
  return (news) => {
    draw();
    polls += 1;
    if (shown === "open" && name && (news.hour || news.restarted || polls % 4 === 0) && !news.first) show();
  };
}

function closed(state) {
  return h(
    "div.empty",
    {},
    h("h2", {}, state === "off" ? "Single lines are switched off" : "Not over this connection"),
    state === "off"
      ? h("p", {}, "The configuration has neither a ", h("code", {}, "token_file"), " nor a ", h("code", {}, "client_ca"), ", so nothing about single lines is held in memory.")
      : h("p", {}, "Others on the network could read a token that is sent in the clear. Open the console by HTTPS (", h("code", {}, "http.tls"), ") or from the machine itself."),
  );
}

function nothing(name) {
  return h(
    "div.empty",
    {},
    h("h2", {}, "Nothing is known of this line"),
    h("p", {}, "Nothing was seen of it in the open windows, and nothing claimed in the last two hours and days. That is no proof that it has no device: sampling misses most packets."),
    h("p", {}, h("code", {}, name)),
  );
}

function describe(answer, signatures, history) {
  const named = new Map(signatures.map((one) => [one.class, one]));
  const title = (name) => named.get(name)?.name ?? name;
  const open = answer.evidence.map((window) => openWindow(window, answer.current));
  const closed = closedWindows(answer.detections, named, title);
  return [
    h("p", {}, h("span.soft", {}, "Pseudonym "), h("code", {}, answer.line), region(answer)),
    h("h2.part", {}, "Now, in the windows that are open"),
    open.length > 0 ? open : h("p.soft", {}, "Nothing was seen in them so far."),
    h("h2.part", {}, "Claimed in the windows that have closed"),
    closed.length > 0 ? closed : h("p.soft", {}, "Nothing in the last two hours and days."),
    history && history.days.length > 0 && days(history.days, title),
  ];
}

function region(answer) {
  const one = answer.current[0] ?? answer.detections[0];
  return one?.region ? h("span.soft", {}, ` · region ${one.region}`) : null;
}

function openWindow(window, claims) {
  const of = (name) => claims.find((claim) => claim.class === name && claim.window === window.window && claim.start === window.start);
  const claimed = window.classes.filter((one) => one.claimed);
  const short = window.classes.filter((one) => !one.claimed);
  const what = window.window === "1h" ? "Hour" : "Day";
  return h(
    "section.card",
    {},
    h("h3", {}, `${what} ${windowName(window.start, window.window)}`),
    h("p.soft.small", {}, claimed.length === 0 ? "Nothing would be claimed if it closed now." : `${(claimed.length === 1 ? "1 class" : `${claimed.length} classes`)} would be claimed if it closed now.`),
    claimed.map((one) => claim(one, of(one.class))),
    short.length > 0 &&
      h(
        "details.plain",
        { id: `short-${window.window}-${window.start}` },
        h("summary", {}, `Seen, but not enough to claim (${short.length})`),
        short.map((one) => claim(one, null)),
      ),
  );
}

function claim(one, detection) {
  const seen = one.groups.filter((group) => group.seen);
  const unseen = one.groups.filter((group) => !group.seen);
  return h(
    "div.claim",
    {},
    h(
      "h3",
      {},
      h("a", { href: `/classes/${encodeURIComponent(one.class)}` }, one.name),
      h("span.chip", {}, one.level),
      detection?.in_use && h("span.chip.hay", {}, "in use"),
      detection && h("span.small.soft", {}, `confidence ${confidence(detection.confidence)}`),
    ),
    h("p", {}, one.claimed ? because(one) : `Not claimed: ${one.why_not}.`),
    pips(one),
    h(
      one.claimed ? "ul.groups" : "ul.groups.unmet",
      {},
      seen.map(({ group, role, names, seen: traffic }) =>
        h(
          "li",
          {},
          h("code", {}, (names.length > 0 ? names : [group]).slice(0, 4).join(", ")),
          names.length > 4 && h("span.soft.small", {}, ` and ${names.length - 4} more`),
          role === "support" && h("span.chip", {}, "support"),
          h("span.soft", {}, `${count(traffic.packets, "sampled packet")}, ${bytes(traffic.bytes)}, ${when(traffic)}`),
        ),
      ),
    ),
    unseen.length > 0 && h("details.plain", { id: `unseen-${one.class}-${one.claimed}` }, h("summary", {}, `${count(unseen.length, "group")} not seen`), h("p.small", {}, unseen.map(({ group }, place) => [place > 0 && ", ", h("code", {}, group)]))),
  );
}

function because(one) {
  const parent = one.parent ? " Its parent is claimed too." : "";
  if (one.of === 1) return `Claimed because its only group was seen.${parent}`;
  return `Claimed because ${one.seen} of its ${count(one.of, "group")} ${one.seen === 1 ? "was" : "were"} seen, and ${one.required} ${one.required === 1 ? "is" : "are"} needed, one of them primary.${parent}`;
}

/// The groups as boxes, those seen filled, with a mark at what is needed. Only
/// for the eye: the sentence beside it says the same.
function pips({ seen, required, of }) {
  if (of < 2 || of > 80) return null;
  const step = 11;
  return svg(
    "svg.pips",
    { viewBox: `0 0 ${of * step} 12`, width: of * step, height: 12, "aria-hidden": "true" },
    Array.from({ length: of }, (_, place) => svg(place < seen ? "rect.full" : "rect", { x: place * step + 0.5, y: 2, width: step - 3, height: 8, rx: 1.5 })),
    svg("line", { x1: required * step - 1, x2: required * step - 1, y1: 0, y2: 12 }),
  );
}

function when({ first, last }) {
  const [from, to] = [moment(first), seconds(last)];
  return first === last ? `at ${from} UTC` : `from ${from} to ${to} UTC`;
}

function closedWindows(detections, named, title) {
  const windows = new Map();
  for (const one of detections) {
    const key = `${one.window} ${one.start}`;
    windows.set(key, [...(windows.get(key) ?? []), one]);
  }
  return [...windows.values()].map((all) => {
    const [{ window, start }] = all;
    return h(
      "details.fold",
      { id: `closed-${window}-${start}` },
      h("summary", {}, `${window === "1h" ? "Hour" : "Day"} ${windowName(start, window)}: ${all.map((one) => title(one.class)).join(", ")}`),
      h(
        "div",
        {},
        table(
          `Claims of ${windowName(start, window)}`,
          ["Class", "Groups seen", { text: "Seen", kind: "num" }, { text: "Needed", kind: "num" }, { text: "Of", kind: "num" }, { text: "Packets", kind: "num" }, "First and last", { text: "Confidence", kind: "num" }],
          all.map((one) => [
            [h("a", { href: `/classes/${encodeURIComponent(one.class)}` }, title(one.class)), one.in_use && h("span.chip.hay", {}, "in use")],
            one.groups.map((group, place) => [place > 0 && ", ", h("code", {}, domains(named.get(one.class), group))]),
            one.seen,
            one.required,
            one.of,
            number(one.packets),
            `${seconds(one.first)} to ${seconds(one.last)}`,
            confidence(one.confidence),
          ]),
        ),
      ),
    );
  });
}

function domains(signature, group) {
  const names = signature?.groups.find((one) => one.names[0] === group)?.names ?? [group];
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} …` : names.join(", ");
}

function days(all, title) {
  const rows = [...all].reverse().flatMap(({ day, classes }) =>
    classes.map((one) => [
      day,
      h("a", { href: `/classes/${encodeURIComponent(one.class)}` }, title(one.class)),
      one.day ? "yes" : "no",
      one.hours.length === 0 ? "–" : one.hours.map((hour) => String(hour).padStart(2, "0")).join(" "),
      one.in_use_hours.length === 0 ? "–" : one.in_use_hours.map((hour) => String(hour).padStart(2, "0")).join(" "),
      confidence(one.confidence),
    ]),
  );
  return h("section.card", { "aria-labelledby": "days-title" }, h("h2", { id: "days-title" }, "Days before"), table("Classes of this line by day", ["Day", "Class", "Whole day", "Hours", "In use in hours", { text: "Confidence", kind: "num" }], rows));
}
