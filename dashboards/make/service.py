"""Service: is it up, is it fast enough, does it keep what it learns."""

from .panel import BAD, GOOD, OF, PLAIN, WATCH, ask, graph, number, page, section, table

NOW = f"hayrake_clock_timestamp_seconds{{{OF}}} - on (job, instance) group_right () "


def rate(name, by, labels=OF):
    return f"sum by ({by}) (rate({name}{{{labels}}}[$__rate_interval]))"


PAGE = page(
    "hayrake-service",
    "Hayrake: service",
    "Whether the service runs, has room, writes what it finds and keeps what it learns.",
    [],
    [
        number("Up", """Whether Prometheus could read /metrics. If not, flows are being lost for good: see the alert
               HayrakeDown.""",
               ask(f'min(up{{job="hayrake", {OF}}})'), width=3, thresholds=[(None, BAD), (1, GOOD)],
               words={0: "down", 1: "up"}),
        number("Ready", """Whether flows are taken in and classes can be claimed. /readyz says what is missing.""",
               ask(f"min(hayrake_ready{{{OF}}})"), width=3, thresholds=[(None, BAD), (1, GOOD)],
               words={0: "not ready", 1: "ready"}),
        number("Warnings", """What an operator should look at though the service runs, such as a reload that was refused or
               a silent feed. /readyz has the sentences.""",
               ask(f"sum(hayrake_ready_warnings{{{OF}}})"), width=3, thresholds=[(None, GOOD), (1, WATCH)]),
        number("Alerts firing", """Alerts of Hayrake that fire now. docs/alerts.md says of each what it means and what to
               do.""",
               ask('count(ALERTS{alertname=~"Hayrake.+", alertstate="firing"}) or vector(0)'), width=3,
               thresholds=[(None, GOOD), (1, BAD)]),
        number("Version", "Which version runs. Two at once in the middle of an upgrade are fine.",
               ask(f"max by (version) (hayrake_build_info{{{OF}}})", "{{version}}"), width=4, text="name"),
        number("Up since", """Since the process was started. Counters begin at zero then; what exporters and resolvers told
               and open windows survive.""",
               ask(f"max(time() - process_start_time_seconds{{{OF}}})"), "s", 4),
        number("Counts withheld under", """k: counts of fewer lines are not given to whoever has no token.""",
               ask(f"max(hayrake_lines_withheld_below{{{OF}}})"), width=4),
        section("Room"),
        graph("Processor", """Cores in use. Flows are decoded by front workers; one socket needs a core of its own at full
              speed.""",
              [ask(rate("process_cpu_seconds_total", "instance"), "{{instance}}")], width=8),
        graph("Memory", """Memory in RAM. It grows with lines that have IoT devices and with DNS answers, and is bounded by
              settings; it falls after midnight when day windows close.""",
              [ask(f"sum by (instance) (process_resident_memory_bytes{{{OF}}})", "{{instance}}")], "bytes", 8),
        graph("Busiest workers", """The part of the time that the busiest worker of each stage works. Above 90 % datagrams
              will be dropped at the next peak: give more workers, or sample more coarsely. One front worker busy alone is
              one big exporter.""",
              [ask(f"max by (stage) (rate(hayrake_worker_busy_seconds_total{{{OF}}}[$__rate_interval]))", "{{stage}}")],
              "percentunit", 8, high=1, line=0.9),
        graph("Queues", """Batches that wait between the threads. A few at a time are normal; a queue that stays full loses
              datagrams or detections next.""",
              [ask(f"sum by (queue) (hayrake_queue_depth{{{OF}}})", "{{queue}}")], width=8),
        graph("Dropped from full queues", """Datagrams or detections dropped in the last hour because a queue was full.
              Without the token detections are rounded up. It should be zero: see the alert HayrakeQueueDrops.""",
              [ask(f"sum by (queue) (increase(hayrake_queue_dropped_total{{{OF}}}[1h]))", "{{queue}}")], width=8),
        graph("Files, sockets, threads", """Open descriptors beside how many may be open, as a share, and threads. A share
              that only grows is a leak to report; raise LimitNOFILE meanwhile.""",
              [ask(f"max(process_open_fds{{{OF}}} / process_max_fds{{{OF}}}) * 100", "descriptors, % of the limit"),
               ask(f"max(process_threads{{{OF}}})", "threads")], width=8),
        section("From flows to detections"),
        graph("Flows by orientation", """Flow records a second by which side is a subscriber line. Much no_line means
              that lines.prefixes lacks some, or that routers export transit traffic.""",
              [ask(rate("hayrake_flows_total", "orientation"), "{{orientation}}")], width=8, stack=True),
        graph("Sightings", """How often lines touched groups, a second: made by front workers, and what became of them.
              late ones come from exporters that hold flows back (active timeout) or whose clock is off.""",
              [ask(rate("hayrake_sightings_total", "outcome"), "{{outcome}}")], width=8),
        graph("Evidence held", """Touches (a line and a group) in open windows. It grows through the day and falls when day
              windows close. Without the token in steps.""",
              [ask(f"sum by (instance) (hayrake_evidence_touches{{{OF}}})", "{{instance}}")], width=8),
        graph("Detections", """Classes claimed when windows closed, in the last hour, by level and window. Without the token
              in steps.""",
              [ask(f"sum by (level, window) (increase(hayrake_detections_total{{{OF}}}[1h]))", "{{level}} {{window}}")],
              width=8, stack=True),
        graph("Detections written and lost", """Detections that the sink wrote and could not write, in the last hour. Errors
              should be zero: is the disk full?""",
              [ask(f"sum by (sink) (increase(hayrake_sink_written_total{{{OF}}}[1h]))", "{{sink}}: written"),
               ask(f"sum by (sink) (increase(hayrake_sink_errors_total{{{OF}}}[1h])) or on () vector(0)", "{{sink}}: lost")],
              width=8),
        graph("Since the counted window began", """How long ago the last complete window began, by the service's clock: up to
              two hours and a little for the hour, two days for the day. Higher: a back worker hangs behind.""",
              [ask(f"max by (window) ({NOW}hayrake_window_start_timestamp_seconds{{{OF}}})", "{{window}}")], "s", 8),
        section("What is kept for the next start"),
        graph("Age of checkpoints", """Since the last checkpoint was on the disk. Nothing is written while nothing new is
              told; otherwise it should be near the interval of the configuration (checkpoint).""",
              [ask(f"max by (kind) ({NOW}hayrake_checkpoint_last_success_timestamp_seconds{{{OF}}})", "{{kind}}")], "s", 8),
        graph("Size of checkpoints", """Size on the disk. The state folder holds up to four times as much.""",
              [ask(f"max by (kind) (hayrake_checkpoint_bytes{{{OF}}})", "{{kind}}")], "bytes", 8),
        graph("Checkpoints that failed", """Attempts in the last hour that failed: see the alert
              HayrakeCheckpointFailing.""",
              [ask(f"sum by (kind) (increase(hayrake_checkpoint_failures_total{{{OF}}}[1h]))", "{{kind}}")], width=8),
        graph("History written and failed", """Writes to the history in the last hour, and those that failed and are tried again:
              see the alert HayrakeHistoryFailing. Both are zero without a history.""",
              [ask(f"sum(increase(hayrake_history_written_total{{{OF}}}[1h]))", "written"),
               ask(f"sum(increase(hayrake_history_failures_total{{{OF}}}[1h]))", "failed")], width=12),
        graph("Size of the history", """Size of the history's file on the disk. It grows until the retention of the
              configuration is reached; make room for that.""",
              [ask(f"sum by (instance) (hayrake_history_bytes{{{OF}}})", "{{instance}}")], "bytes", 12),
        section("Around it"),
        graph("HTTP requests", """Requests a second by status. 401 is a wrong token, 429 too many requests of one address.""",
              [ask(rate("hayrake_http_requests_total", "status"), "{{status}}")], width=8, stack=True),
        graph("HTTP refused", """What HTTP has refused in the last hour to protect itself. Many wrong tokens are somebody who
              guesses.""",
              [ask(f"sum by (reason) (increase(hayrake_http_refused_total{{{OF}}}[1h]))", "{{reason}}")], width=8),
        graph("Reloads", """Changed files that were taken over or refused, in the last hour: see the alert
              HayrakeReloadRefused.""",
              [ask(f"sum by (outcome) (increase(hayrake_reload_total{{{OF}}}[1h]))", "{{outcome}}")], width=8),
        graph("Problems in input", """Problems found in datagrams, in the last hour. The log has the first of each second with
              the exporter's address.""",
              [ask(f"sum by (stage) (increase(hayrake_problems_total{{{OF}}}[1h])) or on () vector(0)", "{{stage}}")],
              width=12),
        graph("Limits reached", """How often a bound on memory or work was reached in the last hour. docs/alerts.md says what to
              do about each (HayrakeLimitHit).""",
              [ask(f"sum by (limit) (increase(hayrake_limit_hits_total{{{OF}}}[1h])) or on () vector(0)", "{{limit}}")],
              width=12),
    ],
    "now-6h",
)
