// Charts: a large one by uPlot, and small ones in SVG. None is the only place
// where a figure stands: each comes with a table or with words.

import { h, svg } from "./dom.js";
import { HOUR, DAY, date, number, time, under, windowName } from "./format.js";

/// The windows from `from` to before `to`, each with its point if there is one.
export function grid(points, window, from, to) {
  const step = window === "1h" ? HOUR : DAY;
  const known = new Map(points.map((point) => [Date.parse(point.start), point]));
  const all = [];
  for (let at = Math.ceil(from / step) * step; at < to; at += step) all.push({ at, point: known.get(at) ?? null });
  return all;
}

/// Whether a point's count is one to draw: a window that was seen only in part
/// would look like a fall.
const whole = (point) => Boolean(point && !point.withheld && !point.partial);

/// A line of the last windows, with the words for what it shows.
export function spark(windows, words) {
  const values = windows.map(({ point }) => (whole(point) ? point.lines : null));
  const shown = values.filter((value) => value !== null);
  if (shown.length === 0) return h("span.soft.small", {}, "–");
  const most = Math.max(...shown, 1);
  const width = 120;
  const height = 26;
  const x = (place) => (values.length < 2 ? width : (place / (values.length - 1)) * (width - 4) + 2);
  const y = (value) => height - 2 - (value / most) * (height - 5);
  const line = [];
  const area = [];
  let stretch = [];
  const end = () => {
    if (stretch.length > 0) {
      line.push(`M${stretch.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}`);
      const [first] = stretch[0];
      const [last] = stretch[stretch.length - 1];
      area.push(`M${first.toFixed(1)} ${height}L${stretch.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}L${last.toFixed(1)} ${height}Z`);
    }
    stretch = [];
  };
  values.forEach((value, place) => {
    if (value === null) end();
    else stretch.push([x(place), y(value)]);
  });
  end();
  const last = values.findLastIndex((value) => value !== null);
  return svg(
    "svg.spark",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words },
    svg("path.area", { d: area.join("") }),
    svg("path", { d: line.join("") }),
    svg("circle", { cx: x(last), cy: y(values[last]), r: 2.2 }),
  );
}

