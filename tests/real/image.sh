#!/usr/bin/env bash
# The container image without a container engine: what the Dockerfile's build sees
# is laid out and compiles, its program is linked as it says, and the image's content
# runs as a root folder of its own, as the image's user, which may write to nothing
# but its own folders.
source "$(dirname "$0")/lib.sh"
need git cargo strip chroot curl
[ "$(id -u)" -eq 0 ] || { echo "skipped: chroot needs root"; exit 77; }
target=$(realpath "${CARGO_TARGET_DIR:-target}")

# The build context: everything but what .dockerignore names.
context=$work/src
mkdir -p "$context"
grep -v '^#' .dockerignore | sed '/^$/d; s|^|./|' >"$work/ignored"
git ls-files -z | sed -z 's|^|./|' >"$work/files"
while IFS= read -r folder; do
  sed -z -i "\\|^$folder/|d; \\|^$folder\$|d" "$work/files"
done <"$work/ignored"
tar -c --null -T "$work/files" | tar -x -C "$context"
# What is part of the program must be in the context: it has to compile there.
(cd "$context" && CARGO_TARGET_DIR=$target cargo check --locked --offline --quiet --bin hayrake)
echo "the build context compiles: $(find "$context" -type f | wc -l) files"

# The command of the Dockerfile; what else it says stands around this one.
link=$(sed -n 's/^ *\(cargo rustc .*\) \\$/\1/p' Dockerfile)
[ -n "$link" ] || { echo "Dockerfile: no line with cargo rustc"; exit 1; }
$link 2>"$work/linked" || { cat "$work/linked"; exit 1; }
cp "$target/release/hayrake" "$work/program"
# The other scripts use the usual one.
cargo build --release --locked --quiet
if ldd "$work/program" 2>&1 | grep -v 'statically linked\|not a dynamic executable'; then
  echo "the program is not static"
  exit 1
fi

(cd "$context" && deploy/image-root "$work/program" "$work/image")
root=$work/root
mkdir "$root"
cp -a "$work/image/root/." "$root"
cp -R --preserve=mode "$work/image/own/." "$root"
# Every container engine gives these; a static program reads its random bytes there.
mkdir -p "$root/dev"
mknod -m 666 "$root/dev/random" c 1 8 && mknod -m 666 "$root/dev/urandom" c 1 9 ||
  { echo "skipped: this machine lets nobody make devices"; exit 77; }
user=$(sed -n 's/^USER //p' Dockerfile)
(cd "$work/image/own" && find . -mindepth 1 -print0) | (cd "$root" && xargs -0 chown "$user")
inside() { chroot --userspec="$user" "$root" "$@"; }

inside /usr/bin/hayrake --version
if inside /usr/bin/hayrake man --out /etc/hayrake 2>"$work/said"; then
  echo "the image's user may write to /etc/hayrake"
  exit 1
fi
# Nobody serves yet: that is what the health check must say.
health=$(sed -n 's/.*HEALTHCHECK .*CMD \(\[.*\]\)$/\1/p' Dockerfile | tr -d '[],"')
[ -n "$health" ] || { echo "Dockerfile: no HEALTHCHECK"; exit 1; }
# shellcheck disable=SC2086
if inside $health --http 127.0.0.1:1; then
  echo "healthy, though nothing runs"
  exit 1
fi

# The service as in a container: its configuration is mounted, its state its own.
sed "s|^listen:.*|listen: ['127.0.0.1:0']|; s|^http:.*|http: 127.0.0.1:0|" deploy/debian/hayrake.yaml >"$root/etc/hayrake/hayrake.yaml"
# Not by the function, so that the process number is the service's own.
chroot --userspec="$user" "$root" /usr/bin/hayrake run -c /etc/hayrake/hayrake.yaml \
  >"$work/out" 2>"$work/log" &
service=$!
pids+=("$service")
healthy=
for _ in $(seq 100); do
  http=$(sed -nE 's/.* ready udp=.* http="?([^" ]+)"?.*/\1/p' "$work/log")
  # shellcheck disable=SC2086
  [ -n "$http" ] && healthy=$(inside $health --http "$http") && break
  sleep 0.2
done
[ "${healthy%%$'\n'*}" = ready ] || { echo "not healthy: $healthy"; cat "$work/log"; exit 1; }
kill -TERM "$service"
wait "$service"
[ "$(stat -c %a "$root/var/lib/hayrake/line.key")" = 600 ] || { echo "no line key in the state folder"; exit 1; }
echo "the image runs in $(du -sh --apparent-size "$work/image/root" | cut -f1), healthy: $healthy"
