#!/usr/bin/env bash
# The Debian package: made, and installed, upgraded, removed and purged in a Debian
# of its own. Afterwards nothing of it is left but the user and the state.
source "$(dirname "$0")/lib.sh"
need dpkg-deb dpkg-shlibdeps jq strip mmdebstrap chroot gzip
[ "$(id -u)" -eq 0 ] || { echo "skipped: chroot needs root"; exit 77; }

package=$(deploy/build-deb "$work/package")
echo "$(basename "$package"): $(du -h "$package" | cut -f1)"
if command -v lintian >/dev/null; then
  # Warnings are opinions; errors are mistakes.
  lintian --allow-root --fail-on error "$package" | grep '^E:' && exit 1
fi

# The release that this program was linked on.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$work/root
if ! mmdebstrap --quiet --variant=minbase --include=systemd-standalone-sysusers "$suite" "$root" 2>"$work/said"; then
  echo "skipped: no Debian could be made: $(tail -1 "$work/said")"
  exit 77
fi
cp "$package" "$root/root/hayrake.deb"
inside() { chroot "$root" "$@"; }
# Files, and which package each belongs to does not matter.
files() { (cd "$root" && find . -xdev \( -path ./proc -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./root \) -prune -o -print | sort); }
files >"$work/before"

inside dpkg --install /root/hayrake.deb >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
inside hayrake --version
inside hayrake check -c /etc/hayrake/hayrake.yaml
inside hayrake signature check --dir /usr/share/hayrake/signatures >"$work/said" || [ $? -eq 1 ]
inside getent passwd hayrake | grep -q ':/var/lib/hayrake:/usr/sbin/nologin$' || { echo "no user hayrake"; exit 1; }
# Everything that the program knows is documented and completed.
for command in run replay signature-check hitlist-explain; do
  gzip -t "$root/usr/share/man/man1/hayrake-$command.1.gz"
done
for file in bash-completion/completions/hayrake fish/vendor_completions.d/hayrake.fish zsh/vendor-completions/_hayrake; do
  grep -q explain "$root/usr/share/$file" || { echo "$file: incomplete"; exit 1; }
done
inside bash -c '. /usr/share/bash-completion/completions/hayrake && complete -p hayrake' >/dev/null

# An operator's configuration and what the service wrote outlive an upgrade.
echo "# mine" >>"$root/etc/hayrake/hayrake.yaml"
inside install -d -o hayrake -g hayrake -m 0700 /var/lib/hayrake
inside install -o hayrake -m 0600 /dev/null /var/lib/hayrake/line.key
inside dpkg --install /root/hayrake.deb >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
grep -q '^# mine$' "$root/etc/hayrake/hayrake.yaml" || { echo "an upgrade took the configuration"; exit 1; }

inside dpkg --remove hayrake >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
[ -e "$root/etc/hayrake/hayrake.yaml" ] || { echo "remove took the configuration"; exit 1; }
inside dpkg --purge hayrake >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
files >"$work/after"
left=$(comm -13 "$work/before" "$work/after" | grep -vE '^\./etc/(passwd|group|shadow|gshadow)-$' | paste -sd' ')
[ "$left" = "./var/lib/hayrake ./var/lib/hayrake/line.key" ] || { echo "after purge there is: $left"; exit 1; }
echo "installed, upgraded, removed and purged; left is: $left"
