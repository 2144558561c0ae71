# What the scripts beside this one share. Sourced, not run.
set -euo pipefail

HAYRAKE=${HAYRAKE:-${CARGO_TARGET_DIR:-target}/release/hayrake}
data=../shared/data
work=$(mktemp -d)
pids=()

# Ends only what this script started.
finish() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# Skips the whole script unless all programs are there.
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
  done
}

# Skips the whole script unless the material is there.
need_data() {
  [ -e "$data/$1" ] || { echo "skipped: $data/$1 is not here"; exit 77; }
}

# A window that closes between what a test sends first and last would claim twice.
away_from_the_hour() {
  local left=$((3600 - $(date +%s) % 3600))
  [ "$left" -gt 30 ] || sleep "$left"
}

# start_hayrake FOLDER: runs the service on FOLDER/hayrake.yaml, whose ports are
# 0, and sets $udp, $http and $hayrake_pid. Detections go to
# FOLDER/detections.jsonl.
start_hayrake() {
  away_from_the_hour
  : >"$1/log"
  "$HAYRAKE" run --close-windows -c "$1/hayrake.yaml" >"$1/detections.jsonl" 2>"$1/log" &
  hayrake_pid=$!
  pids+=("$hayrake_pid")
  local tries=0 ready
  until ready=$(grep -m1 ' ready udp=' "$1/log"); do
    tries=$((tries + 1))
    if [ "$tries" -gt 150 ] || ! kill -0 "$hayrake_pid" 2>/dev/null; then
      echo "hayrake did not get ready:"
      cat "$1/log"
      return 1
    fi
    sleep 0.1
  done
  udp=$(sed -E 's/.* udp="?([^" ]+)"?.*/\1/' <<<"$ready")
  http=$(sed -E 's/.* http="?([^" ]+)"?.*/\1/' <<<"$ready")
}

# Ends the service as an operator does; it works off what it has received.
stop_hayrake() {
  kill -TERM "$hayrake_pid"
  wait "$hayrake_pid"
}

# metric NAME: the sum of a metric over its labels.
metric() {
  curl -sf "http://$http/metrics" | awk -v name="$1" \
    '$1 == name || index($1, name "{") == 1 { sum += $2 } END { print sum + 0 }'
}
