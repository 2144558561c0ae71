"""Whether every query works and shows something.

A query is asked as the page opens, then with each value of each variable. As the
page opens, no query may stay empty, but for those that look back further than the
test runs (`offset`). With other values only errors count: a class need not have
lines in every region.
"""

import sys

from .asking import Prometheus, Wrong, dashboards, fill, panels, variables

# A class that the demonstration has many of, with a parent, in use and not.
CHOSEN = {"class": "amazon-product"}


# Seconds ago at which a panel of one moment is looked at: a simulated hour takes ten
# seconds, and on a busy machine one may pass without a flow.
MOMENTS = (0, 12, 24, 36, 48)


def ask(prometheus, target, values, ago=0):
    """The series that one query gives."""
    expr = fill(target["expr"], values, prometheus.interval)
    return prometheus.query(expr, target["instant"], ago)


def ever(prometheus, target, values):
    """The series of the first moment that has any."""
    moments = MOMENTS if target["instant"] else (0,)
    return next(filter(None, (ask(prometheus, target, values, ago) for ago in moments)), [])


def check(url):
    """Asks everything and says what is wrong."""
    prometheus = Prometheus(url, span=120, step=5, interval=5)
    wrong, asked, shown = [], 0, 0
    for file, dashboard in dashboards().items():
        values, offered = variables(prometheus, dashboard, CHOSEN)
        wrong += [f"{file}: the variable {name} finds nothing" for name, found in offered.items() if not found]
        for panel in panels(dashboard):
            place = f"{file}: {panel['title']}"
            for target in panel["targets"]:
                asked += 1
                try:
                    series = ever(prometheus, target, values)
                    if not series and " offset " not in target["expr"]:
                        wrong.append(f"{place}: nothing for {target['expr']}")
                    shown += len(series)
                    for name, found in offered.items():
                        for value in found if f"${name}" in target["expr"] else []:
                            asked += 1
                            ask(prometheus, target, {**values, name: value})
                except Wrong as why:
                    wrong.append(f"{place}: {why}: {target['expr']}")
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    for rule in rules:
        if rule["health"] != "ok":
            wrong.append(f"rule {rule['name']}: {rule['health']} {rule.get('lastError', '')}")
        if rule["type"] == "recording" and not prometheus.query(rule["name"], True):
            wrong.append(f"rule {rule['name']}: records nothing")
    firing = [rule["name"] for rule in rules if rule.get("state") == "firing"]
    wrong += [f"{name} fires, though all is well" for name in firing]
    print(f"{asked} queries, {shown} series as the pages open, {len(rules)} rules")
    if wrong:
        sys.exit("\n".join(wrong))
