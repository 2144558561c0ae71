#!/usr/bin/env bash
# The highest rate without loss of hayrake and of what else takes NetFlow:
#
#   benches/peers.sh [SECONDS]
#
# The same NetFlow v9 datagrams (benches/peers/sender.rs: 26 records, one exporter) are
# sent over loopback to each program on its own, two seconds a step by default.
# The rate is raised by four tenths from step to step and then bisected. A step
# that loses something is tried once more, since others may use the machine. It
# stands when the kernel dropped nothing at the program's socket and the program
# accounts for every record sent: hayrake in /metrics, nfcapd in its file,
# nfacctd in the packets that it counted. fastnetmon tells no total: for it the
# drops alone decide. Every program is started anew for each step, listens on
# 127.0.0.1 only, and is ended by its process number.
#
# They do not do the same. nfcapd only stores. nfacctd adds up packets by
# protocol, the least that it can be asked for. fastnetmon adds up the traffic of
# each address in its networks, and bans nobody. hayrake looks up both sides of
# every record, and takes the hundredth that hits 20,000 endpoints to detections.
#
# HAYRAKE and SENDER name other binaries; PEERS chooses from `hayrake nfcapd
# nfacctd fastnetmon`. Built by: cargo build --release --bin hayrake --example sender
set -u -o pipefail

seconds=${1:-2}
root=$(cd "$(dirname "$0")/.." && pwd)
hayrake=${HAYRAKE:-$root/target/release/hayrake}
sender=${SENDER:-$root/target/release/examples/sender}
peers=${PEERS:-hayrake nfcapd nfacctd fastnetmon}
port=29995
http=28080
# Records of a datagram, and datagrams a second to begin with.
records=26
lowest=40000
steps=12

