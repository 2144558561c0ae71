"""Exporters: who sends, what is lost where, and how it was sampled."""

from .panel import BAD, GOOD, OF, PLAIN, WATCH, ask, graph, number, page, section, table, variable

EACH = f'{OF}, exporter=~"$exporter"'
QUIET = f"(exporter:hayrake_silence:seconds{{{EACH}}} > 300 and rate(hayrake_exporter_datagrams_total{{{EACH}}}[5m]) == 0)"


def rate(name, labels=OF, by=""):
    return f"sum {f'by ({by}) ' if by else ''}(rate({name}{{{labels}}}[$__rate_interval]))"


PAGE = page(
    "hayrake-exporters",
    "Hayrake: exporters",
    """Who sends flows, whether all of it arrives and where it is lost otherwise, how it was sampled, and what to mend.
    /api/v1/exporters and `hayrake inspect` have the details of one exporter.""",
    [variable("exporter", "Exporter", f"label_values(hayrake_exporter_datagrams_total{{{OF}}}, exporter)", multi=True)],
    [
        number("Exporters known", """Routers and switches (address and observation domain) that have sent something. Fewer
               than you configured: look at exporters.allow and at the routers' settings.""",
               ask(f"sum(hayrake_exporters{{{OF}}})"), width=4),
        number("Silent", """Exporters that have sent nothing for five minutes. See the alert HayrakeExporterSilent.""",
               ask(f"count({QUIET}) or vector(0)"), width=4, thresholds=[(None, GOOD), (1, BAD)]),
        number("Things to mend", """What Hayrake has found wrong about the exporters chosen. The sentences are at
               /api/v1/exporters and in the log.""",
               ask(f"sum(hayrake_exporter_advice{{{EACH}}})"), width=4, thresholds=[(None, GOOD), (1, WATCH)]),
        number("Worst loss on the way", """The largest part of what one exporter sent that did not arrive, over five
               minutes. Loss lowers counts like a coarser sampling rate does. Above 1 %: see the alert
               HayrakeSequenceGaps.""",
               ask(f"max(exporter:hayrake_sequence_lost:ratio_rate5m{{{EACH}}} >= 0) or vector(0)"), "percentunit", 4,
               [(None, GOOD), (0.001, WATCH), (0.01, BAD)]),
        number("Dropped here", """Datagrams that reached this machine and were dropped by the kernel (with udp_gro: runs of
               datagrams) or by a full queue, in the last hour. It should be zero: see the alerts HayrakeKernelDrops and HayrakeQueueDrops.""",
               ask(f'sum(increase(hayrake_kernel_drops_total{{{OF}}}[1h])) + '
                   f'sum(increase(hayrake_queue_dropped_total{{{OF}, queue="datagrams"}}[1h]))'),
               width=4, thresholds=[(None, GOOD), (1, BAD)]),
        number("Worst unknown sampling", """The largest part of one exporter's records of which nobody told the sampling
               rate. Such records count as evidence, but their confidence is understated. See the alert
               HayrakeUnknownSampling.""",
               ask(f"max(exporter:hayrake_sampling_unknown:ratio_rate15m{{{EACH}}} >= 0) or vector(0)"), "percentunit", 4,
               [(None, GOOD), (0.01, BAD)]),
        table("Every exporter", """One row an exporter: seconds since it was last heard, records a second, the part lost on
              the way, the part without a sampling rate, its clock minus ours, sets that wait for a template, and things to
              mend. Red cells are what an alert watches.""",
              [(ask(f"max by (exporter) (exporter:hayrake_silence:seconds{{{EACH}}})"), "Last heard", "s",
                [(None, GOOD), (300, WATCH), (3600, BAD)]),
               (ask(rate("hayrake_exporter_flows_total", EACH, "exporter")), "Records/s", "short", None),
               (ask(f"max by (exporter) (exporter:hayrake_sequence_lost:ratio_rate5m{{{EACH}}})"), "Lost", "percentunit",
                [(None, GOOD), (0.001, WATCH), (0.01, BAD)]),
               (ask(f"max by (exporter) (exporter:hayrake_sampling_unknown:ratio_rate15m{{{EACH}}})"), "Rate unknown",
                "percentunit", [(None, GOOD), (0.01, BAD)]),
               (ask(f"max by (exporter) (hayrake_exporter_skew_seconds{{{EACH}}})"), "Clock", "s", None),
               (ask(f"max by (exporter) (hayrake_exporter_records_queued{{{EACH}}})"), "Waiting", "short", None),
               (ask(f"max by (exporter) (hayrake_exporter_advice{{{EACH}}})"), "To mend", "short",
                [(None, GOOD), (1, WATCH)])], 24, 9, sort="Last heard"),
        section("What comes"),
        graph("Records by exporter", """Flow records a second. The sum follows the day. One that falls to zero alone is
              silent; all at once is the network before this machine.""",
              [ask(rate("hayrake_exporter_flows_total", EACH, "exporter"), "{{exporter}}")], "short", 12, 9, stack=True),
        graph("Datagrams by exporter", """Datagrams a second. Many datagrams with few records each mean a router that
              flushes early; it costs more here.""",
              [ask(rate("hayrake_exporter_datagrams_total", EACH, "exporter"), "{{exporter}}")], "short", 12, 9, stack=True),
        section("What becomes of it: received = decoded + unknown template + rejected + waiting + dropped"),
        graph("Datagrams received", """Datagrams read from each socket, a second. Compare with what became of them, beside
              it.""", [ask(rate("hayrake_datagrams_received_total", by="listener"), "{{listener}}")], width=8, stack=True),
        graph("What became of datagrams", """Datagrams by outcome, a second. unknown_template: the exporter did not send the
              template in time; lower its template timeout. rejected: the format is not understood, the content damaged,
              or the exporter not allowed.""",
              [ask(rate("hayrake_datagrams_total", by="outcome"), "{{outcome}}")], width=8, stack=True),
        graph("What became of records", """Flow records by outcome, a second. Only decoded ones can become evidence.""",
              [ask(rate("hayrake_records_total", by="outcome"), "{{outcome}}")], width=8, stack=True),
        graph("What does not add up", """Received minus all that became of it. What waits in queues is counted as received
              and not yet as anything else, so there are spikes; anything that stays is a loss nobody counted, and a bug to
              report.""",
              [ask(f"sum(hayrake_datagrams_received_total{{{OF}}}) + sum(hayrake_datagrams_carried_over_total{{{OF}}}) - "
                   f"sum(hayrake_datagrams_total{{{OF}}}) - "
                   f'sum(hayrake_datagrams_queued{{{OF}}}) - sum(hayrake_queue_dropped_total{{{OF}, queue="datagrams"}})',
                   "datagrams"),
               ask(f"sum(hayrake_records_received_total{{{OF}}}) + sum(hayrake_records_carried_over_total{{{OF}}}) - "
                   f"sum(hayrake_records_total{{{OF}}}) - "
                   f"sum(hayrake_records_queued{{{OF}}})", "records")], width=8, low=None),
        graph("Waiting for a template", """Data sets that came before their template. It is normal for a minute after a
              start. If it stays, the exporter sends templates too seldom.""",
              [ask(f"sum by (exporter) (hayrake_exporter_records_queued{{{EACH}}})", "{{exporter}}")], width=8),
        graph("Dropped on this machine", """Datagrams a second that the kernel dropped (socket buffer full; with udp_gro runs of
              datagrams) or a full queue did. Raise net.core.rmem_max, give more workers, or move an exporter to another machine.""",
              [ask(rate("hayrake_kernel_drops_total", by="listener"), "kernel, {{listener}}"),
               ask(rate("hayrake_queue_dropped_total", f'{OF}, queue="datagrams"', "queue"), "queue of {{queue}}")],
              width=8),
        section("On the way here"),
        graph("Lost on the way", """The part of what each exporter sent that its sequence numbers say did not arrive. The
              line is where the alert HayrakeSequenceGaps begins. Look at the interfaces between router and collector, and
              at this machine's own drops above.""",
              [ask(f"max by (exporter) (exporter:hayrake_sequence_lost:ratio_rate5m{{{EACH}}})", "{{exporter}}")],
              "percentunit", 12, line=0.01),
        graph("Clocks", """Each exporter's clock minus ours. Beyond a minute flows fall into wrong hours: set up NTP. sFlow
              tells no time.""",
              [ask(f"max by (exporter) (hayrake_exporter_skew_seconds{{{EACH}}})", "{{exporter}}")], "s", 12, low=None),
        section("Sampling"),
        graph("Records by sampling rate", """Flow records a second by the rate they were sampled with, and what told it:
              the record, options, the header or the configuration. A rate you did not expect, or unknown, is a router to
              look after: confidence is computed from it.""",
              [ask(f"sum by (rate, source) (rate(hayrake_exporter_flows_total{{{EACH}}}[$__rate_interval]))",
                   "1:{{rate}} ({{source}})")], width=12, stack=True),
        graph("Rate unknown", """The part of each exporter's records of which nobody told the sampling rate. Let the router
              send its sampler table, or set exporters.default_sampling.""",
              [ask(f"max by (exporter) (exporter:hayrake_sampling_unknown:ratio_rate15m{{{EACH}}})", "{{exporter}}")],
              "percentunit", 12, line=0.01),
    ],
    "now-6h",
)
