// The shell: which page is at an address, the head and the banner, the keys.

import { follow, live, look, now } from "./api.js";
import { h, put } from "./dom.js";
import { duration, seconds } from "./format.js";
import { page as classPage } from "./pages/class.js";
import { page as exporterPage } from "./pages/exporter.js";
import { page as exportersPage } from "./pages/exporters.js";
import { page as linesPage } from "./pages/lines.js";
import { page as overviewPage } from "./pages/overview.js";
import { page as signaturesPage } from "./pages/signatures.js";

const routes = [
  [/^\/$/, "overview", overviewPage],
  [/^\/classes\/([^/]+)$/, "overview", classPage],
  [/^\/exporters$/, "exporters", exportersPage],
  [/^\/exporters\/([^/]+)$/, "exporters", exporterPage],
  [/^\/signatures$/, "signatures", signaturesPage],
  [/^\/lines$/, "lines", linesPage],
  [/^\/lines\/([^/]+)$/, "lines", linesPage],
];

const main = document.getElementById("main");
const announcer = document.getElementById("announce");
const banner = document.getElementById("banner");
let leave = new AbortController();
/// What the page in view does when something is new.
let renew = () => {};

/// Says something to those who listen.
export function announce(text) {
  announcer.textContent = text;
}

function show({ focus } = {}) {
  leave.abort();
  leave = new AbortController();
  renew = () => {};
  const found = routes
    .map(([pattern, name, page]) => ({ match: pattern.exec(location.pathname), name, page }))
    .find((route) => route.match);
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.page === found?.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = h("h1", { tabindex: -1 }, "Not here");
  const body = h("div", {});
  put(main, body);
  const context = {
    body,
    title,
    signal: leave.signal,
    announce,
    go,
    setTitle(text) {
      title.textContent = text;
      document.title = text === "Hayrake" ? text : `${text} · Hayrake`;
    },
  };
  if (found) {
    renew = found.page(context, ...found.match.slice(1).map(decodeURIComponent)) ?? renew;
  } else {
    put(body, title, h("p.lead", {}, "Nothing is at this address. ", h("a", { href: "/" }, "Go to the overview")));
  }
  if (focus) {
    window.scrollTo(0, 0);
    title.focus({ preventScroll: true });
  }
}

function go(path) {
  history.pushState(null, "", path);
  show({ focus: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target) return;
  const address = new URL(link.href);
  if (address.origin !== location.origin || "plain" in link.dataset || address.hash) return;
  event.preventDefault();
  go(address.pathname + address.search);
});
addEventListener("popstate", () => show({ focus: true }));
// What a page showed must not come back from the browser's store of pages.
addEventListener("pageshow", (event) => {
  if (event.persisted) show();
});

// The clock and the banner.
const dot = document.querySelector("#clock .dot");
const clockText = document.getElementById("clock-text");
function tick() {
  if (document.hidden) return;
  const at = now();
  if (live.error) {
    dot.dataset.state = "bad";
    clockText.textContent = "no answer";
  } else if (at !== null) {
    dot.dataset.state = live.status.ready ? "good" : "waiting";
    clockText.textContent = `${seconds(at)} UTC`;
  }
}
setInterval(tick, 1000);

let said = "";
follow((news) => {
  tick();
  const { status, error, at } = live;
  const notes = [];
  if (error) {
    const since = at ? `Figures are from ${seconds(Date.parse(status.now))} UTC, ${duration(Date.now() - at)} ago.` : "";
    notes.push(["bad", `${capital(error.message)}. ${since} Trying again.`]);
  } else {
    if (!status.ready) notes.push(["", `Not ready, waiting for: ${status.waiting_for.join(", ")}.`]);
    for (const warning of status.warnings) notes.push(["bad", `${capital(warning)}.`]);
  }
  const text = JSON.stringify(error ? error.message : notes);
  if (text !== said) put(banner, notes.map(([kind, words]) => h(kind ? `p.note.${kind}` : "p.note", {}, words)));
  said = text;
  if (status) {
    const speed = status.speed > 1 ? `, its clock ${status.speed} times as fast` : "";
    document.getElementById("version").textContent = `Hayrake ${status.version}${speed}`;
  }
  if (!error) renew(news);
});

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// Keys.
const help = document.getElementById("help");
const themeButton = document.getElementById("theme-button");
function showTheme() {
  const words = { system: "Auto", light: "Light", dark: "Dark" }[window.hayrakeTheme.now()];
  themeButton.textContent = words;
  themeButton.setAttribute("aria-label", `Theme: ${words}. Change`);
}
function nextTheme() {
  window.hayrakeTheme.next();
  showTheme();
  document.dispatchEvent(new Event("hayrake-theme"));
}
showTheme();
themeButton.addEventListener("click", nextTheme);
document.getElementById("help-button").addEventListener("click", () => help.showModal());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new Event("hayrake-theme")),
);

const places = { o: "/", e: "/exporters", s: "/signatures", l: "/lines" };
let going = 0;
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  if (Date.now() - going < 1500 && places[event.key]) {
    going = 0;
    event.preventDefault();
    go(places[event.key]);
  } else if (event.key === "g") {
    going = Date.now();
  } else if (event.key === "t") {
    nextTheme();
  } else if (event.key === "?") {
    help.showModal();
  } else if (event.key === "/") {
    const field = main.querySelector("[data-search]");
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }
});

show();
look();
