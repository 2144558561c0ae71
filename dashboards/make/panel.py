"""The pieces that dashboards are put together from, as Grafana's JSON has them.

Only what our dashboards use is here, with one look for all of them, so that a
page says what a panel shows and not how JSON spells it. Positions are counted
out by `page`: panels stand side by side in the order in which they are written
and begin a new row of the grid where the width of 24 is used up.
"""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# What every query is narrowed to.
OF = 'instance=~"$instance"'
# dashboards of Grafana 11; newer ones migrate them when they are read.
SCHEMA = 39
WIDTH = 24

GOOD, WATCH, BAD, PLAIN = "green", "orange", "red", "blue"


def ask(expr, legend="", instant=False, table=False):
    """One query. Without a legend the series are called by their labels."""
    return {
        "expr": " ".join(expr.split()),
        "legendFormat": legend or "__auto",
        "instant": instant or table,
        "range": not (instant or table),
        "format": "table" if table else "time_series",
    }


def _queries(queries):
    names = "ABCDEFGHIJ"
    return [
        {"refId": names[place], "datasource": DATASOURCE, "editorMode": "code", **query}
        for place, query in enumerate(queries)
    ]


def _steps(thresholds):
    """`[(None, GOOD), (60, WATCH)]`: the colour from each value on."""
    steps = [{"color": color, "value": value} for value, color in thresholds]
    return {"mode": "absolute", "steps": steps}


def _panel(kind, title, says, queries, unit, width, height, options, **fields):
    overrides = fields.pop("overrides", [])
    links = fields.pop("links", [])
    thresholds = fields.pop("thresholds", [(None, PLAIN)])
    defaults = {
        "unit": unit,
        "thresholds": _steps(thresholds),
        "mappings": fields.pop("mappings", []),
        "links": links,
        **fields,
    }
    return {
        "type": kind,
        "title": title,
        "description": " ".join(says.split()),
        "datasource": DATASOURCE,
        "targets": _queries(queries),
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": options,
        "gridPos": {"w": width, "h": height},
    }


def number(title, says, query, unit="short", width=4, thresholds=None, words=None, text="auto", links=()):
    """One number now, coloured by what it means."""
    query = {**query, "instant": True, "range": False}
    mappings = []
    if words:
        options = {str(value): {"text": word, "index": place} for place, (value, word) in enumerate(words.items())}
        mappings = [{"type": "value", "options": options}]
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    options = {
        "reduceOptions": reduce,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": text,
    }
    return _panel("stat", title, says, [query], unit, width, 4, options,
                  thresholds=thresholds or [(None, PLAIN)], mappings=mappings, links=list(links))


def graph(title, says, queries, unit="short", width=12, height=8, stack=False, low=0, high=None, line=None, links=()):
    """Values over time; `line` is where it begins to be bad."""
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "lineWidth": 1,
        "fillOpacity": 25 if stack else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if line is not None else "off"},
    }
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    fields = {"custom": custom, "color": {"mode": "palette-classic"}, "links": list(links)}
    if low is not None:
        fields["min"] = low
    if high is not None:
        fields["max"] = high
    thresholds = [(None, PLAIN)] + ([(line, BAD)] if line is not None else [])
    return _panel("timeseries", title, says, queries, unit, width, height, options, thresholds=thresholds, **fields)


def bars(title, says, query, unit="short", width=8, height=10, thresholds=None, links=()):
    """Values now, as bars beside their names."""
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 24,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    query = {**query, "instant": True, "range": False}
    return _panel("bargauge", title, says, [query], unit, width, height, options,
                  thresholds=thresholds or [(None, PLAIN)], min=0, links=list(links))


def table(title, says, columns, width=24, height=10, sort=None, links=()):
    """Rows by label: `columns` are `(query, heading, unit, thresholds)`, and the
    first may be `(query, {label: heading}, None, None)` for labels alone.
    """
    queries, overrides = [], []
    rename, hide = {"class": "Class", "exporter": "Exporter"}, {"Time": True, "job": True, "instance": True}
    for place, (query, heading, unit, thresholds) in enumerate(columns):
        queries.append({**query, "instant": True, "range": False, "format": "table"})
        value = "Value" if len(columns) == 1 else f"Value #{'ABCDEFGHIJ'[place]}"
        if isinstance(heading, dict):
            rename.update(heading)
            hide[value] = True
            continue
        rename[value] = heading
        properties = [{"id": "unit", "value": unit}]
        if thresholds:
            properties.append({"id": "thresholds", "value": _steps(thresholds)})
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
        overrides.append({"matcher": {"id": "byName", "options": heading}, "properties": properties})
    if links:
        overrides.append({
            "matcher": {"id": "byName", "options": links[0]},
            "properties": [{"id": "links", "value": links[1]}],
        })
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": True}]
    panel = _panel("table", title, says, queries, "short", width, height, options,
                   custom={"align": "auto", "filterable": True}, overrides=overrides)
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hide, "renameByName": rename, "indexByName": {}}},
    ]
    return panel


def section(title):
    """A heading over the panels that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def link(title, uid, **variables):
    """A link to another dashboard that keeps time, data source and service."""
    keep = "${datasource:queryparam}&${instance:queryparam}&${__url_time_range}"
    sets = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"title": title, "url": f"/d/{uid}?{keep}{sets}", "targetBlank": False}


def variable(name, label, query, multi=False, everything=True):
    """Values that a query finds."""
    made = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "multi": multi,
        "includeAll": everything,
        "hide": 0,
    }
    if everything:
        made["allValue"] = ".*"
        made["current"] = {"selected": True, "text": "All", "value": "$__all"}
    return made


def choice(name, label, values):
    """One of a few values; the first is chosen."""
    options = [{"text": text, "value": value, "selected": place == 0} for place, (value, text) in enumerate(values)]
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "query": ", ".join(f"{text} : {value}" for value, text in values),
        "options": options,
        "current": options[0],
        "multi": False,
        "includeAll": False,
        "hide": 0,
    }


def text(name, label, value):
    """What the reader writes."""
    current = {"text": value, "value": value, "selected": True}
    return {"type": "textbox", "name": name, "label": label, "query": value, "current": current,
            "options": [current], "hide": 0}


WINDOW = choice("window", "Window", [("1h", "hour"), ("24h", "day")])
REGION = variable("region", "Region", f"label_values(hayrake_lines{{{OF}}}, region)", multi=True)


def page(uid, title, says, variables, panels, since="now-24h"):
    """A whole dashboard."""
    x = y = tallest = 0
    for place, panel in enumerate(panels):
        at = panel["gridPos"]
        if x + at["w"] > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        at["x"], at["y"] = x, y
        panel["id"] = place + 1
        x, tallest = x + at["w"], max(tallest, at["h"])
    source = {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "refresh": 1,
        "regex": "",
    }
    service = variable("instance", "Service", "label_values(hayrake_build_info, instance)", multi=True)
    return {
        "uid": uid,
        "title": title,
        "description": " ".join(says.split()),
        "tags": ["hayrake"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "utc",
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "annotations": {"list": []},
        "links": [{
            "type": "dashboards",
            "title": "Hayrake",
            "tags": ["hayrake"],
            "asDropdown": True,
            "includeVars": False,
            "keepTime": True,
            "targetBlank": False,
            "icon": "external link",
            "tooltip": "The other dashboards",
            "url": "",
        }],
        "templating": {"list": [source, service, *variables]},
        "panels": panels,
    }
