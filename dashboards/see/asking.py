"""Queries of dashboards as Grafana would send them to a Prometheus.

Grafana fills in variables before it asks; here that is done by the few rules that
our dashboards need. What it does with answers (transformations, colours) is not
imitated here.
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent


class Wrong(Exception):
    """Prometheus refused a query; the text says why."""


def dashboards():
    """All dashboards, by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard):
    """Every panel that shows something, also of collapsed rows."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


class Prometheus:
    """One server, and the span of time that is looked at."""

    def __init__(self, url, span=300, step=5, interval=5):
        self.url, self.span, self.step, self.interval = url.rstrip("/"), span, step, interval
        self.now = float(self.get("query", query="time()")["result"][1])

    def get(self, path, **parameters):
        """The data of an answer of the HTTP API."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise Wrong(json.load(refused).get("error", str(refused))) from None

    def query(self, expr, instant, ago=0):
        """The series of an answer: `(labels, [(time, value)])`, without gaps; of a
        single moment so many seconds `ago`, or of the whole span.
        """
        if instant:
            data = self.get("query", query=expr, time=self.now - ago)
        else:
            data = self.get("query_range", query=expr, start=self.now - self.span, end=self.now, step=self.step)
        if data["resultType"] == "scalar":
            return [({}, [tuple(data["result"])])]
        series = []
        for row in data["result"]:
            points = row.get("values") or [row["value"]]
            points = [(at, float(value)) for at, value in points]
            points = [(at, value) for at, value in points if value == value]
            if points:
                series.append((row["metric"], points))
        return series

    def values(self, query):
        """What `label_values(SELECTOR, LABEL)` finds."""
        selector, label = re.fullmatch(r"label_values\((.*), *(\w+)\)", query).groups()
        found = self.get(f"label/{label}/values", **{"match[]": selector, "start": self.now - self.span})
        return sorted(found)


def fill(text, values, interval):
    """The text with every variable filled in; one that is not known is an error."""
    def put(found):
        name = found.group(1) or found.group(2)
        if name == "__rate_interval":
            return f"{4 * interval}s"
        if name not in values:
            raise Wrong(f"the variable ${name} is not known")
        return values[name]

    # A replacement in label_replace, "$1", is none of Grafana's variables.
    return re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|([A-Za-z_]\w*))", put, text)


def variables(prometheus, dashboard, chosen):
    """The value of every variable, as when the page is opened, and every value
    that each could have. `chosen` says what to take where there is no `All`.
    """
    values, offered = {}, {}
    for variable in dashboard["templating"]["list"]:
        name, kind = variable["name"], variable["type"]
        if kind == "datasource":
            values[name] = "prometheus"
        elif kind == "query":
            offered[name] = prometheus.values(fill(variable["query"]["query"], values, prometheus.interval))
            values[name] = variable["allValue"] if variable["includeAll"] else chosen.get(name, (offered[name] or [""])[0])
        else:
            offered[name] = [option["value"] for option in variable["options"]]
            values[name] = variable["current"]["value"]
        if name in chosen:
            values[name] = chosen[name]
    return values, offered
