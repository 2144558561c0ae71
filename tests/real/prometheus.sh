#!/usr/bin/env bash
# The rules for Prometheus, checked and tested by promtool: every alert has a case
# in which it fires and one in which it is quiet (tests/dashboards.rs counts them).
source "$(dirname "$0")/lib.sh"
need promtool

promtool check config deploy/prometheus/prometheus.yml
promtool check rules --lint=all --lint-fatal deploy/prometheus/rules/*.yaml
promtool test rules deploy/prometheus/tests/*.yaml
