#!/usr/bin/env bash
# Real resolvers tell their answers live: unbound over a unix socket and over
# TCP, knot-resolver over a unix socket, and bind, which forwards. Each is asked
# for a name of its own, then a line sends one flow to the answered address, and
# that flow must become a detection. Resolvers are configured as
# docs/feeding-dns.md says. No outside DNS: a further unbound answers
# for the names from local data.
source "$(dirname "$0")/lib.sh"
need unbound dig jq curl python3
seconds=()
for program in kresd named; do
  if command -v "$program" >/dev/null; then
    seconds+=("$program")
  else
    echo "without $program, which is not installed"
  fi
done
[ "${#seconds[@]}" -gt 0 ] || { echo "skipped: neither kresd nor named is installed"; exit 77; }

# Ports that nothing uses now, distinct.
read -r authority_port unix_port tcp_port kresd_port named_port feed_port < <(python3 - <<'PY'
import socket
held = [socket.socket() for _ in range(6)]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])
PY
)

# The name that each resolver is asked for, and the address it has. That of
# unbound's is an alias, so the chain must be followed.
declare -A address=([unix]=203.0.113.1 [tcp]=203.0.113.2 [kresd]=203.0.113.3 [named]=203.0.113.4)
declare -A port=([unix]=$unix_port [tcp]=$tcp_port [kresd]=$kresd_port [named]=$named_port)
resolvers=(unix tcp "${seconds[@]}")

mkdir -p "$work/site/signatures/product"
{
  echo 'class: test-kettle
name: Test Kettle
level: product
vendor: Test
threshold: 0.1
groups:'
  for name in "${resolvers[@]}"; do printf '  - names: [%s.kettle.example]\n    role: primary\n' "$name"; done
  echo 'sources: ["made for a test"]
checked: 2026-11-21'
} >"$work/site/signatures/product/test-kettle.yaml"
cat >"$work/site/hayrake.yaml" <<YAML
listen: ["127.0.0.1:0"]
lines: {prefixes: [{net: 198.51.100.0/24}], key_file: line.key}
dns:
  feeds:
    - {dnstap: unix:dnstap.sock}
    - {dnstap: tcp:127.0.0.1:$feed_port}
    - {dnstap: unix:kresd.sock, types: [client_response]}
    - {dnstap: unix:named.sock, types: [resolver_response, forwarder_response]}
signatures: signatures
state: state
http: 127.0.0.1:0
YAML

# unbound_conf NAME PORT: what every unbound here says of itself.
unbound_conf() {
  cat <<CONF
server:
  directory: "$work"
  chroot: ""
  username: ""
  pidfile: "$work/$1.pid"
  interface: 127.0.0.1@$2
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  use-syslog: no
  do-ip6: no
  module-config: "iterator"
  do-not-query-localhost: no
CONF
}

# resolving PORT: an unbound that has the names from the authority.
resolving() {
  unbound_conf "$@"
  cat <<CONF
stub-zone:
  name: "kettle.example"
  stub-addr: 127.0.0.1@$authority_port
remote-control:
  control-enable: no
CONF
}

