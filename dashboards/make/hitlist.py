"""Signatures and hitlist: what could be detected at all, and from which data."""

from .panel import BAD, GOOD, OF, PLAIN, WATCH, ask, bars, graph, link, number, page, section, table

AGE = f"hayrake_clock_timestamp_seconds{{{OF}}} - on (job, instance) group_right () "
TO_CLASS = link("This class over time", "hayrake-class", **{"class": "${__value.raw}"})

PAGE = page(
    "hayrake-hitlist",
    "Hayrake: signatures and hitlist",
    """Which classes can be detected and why not, how old signatures and DNS data are, and what the hitlist holds. `hayrake
    hitlist explain` says of any name or address how it was judged.""",
    [],
    [
        number("Detectable", """Classes of which at least one group is dedicated and resolvable now. The rest cannot be
               counted, which is not the same as having no lines.""",
               ask(f"sum(max by (class) (hayrake_class_detectable{{{OF}}}))"), thresholds=[(None, BAD), (1, GOOD)]),
        number("Not detectable", """Classes that cannot be detected now: all their servers are shared with others, or
               nobody has resolved their names. The table below names them.""",
               ask(f"count(max by (class) (hayrake_class_detectable{{{OF}}}) == 0) or vector(0)"),
               thresholds=[(None, GOOD), (1, WATCH)]),
        number("Lost in two days", """Classes that could be detected within the last two days and cannot now. See the alert
               HayrakeClassUndetectable.""",
               ask(f"count(hayrake_class_detectable{{{OF}}} == 0 and max_over_time(hayrake_class_detectable{{{OF}}}[2d]) == 1) "
                   "or vector(0)"), thresholds=[(None, GOOD), (1, BAD)]),
        number("Endpoints", """Addresses and ports in the hitlist in force. It is zero without DNS answers.""",
               ask(f"sum(hayrake_hitlist_endpoints{{{OF}}})"), thresholds=[(None, BAD), (1, GOOD)]),
        number("Age of the hitlist", """Since it was last built or brought up to new answers, by the service's clock. It is
               made anew at midnight UTC at the latest: see the alert HayrakeHitlistOld.""",
               ask(f"max({AGE}hayrake_hitlist_built_timestamp_seconds{{{OF}}})"), "s",
               thresholds=[(None, GOOD), (86400, WATCH), (93600, BAD)]),
        number("Build time", """How long the last build took. Meanwhile the old hitlist is in force; minutes are no harm,
               but changed signatures take effect that much later.""",
               ask(f"max(hayrake_hitlist_build_seconds{{{OF}}})"), "s"),
        section("Verdicts"),
        bars("Groups by verdict", """Groups of all signatures by what their servers are now. dedicated counts as evidence;
             shared serves others too; undecided lacks a feed with coverage: population; unresolvable means that no answer
             for the names was seen.""",
             ask(f"sum by (verdict) (hayrake_hitlist_groups{{{OF}}})", "{{verdict}}"), width=6, height=9),
        graph("Verdicts over time", """The same over time. Verdicts are made once a day; a step at midnight is new
              knowledge. If dedicated falls for good, a maker has moved to shared hosting: its signature needs other
              names.""",
              [ask(f"sum by (verdict) (hayrake_hitlist_groups{{{OF}}})", "{{verdict}}")], width=9, height=9, stack=True),
        graph("Endpoints over time", """Endpoints follow DNS answers through the day and run out a day after they were last
              seen. A slow fall is a feed that has stopped.""",
              [ask(f"sum by (instance) (hayrake_hitlist_endpoints{{{OF}}})", "{{instance}}")], width=9, height=9),
        section("Classes"),
        table("Not detectable now", """Classes without a dedicated and resolvable group, and how long ago people last
              checked their signature. /api/v1/classes has the reason of each.""",
              [(ask(f"max by (class) (time() - hayrake_class_checked_timestamp_seconds{{{OF}}}) and on (class) "
                    f"max by (class) (hayrake_class_detectable{{{OF}}}) == 0 or on () vector(0)"),
                "Signature checked", "s", None)], 9, 11, links=("Class", [TO_CLASS])),
        table("Every class", """Every class: whose it is, how many groups are monitored today (N), whether the hour has lines,
              and how long ago people last checked its signature. Check again what is older than half a year.""",
              [(ask(f"max by (class, name, vendor, level) (hayrake_class_info{{{OF}}})"),
                {"class": "Class", "name": "Name", "vendor": "Vendor", "level": "Level"}, None, None),
               (ask(f"max by (class) (hayrake_class_groups{{{OF}}})"), "Groups (N)", "short", [(None, BAD), (1, GOOD)]),
               (ask(f'sum by (class) (hayrake_lines{{{OF}, window="1h"}})'), "Lines in the hour", "short", None),
               (ask(f"max by (class) (time() - hayrake_class_checked_timestamp_seconds{{{OF}}})"), "Signature checked", "s",
                [(None, GOOD), (15552000, WATCH)])], 15, 11, sort="Groups (N)", links=("Class", [TO_CLASS])),
        graph("Groups monitored", """Groups monitored (N) of all classes together, by level. It changes at midnight UTC and with
              signatures. A fall means that servers have become shared or are no longer resolved.""",
              [ask(f"sum by (level) (max by (class, level) (hayrake_class_groups{{{OF}}}))", "{{level}}")], width=12, stack=True),
        graph("Classes lost", """How often classes lost their last group, in the last hour. The log says why (event
              class_lost).""",
              [ask(f"sum by (class) (increase(hayrake_class_lost_total{{{OF}}}[1h])) or on () vector(0)", "{{class}}")],
              width=12),
        section("DNS"),
        graph("Answers by feed", """DNS answers a second that were taken, by feed. Files are read at the start and when they
              change, so their rate is zero most of the time.""",
              [ask(f'sum by (feed) (rate(hayrake_dns_feed_answers_total{{{OF}, outcome="taken"}}[$__rate_interval]))',
                   "{{feed}}")], width=8),
        graph("Answers not taken", """Answers a second that were refused (absurd, or beyond a bound) or damaged. A few are
              normal; many mean a feed in a format that is only nearly right.""",
              [ask(f'sum by (feed, outcome) (rate(hayrake_dns_feed_answers_total{{{OF}, outcome!="taken"}}[$__rate_interval]))',
                   "{{feed}}: {{outcome}}")], width=8),
        bars("Age of feeds", """How old each file is, and how long ago each live feed and the resolver last told something.
             Beyond a day endpoints run out: see the alerts HayrakeDnsFeedStale and HayrakeDnsFeedSilent.""",
             ask(f"label_replace(time() - hayrake_dns_feed_written_timestamp_seconds{{{OF}}}, \"kind\", \"file\", \"\", \"\") or "
                 f"{AGE}hayrake_dns_feed_last_answer_timestamp_seconds{{{OF}}}", "{{feed}}"),
             "s", 8, 8, [(None, GOOD), (86400, WATCH), (172800, BAD)]),
        graph("Table of answers", """What is remembered of DNS. Facts are kept whole, traces are what is left of answers that
              matter only as strangers. At dns.memory the oldest go.""",
              [ask(f"sum by (kind) (hayrake_dns_table_entries{{{OF}}})", "{{kind}}")], width=8),
        graph("Memory of the table", """Memory that the table of answers takes. dns.memory limits it; near the limit old
              answers are let go, and verdicts know less.""",
              [ask(f"sum by (instance) (hayrake_dns_table_bytes{{{OF}}})", "{{instance}}")], "bytes", 8),
        graph("Gone from the table", """Facts that expired (dns.keep), were evicted for want of memory, or were reduced
              because an address has very many owners. evicted should stay at zero: raise dns.memory.""",
              [ask(f"sum by (why) (hayrake_dns_table_gone{{{OF}}})", "{{why}}")], width=8),
    ],
)