/// A bar for a share of the largest. Only for the eye.
export function bar(share) {
  return svg(
    "svg",
    { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect.bar-back", { width: 100, height: 8, rx: 1 }),
    svg("rect.bar", { width: Math.max(share > 0 ? 1.5 : 0, share * 100), height: 8, rx: 1 }),
  );
}

/// Bars over the hours of a day. `values` are numbers or `null` for unknown.
export function hourBars(values, words) {
  const width = 480;
  const height = 120;
  const most = Math.max(...values.map((value) => value ?? 0), 1);
  const step = width / 24;
  return svg(
    "svg.bars",
    { viewBox: `0 0 ${width} ${height + 22}`, role: "img", "aria-label": words },
    values.map((value, hour) => {
      const tall = ((value ?? 0) / most) * height;
      return value === null
        ? null
        : svg("rect.bar", { x: hour * step + 2, y: height - tall, width: step - 4, height: Math.max(tall, 1), rx: 1.5 }, svg("title", {}, `${hour}:00 UTC: ${value}`));
    }),
    svg("line.base", { x1: 0, x2: width, y1: height + 0.5, y2: height + 0.5 }),
    [0, 6, 12, 18].map((hour) => svg("text", { x: hour * step + 2, y: height + 16 }, `${String(hour).padStart(2, "0")}:00`)),
  );
}

/// A trend by uPlot with a legend that follows the pointer. Gives an element
/// and how to take it away.
export function trend(windows, window, k) {
  const holder = h("div.plot", { "aria-hidden": "true" });
  const legend = h("div.legend", {});
  const times = windows.map(({ at }) => at / 1000);
  const of = (what) => windows.map(({ point }) => (whole(point) ? (point[what] ?? null) : null));
  const data = [times, of("lines"), of("in_use")];
  const held = windows.map(({ point }) => Boolean(point?.withheld));
  const uses = data[2].some((value) => value > 0);
  const say = (place) => {
    const at = windows[place];
    const value = !at?.point ? "no figure" : at.point.withheld ? under(k) : `${number(at.point.lines)}${at.point.partial ? ", seen in part" : ""}`;
    legend.replaceChildren(
      h("span", {}, h("span.key", {}), "Lines ", h("b", {}, at ? value : "")),
      uses ? h("span", {}, h("span.key.dashed", {}), "in use ", h("b", {}, at?.point?.in_use ?? "")) : "",
      held.some(Boolean) ? h("span", {}, h("span.key.box", {}), `under ${k}, kept back`) : "",
      at ? h("span", {}, windowName(new Date(at.at).toISOString(), window)) : "",
    );
  };
  let plot = null;
  let gone = false;
  const last = windows.findLastIndex(({ point }) => point !== null);
  say(last);

  async function draw() {
    const { default: UPlot } = await import("./vendor/uplot.js");
    if (gone) return;
    plot?.destroy();
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const [accent, ink, rule] = [colour("--accent"), colour("--ink-2"), colour("--rule")];
    const font = `12px ${colour("--sans")}`;
    const axis = { stroke: ink, font, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1, size: 4 } };
    const few = windows.length <= 48;
    const points = { show: few, size: 6, fill: accent, stroke: accent };
    plot = new UPlot(
      {
        width: Math.max(holder.clientWidth, 200),
        height: 260,
        tzDate: (stamp) => UPlot.tzDate(new Date(stamp * 1000), "UTC"),
        legend: { show: false },
        cursor: { points: { size: 8 }, drag: { x: true, y: false } },
        scales: { y: { range: (_, __, most) => [0, Math.max(5, most * 1.08)] } },
        axes: [
          {
            ...axis,
            space: 70,
            values: (_, splits) =>
              splits.map((at, place) => {
                const iso = new Date(at * 1000).toISOString();
                const midnight = at % 86400 === 0;
                return window === "24h" || midnight || place === 0 && splits.length === 1 ? date(iso).replace(",", "") : time(iso);
              }),
          },
          { ...axis, size: 52, values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? number(value) : "")) },
        ],
        series: [
          {},
          { label: "Lines", stroke: accent, width: 2, fill: `${accent}1f`, points, spanGaps: false },
          { label: "In use", stroke: ink, width: 1.5, dash: [5, 4], points: { show: few, size: 4, fill: ink }, spanGaps: false, show: uses },
        ],
        hooks: {
          drawClear: [(drawing) => markHeld(drawing, times, held, k, accent)],
          setCursor: [(drawing) => say(drawing.cursor.idx ?? last)],
        },
      },
      data,
      holder,
    );
  }

  const resize = new ResizeObserver(() => {
    if (plot && holder.clientWidth > 0) plot.setSize({ width: holder.clientWidth, height: 260 });
  });
  resize.observe(holder);
  document.addEventListener("hayrake-theme", draw);
  draw();
  return {
    element: h("div", {}, legend, holder),
    remove() {
      gone = true;
      resize.disconnect();
      document.removeEventListener("hayrake-theme", draw);
      plot?.destroy();
    },
  };
}

/// Where a count is kept back it lies between 1 and k, so that is what is drawn.
function markHeld(drawing, times, held, k, colour) {
  const { ctx } = drawing;
  const half = times.length > 1 ? (times[1] - times[0]) / 2 : 1800;
  ctx.save();
  ctx.globalAlpha = 0.3;
  ctx.fillStyle = colour;
  held.forEach((is, place) => {
    if (!is) return;
    const left = drawing.valToPos(times[place] - half, "x", true);
    const right = drawing.valToPos(times[place] + half, "x", true);
    const top = drawing.valToPos(k - 1, "y", true);
    ctx.fillRect(left, top, right - left, drawing.valToPos(0, "y", true) - top);
  });
  ctx.restore();
}
