"""Class: one class over time, how it is used and how good its evidence is."""

from .panel import BAD, GOOD, OF, PLAIN, REGION, WATCH, WINDOW, ask, bars, graph, link, number, page, section, variable

CLASS = f'{OF}, class="$class"'
HERE = f'{CLASS}, window="$window", region=~"$region"'
HOUR = f'{CLASS}, window="1h", region=~"$region"'
FAMILY = link("This class over time", "hayrake-class", **{"class": "${__field.labels.class}"})


def mean(name, window="$window"):
    return f'max by (class) (hayrake_detection_{name}{{{CLASS}, window="{window}"}})'


PAGE = page(
    "hayrake-class",
    "Hayrake: class",
    "One class: its trend, when it is in use, where, and how good the evidence is.",
    [
        variable("class", "Class", f"label_values(hayrake_class_info{{{OF}}}, class)", everything=False),
        WINDOW,
        REGION,
    ],
    [
        number("The class", """What people call the class, whose it is and what it says: a platform, a manufacturer or a
               product.""",
               ask(f"max by (name, vendor, level) (hayrake_class_info{{{CLASS}}})", "{{name}} ({{vendor}}, {{level}})"),
               "short", 6, text="name"),
        number("Lines", """Lines with a detection in the last complete window, in the chosen regions. Nothing is shown
               where every count is withheld (under k) or the class cannot be detected.""",
               ask(f"sum(hayrake_lines{{{HERE}}})"), "short", 3),
        number("In use", """Of these, lines on which the traffic says that somebody uses the device, rather than that it
               idles. Zero for classes whose signature tells no limit.""",
               ask(f"sum(hayrake_lines_in_use{{{HERE}}})"), "short", 3),
        number("Confidence", """Mean probability that a claimed device is there, given the sampling rate. Under one half
               the claims rest on single packets: sample more, or trust the day rather than the hour.""",
               ask(mean("confidence_ratio")), "percentunit", 4, [(None, BAD), (0.5, WATCH), (0.9, GOOD)]),
        number("Groups monitored (N)", """Groups of names of the class that are dedicated and resolvable today. At 0 it
               cannot be detected; `hayrake hitlist explain` says why of every name.""",
               ask(f"max(hayrake_class_groups{{{CLASS}}})"), "short", 4, [(None, BAD), (1, GOOD)]),
        number("Detectable", """Whether the class can be detected now. If it could yesterday, see the alert
               HayrakeClassUndetectable.""",
               ask(f"max(hayrake_class_detectable{{{CLASS}}})"), "short", 4, [(None, BAD), (1, GOOD)],
               {0: "no", 1: "yes"}),
        section("Trend"),
        graph("Lines by hour, beside a day and a week before", """Lines in each complete hour. Compare with the same hour
              before, since the day has its own shape. A sudden difference is rarely people: look whether N or an
              exporter changed at that time. The former lines begin when Prometheus has kept so much.""",
              [ask(f"sum by (class) (hayrake_lines{{{HOUR}}})", "now"),
               ask(f"sum by (class) (hayrake_lines{{{HOUR}}} offset 1d)", "a day before"),
               ask(f"sum by (class) (hayrake_lines{{{HOUR}}} offset 1w)", "a week before")], "short", 12, 9),
        graph("Lines by day", """Lines in each complete UTC day. A day sees more devices than an hour does, and is the
              number to report; look over weeks rather than hours.""",
              [ask(f'sum by (class) (hayrake_lines{{{CLASS}, window="24h", region=~"$region"}})', "{{class}}")],
              "short", 12, 9),
        section("Use"),
        graph("In use and idle over the day", """Lines by hour on which somebody uses the device, and those on which it
              only idles. Both together are all lines with the class. Missing where either is withheld.""",
              [ask(f"sum by (class) (hayrake_lines_in_use{{{HOUR}}})", "in use"),
               ask(f"sum by (class) (hayrake_lines{{{HOUR}}}) - sum by (class) (hayrake_lines_in_use{{{HOUR}}})", "idle")],
              "short", 12, 9, stack=True),
        graph("Share in use", """The part of the lines with the class on which it is in use, by hour. A plug or a sensor is
              never far from zero; a TV follows the evening. If it is always one, in_use_packets of the signature is
              too low.""",
              [ask(f"sum by (class) (hayrake_lines_in_use{{{HOUR}}}) / (sum by (class) (hayrake_lines{{{HOUR}}}) > 0)",
                   "in use")], "percentunit", 12, 9, high=1),
        section("Evidence"),
        graph("Confidence", """Mean confidence of the claims by hour and day. A day knows more than an hour. If it falls
              while lines stay, devices are seen by fewer packets: did a router begin to sample less?""",
              [ask(mean("confidence_ratio", "1h"), "hour"), ask(mean("confidence_ratio", "24h"), "day")],
              "percentunit", 8, 9, high=1),
        graph("Groups seen of N", """How many of the class's groups a line with a detection touched, on average, and how
              many there are to touch. Close to one with a large N means that claims rest on the threshold alone.""",
              [ask(mean("groups"), "seen"), ask(f"max by (class) (hayrake_class_groups{{{CLASS}}})", "monitored (N)")],
              "short", 8, 9),
        graph("Packets behind a claim", """Sampled packets between a line with a detection and the class's servers, on
              average. One or two means that as many devices again are missed at this sampling rate.""",
              [ask(mean("packets"), "packets")], "short", 8, 9),
        section("Where, and with what"),
        graph("Regions", """Lines with the class by region of the prefixes. A region that is missing is withheld (under k)
              or sends no flows.""",
              [ask(f"sum by (region) (hayrake_lines{{{HERE}}})", "{{region}}")], "short", 12, 9, stack=True),
        bars("Regions now", """The same in the last complete window, as numbers.""",
             ask(f"sort_desc(sum by (region) (hayrake_lines{{{HERE}}}))", "{{region}}"), "short", 5, 9),
        graph("Parent and children", """The class beside the class that must be detected on the same line, and beside those
              that need it. A child cannot have more lines than its parent.""",
              [ask(f"sum by (class) (hayrake_lines{{{HERE}}})", "{{class}}"),
               ask(f'sum by (class) (hayrake_lines{{{OF}, window="$window", region=~"$region"}}) * on (class) group_left () '
                   f'max by (class) (label_replace(hayrake_class_info{{{CLASS}, parent!=""}}, "class", "$1", "parent", '
                   '"(.+)"))', "parent: {{class}}"),
               ask(f'sum by (class) (hayrake_lines{{{OF}, window="$window", region=~"$region"}}) * on (class) group_left () '
                   f'max by (class) (hayrake_class_info{{{OF}, parent="$class"}})', "child: {{class}}")],
              "short", 7, 9, links=[FAMILY]),
    ],
)
