#!/usr/bin/env bash
# Real devices through a real exporter: softflowd reads a device's capture and
# exports it to `hayrake run`, whose DNS answers come from the same capture.
# The device's line must be claimed as its class and as nothing else.
source "$(dirname "$0")/lib.sh"
need softflowd capinfos editcap xz jq curl
need_data pcaps

# What the capture said happened long ago. Its answers are moved to end a minute
# ago, since nobody believes what is yet to come; they hold for a day. Its traffic
# is moved to tomorrow: no flow may end then, so all are placed by receive time,
# in today's day window. So the hour at which this runs makes no difference.
move_answers() { moved "$1" -e "1 minute ago" "$2"; }
move_traffic() { moved "$1" -a "tomorrow" "$2"; }

# moved CAPTURE WHICH TIME COPY: the earliest packet (-a) or the latest (-e) comes at
# that time.
moved() {
  local packet
  packet=$(capinfos -TrS "$2" "$1" | cut -f2)
  editcap -t "$(jq -n "$(date -d "$3" +%s) - $packet")" "$1" "$4"
}

# claimed CAPTURE LINES VERSION SAMPLING COUNT WANTED [ANSWERS]: the classes
# WANTED are claimed on COUNT lines; ANSWERS is a file of DNS answers instead of
# those in the capture.
claimed() {
  local capture=$1 lines=$2 version=$3 sampling=$4 count=$5 wanted=$6 answers=${7:-}
  local folder got lines_seen received
  folder=$(mktemp -d -p "$work")
  move_traffic "$capture" "$folder/traffic.pcap"
  if [ -z "$answers" ]; then
    answers=$folder/answers.pcap
    move_answers "$capture" "$answers"
  fi
  cat >"$folder/hayrake.yaml" <<YAML
listen: ["127.0.0.1:0"]
lines: {prefixes: [{net: $lines}], key_file: line.key}
dns: {feeds: [{file: $answers, coverage: population}]}
state: state
http: 127.0.0.1:0
YAML
  start_hayrake "$folder"
  softflowd -d -r "$folder/traffic.pcap" -n "$udp" -v "$version" -s "$sampling" \
    -p none -c none >"$folder/softflowd" 2>&1 </dev/null
  # softflowd has sent everything when it ends; loopback loses nothing unless
  # the kernel says so.
  sleep 0.5
  received=$(metric hayrake_datagrams_received_total)
  [ "$(metric hayrake_kernel_drops_total)" = 0 ] || { echo "the kernel dropped datagrams"; return 1; }
  stop_hayrake
  got=$(jq -r 'select(.window == "24h").class' "$folder/detections.jsonl" | sort -u | paste -sd' ')
  lines_seen=$(jq -r .line "$folder/detections.jsonl" | sort -u | wc -l)
  printf '%-34s v%-2s 1:%-3s %4s datagrams: %s\n' \
    "$(basename "$capture")" "$version" "$sampling" "$received" "${got:-nothing}"
  [ "$received" -gt 0 ] || { echo "  nothing was received"; cat "$folder/softflowd"; return 1; }
  [ "$got" = "$wanted" ] || { echo "  wanted: $wanted"; cat "$folder/log"; return 1; }
  [ "$lines_seen" = "$count" ] || { echo "  on $lines_seen lines, wanted: $count"; return 1; }
}

xz -dkc "$data/pcaps/hue-bridge_2018-10-25.pcap.xz" >"$work/hue-bridge.pcap"
for version in 5 9 10; do
  for sampling in 1 10; do
    claimed "$work/hue-bridge.pcap" 192.168.1.0/24 "$version" "$sampling" 1 philips-hue
  done
done

# The Yi camera's capture has no DNS in it, only UDP to three servers on port
# 32100: by its own answers nothing can be claimed, and nothing is. With the
# answer that an operator's passive DNS would have for the rendezvous name of
# its firmware, it is claimed.
yi=$data/pcaps/intl-iot_yi_camera_sample.pcap
claimed "$yi" 192.168.0.0/16 10 1 0 ""
from=$(date -d "1 hour ago" +%s)
for server in 47.88.59.209 47.90.240.160 47.74.255.9; do
  printf '{"rrname":"tnpmastercn.xiaoyi.com","rrtype":"A","rdata":"%s","time_first":%d,"time_last":%d,"count":50}\n' \
    "$server" "$from" "$(date +%s)"
done >"$work/yi.jsonl"
claimed "$yi" 192.168.0.0/16 10 1 1 yi-camera "$work/yi.jsonl"

# Set-up traffic is a minute or two of packets: unsampled. The WeMo Link has two
# addresses, its own and that of the phone it lets in while it is set up.
while read -r name count wanted; do
  for capture in "$data/pcaps/sentinel/$name."Setup-*.pcap; do
    claimed "$capture" 10.0.0.0/8 9 1 "$count" "$wanted"
  done
done <<'CASES'
D-LinkCam 1 dlink-camera
D-LinkDoorSensor 1 dlink-home
D-LinkHomeHub 1 dlink-home
D-LinkSensor 1 dlink-home
D-LinkSiren 1 dlink-home
D-LinkSwitch 1 dlink-home
D-LinkWaterSensor 1 dlink-home
EdimaxPlug1101W 1 edimax
EdimaxPlug2101W 1 edimax
EdnetGateway 1 icomen
HueBridge 1 philips-hue
Lightify 1 osram-lightify
MAXGateway 1 eq3-homematic
TP-LinkPlugHS100 1 tp-link
TP-LinkPlugHS110 1 tp-link
WeMoInsightSwitch 1 belkin-wemo
WeMoInsightSwitch2 1 belkin-wemo belkin-wemo-insight
WeMoLink 2 belkin-wemo
WeMoSwitch 1 belkin-wemo
WeMoSwitch2 1 belkin-wemo
Withings 1 withings
CASES
