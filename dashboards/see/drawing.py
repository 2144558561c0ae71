"""Draws what a Prometheus answers to each dashboard, as SVG in the dashboard's own
grid, so that a reader of the docs sees what a page is about.

This is not Grafana and does not try to look like it: our lines, our colours, our
tables. Titles, units, legends, stacking and thresholds are those of the JSON.
"""

import re
from html import escape
from pathlib import Path

from .asking import Prometheus, dashboards, fill, variables
from .checking import ever

# A class that is in use in the demonstration, and whose children are there.
CHOSEN = {"class": "alexa-enabled"}

COLUMN, ROW, GAP = 50, 27, 6
PALETTE = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#ee8866", "#44bb99", "#999933",
           "#332288", "#882255"]
COLORS = {"green": "#2a8a3e", "orange": "#c77700", "red": "#c8323c", "blue": "#3465a4"}
MOST_SERIES, MOST_ROWS = 12, 40


def shown(value, unit):
    """A value as people read it."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s":
        for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} s"
    if unit == "bytes":
        for size, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.0f} B"
    if unit == "dateTimeAsIso":
        from datetime import datetime, timezone
        return datetime.fromtimestamp(value / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.4g}"


def named(labels, legend):
    """A series as its legend calls it."""
    if legend == "__auto":
        return ", ".join(value for name, value in labels.items() if name not in ("__name__", "job", "instance")) or "value"
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value or "(none)")
    # A label that a series does not have is nothing, as with `or vector(0)`.
    return re.sub(r"\{\{\w+\}\}:? ?", "", legend) or "none"


def color(panel, value, fallback=None):
    """The colour that the panel's thresholds give a value."""
    found = fallback or panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    name = found[0]["color"]
    for step in found[1:]:
        if value >= step["value"]:
            name = step["color"]
    return COLORS[name]


def write(x, y, text, size=11, fill="#333", anchor="start", weight="normal", room=None):
    """One line of text, cut to what `room` pixels hold."""
    if room:
        most = max(3, int(room / (size * 0.56)))
        text = text if len(text) <= most else text[: most - 1] + "…"
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(text)}</text>')


def stat(panel, answers, w, h):
    fields = panel["fieldConfig"]["defaults"]
    found = [(labels, points, legend) for labels, points, legend in answers if points]
    if not found:
        return write(w / 2, h / 2 + 14, "nothing", 16, "#999", "middle")
    labels, points, legend = found[0]
    value = points[-1][1]
    words = {key: word["text"] for mapping in fields["mappings"] for key, word in mapping["options"].items()}
    if panel["options"]["textMode"] == "name":
        text = named(labels, legend)
    else:
        text = words.get(f"{value:g}", shown(value, fields["unit"]))
    size = min(26, w / max(len(text), 1) * 1.4)
    return write(w / 2, h / 2 + 18, text, round(size), color(panel, value), "middle", "bold")


def ticks(low, high):
    """Round values between two."""
    span = (high - low) or 1
    step = 10 ** len(str(int(span))) / 10 if span >= 1 else 0.1
    while step / 10 >= span / 5:
        step /= 10
    for factor in (1, 2, 5, 10):
        if span / (step * factor) <= 4:
            step *= factor
            break
    first = int(low / step) * step
    return [first + step * place for place in range(8) if low - step * 0.01 <= first + step * place <= high + step * 0.01]


def steps(points, backwards=False):
    """A path that keeps each value until the next one, as counts do."""
    corners = []
    for x, y in points:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    if backwards:
        corners.reverse()
    return "".join(f"{'L' if spot or backwards else 'M'}{x:.0f} {y:.0f}" for spot, (x, y) in enumerate(corners))


