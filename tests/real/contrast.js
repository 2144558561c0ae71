// What a reader who cannot see well needs of a page, as far as a script can
// tell: controls with names, fields with labels, headings in order, and text
// that stands out by 4.5 to 1, or 3 to 1 when it is large (WCAG 2.2, 1.4.3).
const found = [];
const visible = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest(".unseen, .skip, [aria-hidden=true]");
const named = (e) => (e.getAttribute("aria-label") || e.innerText || (e.labels?.[0]?.innerText ?? "")).trim();
for (const e of document.querySelectorAll("a[href], button, input, select, summary")) if (visible(e) && !named(e)) found.push(["no name", e.outerHTML.slice(0, 120)]);
for (const e of document.querySelectorAll("svg")) if (visible(e) && !e.closest("a, button") && e.getAttribute("role") !== "img" && e.getAttribute("aria-hidden") !== "true") found.push(["a picture without words", e.outerHTML.slice(0, 120)]);
if (document.querySelectorAll("h1").length !== 1) found.push(["h1", document.querySelectorAll("h1").length]);
let last = 1;
for (const e of document.querySelectorAll("main h1, main h2, main h3")) {
  const level = Number(e.tagName[1]);
  if (level > last + 1) found.push(["a heading is skipped before", e.innerText]);
  last = level;
}
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (text) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].map((part, place) => (place === 3 ? part / 255 : part));
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
  const part = c[i] / 255;
  return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
}, 0);
const behind = (e) => {
  const layers = [];
  for (let at = e; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || seen.has(e) || !visible(e)) continue;
  seen.add(e);
  const style = getComputedStyle(e);
  const back = behind(e);
  const front = over(rgba(e.closest("svg") ? style.fill : style.color), back);
  const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize);
  const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < least) found.push(["contrast", ratio.toFixed(2), e.innerText?.slice(0, 60) ?? e.textContent.slice(0, 60)]);
}
return found.slice(0, 10);
