"""Penetration: how many lines have what, and the way down the tree of classes."""

from .panel import (BAD, GOOD, OF, PLAIN, REGION, WATCH, WINDOW, ask, bars, graph, link, number, page, section, table,
                    text, variable)

LINES = f'hayrake_lines{{{OF}, window="$window", region=~"$region"}}'
INFO = f"max by (class, parent) (hayrake_class_info{{{OF}}})"
TO_CLASS = link("This class over time", "hayrake-class", **{"class": "${__field.labels.class}"})


def level(name):
    return f'hayrake_lines{{{OF}, level="{name}", window="$window", region=~"$region"}}'


def of_level(title, name, says):
    return graph(
        title,
        f"""Lines with a detection in each complete $window, the twelve largest. {says} The number is a
        lower bound: a device that sends little is missed at this sampling rate. A step that all classes
        make at once is an exporter that came or went: look at Exporters.""",
        [ask(f"topk(12, sum by (class) ({level(name)}) > 0)", "{{class}}")],
        "short", 8, 10, links=[TO_CLASS],
    )


def below(title, name, parent, says):
    return bars(
        title, says,
        ask(f"sort_desc(sum by (class) ({level(name)}) * on (class) group_left () "
            f'max by (class) (hayrake_class_info{{{OF}, parent=~"${parent}"}}) > 0)', "{{class}}"),
        links=[TO_CLASS],
    )


PAGE = page(
    "hayrake-penetration",
    "Hayrake: penetration",
    """How many subscriber lines have a device of which class, by level, region, hour and day. Counts are
    lower bounds; docs/reading-the-numbers.md says how to read them.""",
    [
        WINDOW,
        REGION,
        variable("platform", "Platform", f'label_values(hayrake_class_info{{{OF}, level="platform"}}, class)'),
        variable("manufacturer", "Manufacturer",
                 f'label_values(hayrake_class_info{{{OF}, level="manufacturer", parent=~"$platform"}}, class)'),
        text("subscribers", "Lines in all", "20000"),
    ],
    [
        number("Counted window began", """Start of the last complete window of the chosen length. An hour is
               counted five minutes after it ends, so it is one to two hours ago. If it stands still, see the
               alert HayrakeWindowLate.""",
               ask(f'max(hayrake_window_start_timestamp_seconds{{{OF}, window="$window"}}) * 1000'),
               "dateTimeAsIso", 6),
        number("Seen whole", """Whether the service ran during the whole window. In the window in which it was
               started counts are too low; wait for the next one.""",
               ask(f'max(hayrake_window_partial{{{OF}, window="$window"}})'), "short", 4,
               [(None, GOOD), (1, WATCH)], {0: "whole", 1: "only in part"}),
        number("Classes with lines", """Classes that at least one line has in the last complete window. Compare
               with the classes that can be detected, beside it.""",
               ask(f"count(sum by (class) ({LINES}) > 0) or vector(0)"), "short", 4),
        number("Classes detectable", """Classes of which at least one group of servers is dedicated and
               resolvable, so that they could be detected. All others are not zero but unknown: see Signatures
               and hitlist.""", ask(f"sum(max by (class) (hayrake_class_detectable{{{OF}}}))"), "short", 4),
        number("Counts withheld", """Numbers of lines under k (or that would give one away), which Prometheus
               does not get without the token. Sums over regions are too low by these lines. docs/grafana.md
               says how to scrape them and who would see them then.""",
               ask(f'sum(hayrake_lines_withheld{{{OF}, window="$window"}})'), "short", 6,
               [(None, PLAIN), (1, WATCH)]),
        section("By level, over time"),
        of_level("Platforms", "platform", "A platform is a backend that several makers build on."),
        of_level("Manufacturers", "manufacturer", "Any device of one maker."),
        of_level("Products", "product", "One product or product line."),
        section("Platform, manufacturer, product: choose a platform or a manufacturer above to go down"),
        bars("Platforms", """Lines in the last complete window by platform. Click a bar for its course; choose the
             platform in the variable above to see its manufacturers alone.""",
             ask(f"sort_desc(sum by (class) ({level('platform')}) > 0)", "{{class}}"), links=[TO_CLASS]),
        below("Manufacturers of the platform", "manufacturer", "platform", """Manufacturers whose devices build on the
              chosen platform; All shows every manufacturer. A line can only have one if it has the platform, so the
              difference to the platform is devices of other makers, or too little traffic to tell."""),
        below("Products of the manufacturer", "product", "manufacturer", """Products of the chosen manufacturer; All
              shows every product. Their sum may exceed the manufacturer's lines (several on one line) or fall short of
              it (a device whose product cannot be told)."""),
        section("Shares and regions"),
        bars("Share of all lines", """Lines with the class as a share of the number you wrote in 'Lines in all', since
             Hayrake does not know how many of the configured addresses are subscribers. Write your own number there:
             20000 is that of the demonstration.""",
             ask(f'topk(15, sum by (class) ({LINES}) / scalar(vector($subscribers)) > 0)', "{{class}}"),
             "percentunit", 12, 11, links=[TO_CLASS]),
        graph("Claims by region", """Detections of all classes of the level product by region. These are claims, not
              lines: two products on one line count twice. Use it to see whether a region behaves unlike the others,
              which more often is its exporter than its people.""",
              [ask(f"sum by (region) ({level('product')})", "{{region}}")], "short", 12, 11, stack=True),
        table("All classes", """Every class: whose it is, under which parent, on how many lines it was in the last
              complete window, on how many somebody used it, and how sure the claims are on average. Empty cells are
              withheld (under k) or cannot be detected. Click a class for its course.""",
              [(ask(f"max by (class, name, vendor, level, parent) (hayrake_class_info{{{OF}}})"),
                {"class": "Class", "name": "Name", "vendor": "Vendor", "level": "Level", "parent": "Parent"}, None, None),
               (ask(f"sum by (class) ({LINES})"), "Lines", "short", None),
               (ask(f'sum by (class) (hayrake_lines_in_use{{{OF}, window="$window", region=~"$region"}})'), "In use", "short",
                None),
               (ask(f'max by (class) (hayrake_detection_confidence_ratio{{{OF}, window="$window"}})'), "Confidence",
                "percentunit", [(None, BAD), (0.5, WATCH), (0.9, GOOD)]),
               (ask(f"max by (class) (hayrake_class_groups{{{OF}}})"), "Groups (N)", "short", [(None, BAD), (1, GOOD)])],
              24, 14, sort="Lines",
              links=("Class", [link("This class over time", "hayrake-class", **{"class": "${__value.raw}"})])),
    ],
)
