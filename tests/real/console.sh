#!/usr/bin/env bash
# The console as people use it: headless Chromium before a running
# demonstration. Figures on the pages are compared with the API, a line is
# looked up with the token, every page is read by axe where npm can give it, at
# the width of a telephone, light and dark, by keyboard. SCREENSHOTS=FOLDER keeps
# pictures of the pages.
source "$(dirname "$0")/lib.sh"
need chromium chromedriver python3 curl

if [ -z "${AXE:-}" ] && command -v npm >/dev/null; then
  (cd "$work" && npm pack --silent axe-core@4.14.1 >/dev/null 2>&1 && tar xzf axe-core-*.tgz package/axe.min.js) &&
    AXE=$work/package/axe.min.js
fi
[ -n "${AXE:-}" ] || echo "without axe-core, since npm does not give it: labels, names and contrast are looked at by the script alone"
export AXE

"$HAYRAKE" demo --seconds 600 --lines "${DEMO_LINES:-20000}" --http 127.0.0.1:0 >"$work/demo" 2>"$work/demo.errors" &
hayrake_pid=$!
pids+=("$hayrake_pid")
tries=0
until grep -q 'look up the made-up line' "$work/demo"; do
  tries=$((tries + 1))
  if [ "$tries" -gt 900 ] || ! kill -0 "$hayrake_pid" 2>/dev/null; then
    echo "the demonstration closed no hour:"
    cat "$work/demo" "$work/demo.errors"
    exit 1
  fi
  sleep 0.1
done
url=$(awk '$1 == "console" { print $2; exit }' "$work/demo")
token=$(awk '$1 == "token" { print $2; exit }' "$work/demo")
home=$(grep -m1 -oE 'made-up line [^ ]+' "$work/demo" | cut -d' ' -f3)
python3 "$(dirname "$0")/console.py" "$url" "$token" "$home" "$hayrake_pid" "$work"
