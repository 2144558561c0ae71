#!/usr/bin/env bash
# A real Prometheus asks a real demonstration, with the configuration and rules that
# we ship, and then answers every query of every dashboard and every rule. None may
# fail, and no panel may stay empty. Grafana itself is not run: nothing here says how
# it draws. With DRAW=FOLDER the answers are drawn there as SVG (docs/grafana.md).
source "$(dirname "$0")/lib.sh"
need prometheus python3 curl

# A simulated hour passes every ten seconds. Its day ends after 70 seconds, and the
# day before that was seen only in part; the hours give graphs something to show.
seconds=${SECONDS_OF_DEMO:-130}
"$HAYRAKE" demo --seconds "$((seconds + 120))" --http 127.0.0.1:0 >"$work/demo" 2>&1 &
pids+=($!)

# said FILE PATTERN: what sed finds in a file once it is there.
said() {
  local found tries=0
  until found=$(sed -nE "s/$2/\1/p" "$1" | head -1) && [ -n "$found" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 1200 ] || { echo "does not start:" >&2; cat "$1" >&2; return 1; }
    sleep 0.1
  done
  echo "$found"
}

http=$(said "$work/demo" '^metrics +http:\/\/([^/]+)\/metrics$')
cp -r deploy/prometheus "$work/prometheus"
sed -i -E 's/^  (scrape|evaluation)_interval: .*/  \1_interval: 2s/' "$work/prometheus/prometheus.yml"
printf -- '- targets: ["%s"]\n' "$http" >"$work/prometheus/targets.yaml"
prometheus --config.file="$work/prometheus/prometheus.yml" --storage.tsdb.path="$work/data" \
  --web.listen-address=127.0.0.1:0 >"$work/log" 2>&1 &
pids+=($!)
asked=$(said "$work/log" '.*msg="Listening on" address=([^ ]+).*')
sleep "$seconds"
curl -sf "http://$http/readyz" >/dev/null || { echo "the demonstration is not there:"; tail "$work/demo"; exit 1; }
curl -sf "http://$asked/-/ready" >/dev/null || { echo "Prometheus is not there:"; tail "$work/log"; exit 1; }
cd dashboards
python3 -B -m see check "http://$asked"
[ -z "${DRAW:-}" ] || python3 -B -m see draw "http://$asked" "$DRAW"