# snippet RESOLVER N: the Nth configuration that docs/feeding-dns.md gives for a
# resolver, for the sockets of this test.
snippet() {
  awk -v heading="### $1" -v wanted="$2" '
    /^##/ { here = $0 == heading }
    here && /^```[a-z]*$/ { inside = !inside; number += inside; next }
    here && inside && number == wanted' docs/feeding-dns.md |
    sed -e "s|/run/hayrake|$work/site|" -e "s|192.0.2.10@6000|127.0.0.1@$feed_port|"
}

# start NAME COMMAND...: runs a component until the script ends.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
}

# soon WHAT COMMAND...: waits until a command succeeds.
soon() {
  local what=$1 tries=0
  shift
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then
      echo "did not come about: $what"
      tail -n 20 "$work"/*.log "$work/site/log"
      return 1
    fi
    sleep 0.2
  done
}

# answers NAME PORT: whether a server has the address of a name.
answers() {
  dig +short +time=1 +tries=1 -p "$2" @127.0.0.1 "$1.kettle.example" A | grep -qx "${address[$1]}"
}

# of_feed METRIC FEED [MORE]: a metric of one feed.
of_feed() {
  curl -sf "http://$http/metrics" |
    awk -v start="hayrake_dns_feed_$1{feed=\"$2\"" -v more="${3:-}" \
      'index($1, start) == 1 && index($1, more) { sum += $2 } END { print sum + 0 }'
}

connected() { [ "$(of_feed connections "$1")" -ge 1 ]; }
told() { [ "$(of_feed answers_total "$1" taken)" -ge 1 ]; }
flows() { [ "$(metric hayrake_flows_total)" = "$1" ]; }
listed() { curl -sf "http://$http/api/v1/hitlist" | jq -e ".endpoints >= $1" >/dev/null; }

# flow LINE ADDRESS: a router that samples nothing saw LINE talk to ADDRESS on
# port 443 just now, and says so in one NetFlow v5 datagram.
flow() {
  python3 - "$udp" "$1" "$2" <<'PY'
import socket, struct, sys, time
host, port = sys.argv[1].split(":")
now = time.time()
header = struct.pack("!HHIIIIBBH", 5, 1, 60_000, int(now), int(now % 1 * 1e9), 0, 0, 0, 0x4001)
record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", *map(socket.inet_aton, [sys.argv[2], sys.argv[3], "0.0.0.0"]),
                     1, 2, 12, 2400, 58_000, 59_900, 50_000, 443, 0, 0x18, 6, 0, 0, 0, 32, 24, 0)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(header + record, (host, int(port)))
PY
}

{
  unbound_conf authority "$authority_port"
  echo '  local-zone: "kettle.example" static'
  for name in "${resolvers[@]}"; do
    case $name in
      unix | tcp) printf '  local-data: "%s.kettle.example 60 CNAME vm-%s.kettle.example"\n  local-data: "vm-%s.kettle.example 60 A %s"\n' "$name" "$name" "$name" "${address[$name]}" ;;
      *) printf '  local-data: "%s.kettle.example 60 A %s"\n' "$name" "${address[$name]}" ;;
    esac
  done
  printf 'remote-control:\n  control-enable: no\n'
} >"$work/authority.conf"
{ resolving unix "$unix_port"; snippet unbound 1; } >"$work/unix.conf"
{ resolving tcp "$tcp_port"; snippet unbound 1 | grep -v dnstap-socket-path; snippet unbound 2; } >"$work/tcp.conf"
{
  cat <<CONF
net.listen('127.0.0.1', $kresd_port, { kind = 'dns' })
cache.size = 10 * MB
trust_anchors.remove('.')
policy.add(policy.suffix(policy.STUB({'127.0.0.1@$authority_port'}), {todname('kettle.example')}))
CONF
  snippet knot-resolver 1
} >"$work/kresd.conf"
mkdir -p "$work/kresd.d" "$work/named.d"
{
  cat <<CONF
options {
  directory "$work/named.d";
  pid-file none;
  session-keyfile none;
  listen-on port $named_port { 127.0.0.1; };
  listen-on-v6 { none; };
  dnssec-validation no;
CONF
  snippet bind 1 | sed 's/resolver response;/resolver response; forwarder response;/; s/dnstap.sock/named.sock/'
  cat <<CONF
};
controls { };
zone "kettle.example" { type forward; forward only; forwarders { 127.0.0.1 port $authority_port; }; };
CONF
} >"$work/named.conf"

start_hayrake "$work/site"
start authority unbound -d -c "$work/authority.conf"
start unix unbound -d -c "$work/unix.conf"
start tcp unbound -d -c "$work/tcp.conf"
for name in "${seconds[@]}"; do
  case $name in
    kresd) start kresd kresd -n -c "$work/kresd.conf" "$work/kresd.d" ;;
    named) start named named -g -c "$work/named.conf" ;;
  esac
done
declare -A feed=(
  [unix]=unix:$work/site/dnstap.sock
  [tcp]=tcp:127.0.0.1:$feed_port
  [kresd]=unix:$work/site/kresd.sock
  [named]=unix:$work/site/named.sock
)

line=0
for name in "${resolvers[@]}"; do
  line=$((line + 1))
  soon "$name connects" connected "${feed[$name]}"
  soon "$name answers" answers "$name" "${port[$name]}"
  soon "$name has told it" told "${feed[$name]}"
  soon "the hitlist follows" listed "$line"
  flow "198.51.100.$line" "${address[$name]}"
done
# Somebody asks for what no signature names, and a line goes there.
flow 198.51.100.99 203.0.113.99
soon "all flows are in" flows $((line + 1))
[ "$(metric hayrake_dns_feed_silent)" = 0 ] || { echo "a feed is called silent"; exit 1; }
curl -sf "http://$http/readyz" | jq -e '.ready and (.warnings == [])' >/dev/null || { echo "not ready without warnings"; exit 1; }
stop_hayrake
[ ! -e "$work/site/dnstap.sock" ] || { echo "the socket was left behind"; exit 1; }

got=$(jq -r 'select(.window == "24h" and .class == "test-kettle") | .groups[]' "$work/site/detections.jsonl" | sort)
wanted=$(printf '%s.kettle.example\n' "${resolvers[@]}" | sort)
lines=$(jq -r .line "$work/site/detections.jsonl" | sort -u | wc -l)
printf 'told by: %s\n' "${resolvers[*]}"
[ "$got" = "$wanted" ] || { printf 'detected: %s\nwanted: %s\n' "$got" "$wanted"; cat "$work/site/log"; exit 1; }
[ "$lines" = "$line" ] || { echo "on $lines lines, wanted: $line"; exit 1; }

# A service that is started again is found by all of them. Some see that their
# connection has gone only when they have something to tell.
start_hayrake "$work/site"
again() {
  dig +short +time=1 +tries=1 -p "${port[$1]}" @127.0.0.1 "x$RANDOM.kettle.example" A >/dev/null
  connected "${feed[$1]}"
}
for name in "${resolvers[@]}"; do soon "$name connects again" again "$name"; done
stop_hayrake
echo "all connected again after a restart"