[ -x "$sender" ] || { echo "no $sender: cargo build --release --example sender"; exit 2; }
work=$(mktemp -d)
pid=
end() {
    [ -n "$pid" ] && kill "$pid" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM

# Sockets on our port: how many, how many with something waiting, and the drops
# of all of them.
sockets() {
    local hex
    hex=$(printf ':%04X' "$port")
    awk -v at="$hex" 'index($2, at) == 9 { waiting += $5 !~ /:00000000$/; drops += $NF; n++ }
        END { print n + 0, waiting + 0, drops + 0 }' /proc/net/udp
}

# Waits up to ten seconds until a command succeeds.
await() {
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return 0
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

bound() { [ "$(sockets | cut -d' ' -f1)" -gt 0 ]; }
drained() { [ "$(sockets | cut -d' ' -f2)" -eq 0 ]; }

stop() {
    kill -"${1:-TERM}" "$pid" 2>/dev/null
    for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    pid=
}

start_hayrake() {
    local now
    now=$(date +%s)
    mkdir -p "$work/signatures/product"
    cat >"$work/signatures/product/bench-kettle.yaml" <<YAML
class: bench-kettle
name: Bench Kettle
level: product
vendor: Bench
threshold: 0.4
groups:
  - names: ["*.kettle.example"]
    role: primary
sources: ["made for a benchmark"]
checked: 2026-11-21
YAML
    awk -v now="$now" 'BEGIN { for (n = 0; n < 20000; n++) printf "{\"rrname\":\"n%d.kettle.example.\",\"rrtype\":\"A\",\"rdata\":\"203.%d.%d.%d\",\"time_first\":%d,\"time_last\":%d,\"count\":50}\n", n, int(n / 50 / 256), int(n / 50) % 256, n % 50, now - 259200, now }' >"$work/dns.jsonl"
    cat >"$work/hayrake.yaml" <<YAML
listen: ["127.0.0.1:$port"]
lines:
  prefixes: [{net: 100.64.0.0/12, region: north}]
  key_file: line.key
dns: {feeds: [{file: dns.jsonl, coverage: population}]}
signatures: signatures
state: state
detections: detections.jsonl
http: 127.0.0.1:$http
YAML
    (cd "$work" && exec "$hayrake" run -c hayrake.yaml) >"$work/log" 2>&1 &
    pid=$!
    await curl -sf "http://127.0.0.1:$http/readyz"
}
metric() { curl -sf "http://127.0.0.1:$http/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
# Records that came to be decoded, when there are no more to come.
taken_hayrake() {
    local got last=-1
    for _ in $(seq 20); do
        got=$(metric 'hayrake_records_total{outcome="decoded"}')
        [ "${got:-0}" = "$last" ] && break
        last=${got:-0}
        sleep 0.1
    done
    taken=${got:-0}
    stop
}

start_nfcapd() {
    mkdir -p "$work/nfcapd"
    nfcapd -w "$work/nfcapd" -b 127.0.0.1 -p "$port" -t 3600 -B 4000000 >"$work/log" 2>&1 &
    pid=$!
    await bound
}
taken_nfcapd() {
    stop
    taken=$(for file in "$work"/nfcapd/nfcapd.*; do nfdump -I -r "$file"; done 2>/dev/null |
        awk '$1 == "Flows:" { sum += $2 } END { print sum + 0 }')
}

start_nfacctd() {
    cat >"$work/nfacctd.conf" <<CONF
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: $port
nfacctd_pipe_size: 4194304
nfacctd_time_new: true
plugins: print[all]
aggregate[all]: proto
print_output[all]: csv
print_output_file[all]: $work/nfacctd.csv
print_refresh_time[all]: 3600
plugin_pipe_size: 67108864
plugin_buffer_size: 65536
CONF
    nfacctd -f "$work/nfacctd.conf" >"$work/log" 2>&1 &
    pid=$!
    await bound
}
# It counts packets of the network: what it lost is a share of them.
taken_nfacctd() {
    stop INT
    for _ in $(seq 50); do [ -s "$work/nfacctd.csv" ] && break; sleep 0.1; done
    taken=$(awk -F, -v of="$packets" -v sent="$sent" 'NR > 1 { sum += $(NF - 1) }
        END { printf "%d\n", (of ? sent * sum / of : 0) }' "$work/nfacctd.csv" 2>/dev/null)
}

start_fastnetmon() {
    echo 100.64.0.0/12 >"$work/networks"
    : >"$work/whitelist"
    cat >"$work/fastnetmon.conf" <<CONF
logging_level = info
enable_ban = off
enable_ban_ipv6 = off
process_incoming_traffic = on
process_outgoing_traffic = on
networks_list_path = $work/networks
white_list_path = $work/whitelist
enable_connection_tracking = off
netflow = on
netflow_host = 127.0.0.1
netflow_port = $port
netflow_sampling_ratio = 1
cli_stats_file_path = $work/statistics
cli_stats_ipv6_file_path = $work/statistics6
enable_api = off
CONF
    fastnetmon --configuration_file "$work/fastnetmon.conf" --disable_pid_logic --log_to_console >"$work/log" 2>&1 &
    pid=$!
    await bound
}
# It says nowhere how many records it took.
taken_fastnetmon() {
    stop
    taken=$sent
}

# One step: `rate` datagrams a second to `peer`. Sets `sent`, `took`, `drops`,
# `taken`; succeeds when nothing was lost.
step() {
    rm -rf "${work:?}"/*
    "start_$peer" || { echo "$peer does not start:"; tail -3 "$work/log"; return 2; }
    local out
    out=$("$sender" "127.0.0.1:$port" "$1" "$seconds") || return 2
    read -r _ _ _ sent _ packets _ took <<<"$out"
    await drained
    sleep 0.2
    drops=$(sockets | cut -d' ' -f3)
    "taken_$peer"
    [ -n "${VERBOSE:-}" ] && echo "    $peer: $1 datagrams/s asked, $sent records in $took s, $drops dropped, ${taken:-0} taken"
    [ "$drops" -eq 0 ] && [ "${taken:-0}" -ge "$sent" ]
}

measure() {
    local low= high= rate=$lowest best=
    for _ in $(seq "$steps"); do
        if step "$rate" || { [ $? -eq 1 ] && step "$rate"; }; then
            low=$rate
            best=$(awk -v n="$sent" -v s="$took" 'BEGIN { printf "%.2f", n / s / 1e6 }')
            # A sender that cannot keep up tells no more.
            awk -v s="$took" -v of="$seconds" 'BEGIN { exit !(s > 1.05 * of) }' && { best="$best (all that the sender can)"; break; }
        else
            [ $? -eq 2 ] && return
            high=$rate
        fi
        if [ -z "$high" ]; then
            rate=$((rate * 14 / 10))
        elif [ -z "$low" ]; then
            rate=$((rate / 2))
            [ "$rate" -lt 1000 ] && break
        else
            [ $((high * 100 / low)) -lt 106 ] && break
            rate=$(((low + high) / 2))
        fi
    done
    printf '%-10s %s M records/s without loss\n' "$peer" "${best:-under any rate tried, in}"
}

echo "peers: $records-record v9 datagrams, one exporter, steps of $seconds s, $(nproc) cores"
# fastnetmon does not ask for a larger socket buffer than the default.
echo "peers: rmem_max $(cat /proc/sys/net/core/rmem_max), rmem_default $(cat /proc/sys/net/core/rmem_default)"
for peer in $peers; do
    program=$peer
    [ "$peer" = hayrake ] && program=$hayrake
    if command -v "$program" >/dev/null; then
        measure
    else
        printf '%-10s skipped: no %s (Debian: apt install nfdump pmacct fastnetmon)\n' "$peer" "$program"
    fi
done