def timeseries(panel, answers, w, h):
    fields = panel["fieldConfig"]["defaults"]
    unit = fields["unit"]
    series = [(named(labels, legend), dict(points)) for labels, points, legend in answers if points]
    if not series:
        return write(w / 2, h / 2 + 14, "nothing", 16, "#999", "middle")
    series.sort(key=lambda row: -list(row[1].values())[-1])
    left_out = len(series) - MOST_SERIES
    series = series[:MOST_SERIES]
    stacked = fields["custom"]["stacking"]["mode"] == "normal"
    times = sorted({at for _, points in series for at in points})
    legend_rows = min((len(series) + 1) // 2, 4)
    left, top, right, bottom = 58, 34, w - 12, h - 22 - 14 * legend_rows
    below, lines = dict.fromkeys(times, 0.0), []
    for name, points in series:
        if stacked:
            upper = {at: below[at] + points.get(at, 0.0) for at in times}
            lines.append((name, upper, dict(below)))
            below = upper
        else:
            lines.append((name, points, None))
    values = [value for _, points, _ in lines for value in points.values()]
    low, high = min([fields.get("min", min(values)), *values]), max([fields.get("max", 0), *values])
    limits = [step["value"] for step in fields["thresholds"]["steps"][1:]] if fields["custom"]["thresholdsStyle"]["mode"] == "line" else []
    high = max([high, *[limit * 1.2 for limit in limits]])
    if high <= low:
        high = low + 1
    high += (high - low) * 0.05
    begin, end = times[0], max(times[-1], times[0] + 1)
    place = lambda at: left + (right - left) * (at - begin) / (end - begin)
    height = lambda value: bottom - (bottom - top) * (value - low) / (high - low)
    out = []
    for tick in ticks(low, high):
        out.append(f'<path d="M{left} {height(tick):.1f}H{right:.0f}" stroke="#e4e4e4"/>')
        out.append(write(left - 5, height(tick) + 4, shown(tick, unit), 10, "#777", "end"))
    for part in range(4):
        at = begin + (end - begin) * part / 3
        out.append(write(place(at), bottom + 14, f"{at - end:.0f} s" if part < 3 else "now", 10, "#777", "middle" if part else "start"))
    for limit in limits:
        out.append(f'<path d="M{left} {height(limit):.1f}H{right:.0f}" stroke="{COLORS["red"]}" stroke-dasharray="5 4"/>')
    for number, (name, points, under) in enumerate(lines):
        tone = PALETTE[number % len(PALETTE)]
        ordered = sorted(points.items())
        path = steps([(place(at), height(value)) for at, value in ordered])
        if under is not None:
            back = steps([(place(at), height(under[at])) for at, _ in ordered], backwards=True)
            out.append(f'<path d="{path}{back}Z" fill="{tone}" fill-opacity=".55" stroke="none"/>')
        out.append(f'<path d="{path}" fill="none" stroke="{tone}" stroke-width="1.6"/>')
    half = (w - 24) / 2
    for number, (name, points) in enumerate(series[: 2 * legend_rows]):
        x, y = 12 + half * (number % 2), h - 10 - 14 * (legend_rows - 1 - number // 2)
        last = shown(list(points.values())[-1], unit)
        out.append(f'<rect x="{x:.0f}" y="{y - 8:.0f}" width="10" height="8" fill="{PALETTE[number % len(PALETTE)]}"/>')
        out.append(write(x + 14, y, f"{name}  {last}", 10, "#555", room=half - 18))
    more = left_out + max(len(series) - 2 * legend_rows, 0)
    if more > 0:
        out.append(write(w - 12, 20, f"and {more} more", 10, "#777", "end"))
    return "".join(out)


def bargauge(panel, answers, w, h):
    unit = panel["fieldConfig"]["defaults"]["unit"]
    rows = [(named(labels, legend), points[-1][1]) for labels, points, legend in answers if points]
    rows.sort(key=lambda row: -row[1])
    fits = int((h - 36) / 17)
    most = max([value for _, value in rows] + [1e-9])
    label = w * 0.42
    out = []
    for number, (name, value) in enumerate(rows[:fits]):
        y = 44 + 17 * number
        wide = max((w - label - 80) * max(value, 0) / most, 1)
        out.append(write(label - 6, y, name, 11, anchor="end", room=label - 12))
        out.append(f'<rect x="{label:.0f}" y="{y - 10}" width="{wide:.0f}" height="12" fill="{color(panel, value)}"/>')
        out.append(write(label + wide + 5, y, shown(value, unit), 11))
    if len(rows) > fits:
        out.append(write(w - 12, 20, f"and {len(rows) - fits} more", 10, "#777", "end"))
    return "".join(out)


def table(panel, answers_by_query, w, h):
    organize = panel["transformations"][1]["options"]
    rename, hide = organize["renameByName"], organize["excludeByName"]
    rows, headings = {}, []
    only = len(answers_by_query) == 1
    keys = {name for series in answers_by_query for labels, _ in series for name in labels} - {"__name__", "job", "instance"}
    key = "exporter" if "exporter" in keys else "class"
    for place, series in enumerate(answers_by_query):
        value = "Value" if only else f"Value #{'ABCDEFGHIJ'[place]}"
        for labels, points in series:
            row = rows.setdefault(labels.get(key, ""), {})
            for name, text in labels.items():
                if name in keys:
                    row.setdefault(rename.get(name, name), text)
            if not hide.get(value):
                row[rename[value]] = points[-1][1]
    heads = {}
    for row in rows.values():
        heads.update(dict.fromkeys(row))
    values = [rename[name] for name in rename if name.startswith("Value")]
    headings = [name for name in heads if name not in values] + [name for name in values if name in heads]
    by = {rule["matcher"]["options"]: {p["id"]: p["value"] for p in rule["properties"]} for rule in panel["fieldConfig"]["overrides"]}
    sort = panel["options"].get("sortBy", [{}])[0].get("displayName")
    ordered = sorted(rows.values(), key=lambda row: -row.get(sort, -1e18) if isinstance(row.get(sort, 0), float) else 0)
    fits = min(int((h - 54) / 17), MOST_ROWS)
    wide = (w - 24) / max(len(headings), 1)
    out = [write(12 + wide * spot, 40, name, 11, "#555", weight="bold", room=wide - 6) for spot, name in enumerate(headings)]
    for number, row in enumerate(ordered[:fits]):
        y = 58 + 17 * number
        for spot, name in enumerate(headings):
            value = row.get(name, "")
            rules = by.get(name, {})
            tone = "#333"
            if isinstance(value, float):
                if "thresholds" in rules:
                    tone = color(panel, value, rules["thresholds"]["steps"])
                value = shown(value, rules.get("unit", "short"))
            out.append(write(12 + wide * spot, y, value, 11, tone, room=wide - 6))
    if len(ordered) > fits:
        out.append(write(w - 12, 20, f"and {len(ordered) - fits} more rows", 10, "#777", "end"))
    return "".join(out)


DRAWN = {"stat": stat, "timeseries": timeseries, "bargauge": bargauge}


def draw(url, folder):
    """Writes an SVG for each dashboard."""
    prometheus = Prometheus(url, span=120, step=2, interval=5)
    for file, dashboard in dashboards().items():
        values, _ = variables(prometheus, dashboard, CHOSEN)
        out = []
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            x, y, w, h = at["x"] * COLUMN, at["y"] * ROW, at["w"] * COLUMN - GAP, at["h"] * ROW - GAP
            out.append(f'<g transform="translate({x + GAP} {y + GAP})">')
            title = fill(panel["title"], values, prometheus.interval)
            if panel["type"] == "row":
                out.append(write(4, 16, title, 13, "#222", weight="bold") + "</g>")
                continue
            out.append(f'<rect width="{w}" height="{h}" rx="3" fill="#fff" stroke="#d8d8d8"/>')
            out.append(write(10, 20, title, 12, "#222", weight="bold", room=w - (20 if panel["type"] == "stat" else 100)))
            answers = [ever(prometheus, target, values) for target in panel["targets"]]
            if panel["type"] == "table":
                out.append(table(panel, answers, w, h))
            else:
                flat = [(labels, points, target["legendFormat"])
                        for target, series in zip(panel["targets"], answers) for labels, points in series]
                out.append(DRAWN[panel["type"]](panel, flat, w, h))
            out.append("</g>")
        tall = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"]) * ROW + 2 * GAP
        wide = 24 * COLUMN + GAP
        text = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" font-family="sans-serif">'
                f'<title>{escape(dashboard["title"])}: the queries of the dashboard, not drawn by Grafana</title>'
                f'<rect width="100%" height="100%" fill="#f4f5f5"/>{"".join(out)}</svg>\n')
        path = Path(folder) / f"dashboard-{file.removesuffix('.json')}.svg"
        path.write_text(text)
        print(f"{path}: {len(text)} bytes")
