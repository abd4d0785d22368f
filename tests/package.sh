#!/bin/sh
# Makes the package, asks lintian and piuparts, and installs, upgrades, removes and purges it in a fresh Debian 12, where it has a PBX for
# an upgrade in the midst of a run and for the service manager's order to end (tests/it/package.rs).
#
#   tests/package.sh [PROFILE]    cargo's profile of the program: `dev`, which other steps build as well, unless given
#   DEB=FILE tests/package.sh     a package that is made already
#
# The root is the one of tests/fresh.sh with systemd in it (once, kept in ${XDG_CACHE_HOME:-~/.cache}/aftertone/package-base); each
# run boots a copy of its own with systemd-nspawn, which is removed at the end. Needs root, or sudo without a password.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
TOP=$(dirname "$HERE")
PROFILE=${1:-dev}
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone"
FRESH="$CACHE/fresh-base"
BASE="$CACHE/package-base"
WORK="$CACHE/package-root"
# A change of what is in the base makes a new one.
STAMP=1
NUMBER=+12025550101

main() {
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "this needs root (chroot); run as root or allow passwordless sudo"
        sudo='sudo -n'
    fi
    cd "$TOP"
    "$HERE/setup.sh" build package
    mkdir -p "$CACHE"
    exec 9>"$CACHE/package.lock"
    flock 9
    child=
    # The network is this machine's, and others are on it.
    port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
    proxy=$("$HERE/lab/root.sh" --proxy)
    trap tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    deb=${DEB:-$TOP/$(tools/deb.sh "$PROFILE")}
    cargo test --locked --quiet --test it --no-run
    say "made $(basename "$deb"), $(($(stat -c %s "$deb") / 1000)) kB"
    unit
    lint
    make_base
    leftovers
    remove "$WORK"
    $sudo cp -a "$BASE" "$WORK"
    $sudo mkdir -p "$WORK/packages"
    $sudo cp "$deb" "$WORK/packages/new.deb"
    older "$deb"
    boot
    installs
    serves
    upgrades
    ends
    removes_and_purges
    say "passed"
}

# What the unit leaves open to a service that was taken over: 0 nothing, 10 all.
unit() {
    systemd-analyze security --offline=yes --threshold=20 ops/debian/aftertone.service >"$CACHE/package-unit.log" 2>&1 || {
        grep -E '^✗|Overall' "$CACHE/package-unit.log" >&2
        die "the unit is open to more than 2.0"
    }
    say "the unit is open to $(sed -n 's|.*aftertone.service: \([0-9.]*\).*|\1|p' "$CACHE/package-unit.log") of 10"
}

# What it is told to leave alone is in ops/debian/lintian-overrides, with the reasons.
lint() {
    LC_ALL=C.UTF-8 lintian --allow-root --fail-on error,warning "$deb" >&2 || die "lintian has found something"
    say "lintian has found nothing"
}

# Whether anything stays behind when it is purged, and each file was its own. In the archive there is none to upgrade from.
leftovers() {
    $sudo env http_proxy="$proxy" PATH="$PATH:/usr/sbin:/sbin" piuparts --existing-chroot "$BASE" --distribution bookworm \
        --mirror "$("$HERE/lab/root.sh" --mirror) main" --no-eatmydata --no-upgrade-test "$deb" \
        </dev/null >"$CACHE/package-piuparts.log" 2>&1 9>&- || {
        grep -A 20 -E 'ERROR|FAIL' "$CACHE/package-piuparts.log" | head -n 40 >&2
        die "piuparts has found something; the whole log is $CACHE/package-piuparts.log"
    }
    say "piuparts has found nothing"
}

make_base() {
    [ "$(cat "$BASE/.aftertone-base" 2>/dev/null)" != $STAMP ] || return 0
    "$HERE/fresh.sh" base
    say "adding systemd to a copy of the fresh root (once)"
    remove "$BASE"
    remove "$BASE.build"
    $sudo cp -a "$FRESH" "$BASE.build"
    for file in /etc/resolv.conf /etc/hosts; do
        [ ! -e "$file" ] || $sudo cp -L "$file" "$BASE.build$file"
    done
    # shellcheck disable=SC2016  # expanded by the inner shell
    $sudo unshare --mount --pid --fork --kill-child sh -euc '
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        exec chroot "$1" /usr/bin/env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive http_proxy="$2" \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            sh -euc "apt-get -q update; apt-get -q -y --no-install-recommends install systemd init-system-helpers man-db"
    ' base "$BASE.build" "$proxy" >"$CACHE/package-base.log" 2>&1 || {
        tail -n 20 "$CACHE/package-base.log" >&2
        die "systemd could not be added"
    }
    echo $STAMP | $sudo tee "$BASE.build/.aftertone-base" >/dev/null
    $sudo mv "$BASE.build" "$BASE"
}

# The same program as a package of an earlier version, whose configuration was another.
older() {
    rm -rf "$CACHE/package-older"
    dpkg-deb -R "$1" "$CACHE/package-older"
    sed -i 's/^Version: .*/Version: 0.0.9-1/' "$CACHE/package-older/DEBIAN/control"
    echo '# As it was before.' >>"$CACHE/package-older/etc/aftertone/aftertone.toml"
    (cd "$CACHE/package-older" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Znone -b "$CACHE/package-older" "$CACHE/older.deb" >/dev/null
    $sudo mv "$CACHE/older.deb" "$WORK/packages/older.deb"
    rm -rf "$CACHE/package-older"
}

# The network is this machine's: apt's mirror may be reached by no other.
boot() {
    $sudo systemd-nspawn --quiet --directory "$WORK" --register=no --keep-unit --boot --link-journal=no \
        </dev/null >"$CACHE/package-boot.log" 2>&1 9>&- &
    child=$!
    began=$(date +%s)
    until leader=$(pgrep -P "$child" -x systemd || pgrep -P "$(pgrep -P "$child" -x systemd-nspawn || echo 0)" -x systemd) &&
        inside systemctl is-system-running 2>/dev/null | grep -qxE 'running|degraded'; do
        kill -0 "$child" 2>/dev/null && [ $(($(date +%s) - began)) -lt 60 ] || {
            tail -n 20 "$CACHE/package-boot.log" >&2
            die "the fresh machine does not come up"
        }
        sleep 0.2
    done
    say "a fresh Debian is up"
}

installs() {
    say "installing the earlier version, first without what it needs"
    all_files >"$CACHE/package-before"
    inside dpkg --install /packages/older.deb >"$CACHE/package-apt.log" 2>&1 && die "it is installed without what it needs"
    inside dpkg --status aftertone | grep -q '^Status: .* unpacked$' || die "without what it needs it is configured"
    inside test ! -e /etc/systemd/system/multi-user.target.wants/aftertone.service || die "without what it needs it is enabled"
    apt --fix-broken install
    inside dpkg --status aftertone | grep -q '^Status: .* installed$' || die "with what it needs it is not configured"
    is /etc/aftertone 750:root:aftertone
    is /etc/aftertone/aftertone.toml 640:root:aftertone
    is /var/lib/asterisk/sounds/aftertone 755:aftertone:aftertone
    inside systemctl is-enabled aftertone.service | grep -qx enabled || die "the unit is not enabled"
    state inactive "without a configuration"
    inside sh -euc '
        aftertone --version
        man -w aftertone-campaign-run >/dev/null
        test -x /usr/share/aftertone/asterisk-conf/install.sh
        test -s /usr/share/aftertone/grafana/aftertone.json
        test -s /usr/share/aftertone/prometheus/aftertone.rules.yml
        test -s /usr/share/bash-completion/completions/aftertone
        systemd-analyze verify /lib/systemd/system/aftertone.service
    ' >/dev/null || die "something of the package is missing"
}

# With a configuration it starts; a reload of one that is wrong changes nothing and names the key.
serves() {
    say "configuring, starting, reloading"
    configure 'requests_per_second = 40'
    inside systemctl start aftertone.service || unit_failed "start"
    state active "with a configuration"
    is /var/lib/aftertone 700:aftertone:aftertone
    is /var/lib/aftertone/aftertone.db 600:aftertone:aftertone
    as_service aftertone dnc add $NUMBER >/dev/null
    as_service aftertone healthcheck || die "the service is not ready"
    configure 'requests_per_second = 0'
    inside systemctl reload aftertone.service || unit_failed "reload"
    until inside journalctl -q -u aftertone -o cat | grep -q 'serve.requests_per_second'; do soon "the key is not named"; done
    state active "after a reload that is wrong"
    as_service aftertone healthcheck 2>/dev/null && die "healthcheck takes a configuration that is wrong"
    configure 'requests_per_second = 41'
    inside systemctl reload aftertone.service || unit_failed "reload"
    as_service aftertone healthcheck || die "the service is not ready after a reload"
}

# In the midst of a run. What was changed in the configuration stays, and so does the state.
upgrades() {
    say "upgrading in the midst of a run"
    on_machine an_upgrade_by_package_in_the_midst_of_a_run_rings_nobody_twice
    state active "after the upgrade"
    inside journalctl -q -u aftertone -o cat | grep -qi 'failed\|killed' && die "the service did not end in an orderly way"
    inside grep -q 'requests_per_second = 41' /etc/aftertone/aftertone.toml || die "the upgrade has changed the configuration"
    is /etc/aftertone/aftertone.toml 640:root:aftertone
    known || die "the upgrade has lost the database"
}

ends() {
    say "stopping with 50 drops in flight"
    on_machine the_service_manager_s_order_lets_fifty_drops_end
}

# on_machine TEST: of tests/it/package.rs.
on_machine() {
    AFTERTONE_INSIDE="$sudo nsenter --target $leader --mount --uts --ipc --pid --root --wd env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        http_proxy=$proxy PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        cargo test --locked --quiet --test it -- --ignored --exact "package::$1" >"$CACHE/package-test.log" 2>&1 9>&- || {
        tail -n 40 "$CACHE/package-test.log" >&2
        inside journalctl -q --no-pager -u aftertone -n 40 >&2 || true
        die "$1"
    }
    grep -q '^test result: ok. 1 passed' "$CACHE/package-test.log" || die "there is no test $1"
}

# What is there, but for what is running and what packages' own tools keep; of which user and mode.
all_files() {
    inside find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /packages -o -path /var/log \
        -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd/timers \) -prune \
        -o -printf '%p %M %U:%G\n' | sort
}

removes_and_purges() {
    say "removing, installing again, purging"
    apt remove aftertone
    inside test ! -e /usr/bin/aftertone || die "the program is still there"
    state inactive "after removing"
    inside test -e /etc/aftertone/aftertone.toml -a -e /var/lib/aftertone/aftertone.db ||
        die "removing has removed what only purging does"
    apt install /packages/new.deb
    state active "after installing again"
    known || die "installing again has lost the database"
    apt purge aftertone
    left=$(inside sh -c 'find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /packages -o -path /run -o -path /tmp \) -prune -o \
        \( -name "*aftertone*" -o -user aftertone \) -print' | grep -v -e '^/\.aftertone-base$' -e '^/var/cache/man' -e '^/var/log' || true)
    [ -z "$left" ] || die "purging has left: $left"
    inside test ! -e /var/lib/asterisk || die "purging has left the folder of messages"
    inside systemctl list-units --all --no-legend 'aftertone*' | grep -q . && die "purging has left the unit"
    # All is as before but for what packages that it needs have brought. The user stays on purpose (postrm), so its files have changed.
    all_files >"$CACHE/package-after"
    diff "$CACHE/package-before" "$CACHE/package-after" | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u >"$CACHE/package-differs"
    left=$(inside sh -c 'cat /var/lib/dpkg/info/*.list' | sed 's,^/\(bin\|sbin\|lib\|lib64\)/,/usr&,' | sort -u |
        comm -13 - "$CACHE/package-differs" |
        grep -vxE '/etc/(passwd|group|shadow|gshadow)-?|/etc/\.pwd\.lock|/etc/ld\.so\.cache|/etc/rc.\.d/...procps' || true)
    [ -z "$left" ] || die "after purging these are not as before: $left"
    inside getent passwd aftertone >/dev/null || die "the user is gone, and another may be given its files"
}

# configure LINE: of [serve]; nobody may read it meanwhile.
configure() {
    inside sh -euc 'printf "[serve]\nlisten = \"127.0.0.1:%s\"\n%s\n" "$1" "$2" >/etc/aftertone/aftertone.toml' configure "$port" "$1"
}

# 1: the number is on a list.
known() {
    as_service aftertone dnc check $NUMBER >/dev/null
    [ $? = 1 ]
}

as_service() { inside setpriv --reuid aftertone --regid aftertone --init-groups env HOME=/var/lib/aftertone "$@"; }

# state WANTED WHEN
state() {
    found=$(inside systemctl is-active aftertone.service || true)
    [ "$found" = "$1" ] || unit_failed "$2: $found instead of $1"
}

unit_failed() {
    inside systemctl status --no-pager -l aftertone.service >&2 || true
    inside journalctl -q --no-pager -u aftertone -n 20 >&2 || true
    die "the service: $1"
}

soon() {
    [ $(($(date +%s) - began)) -lt 600 ] || die "$1"
    sleep 0.1
}

apt() {
    inside env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@" </dev/null >"$CACHE/package-apt.log" 2>&1 || {
        tail -n 20 "$CACHE/package-apt.log" >&2
        die "apt-get $1 failed; the end of its log is above"
    }
}

# is PATH MODE:USER:GROUP
is() {
    found=$(inside stat -c %a:%U:%G "$1") || die "there is no $1"
    [ "$found" = "$2" ] || die "$1 is $found instead of $2"
}

# inside COMMAND..: on the fresh machine, as its root.
inside() {
    $sudo nsenter --target "$leader" --mount --uts --ipc --pid --root --wd env -i HOME=/root LANG=C.UTF-8 TERM=dumb http_proxy="$proxy" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" 9>&-
}

# --one-file-system: should a mount ever be in there, it is not emptied.
remove() { $sudo rm -rf --one-file-system "$1"; }

tidy() {
    status=$?
    trap - EXIT INT TERM
    [ "$status" = 0 ] || say "failed"
    if [ -n "$child" ]; then
        # SIGRTMIN+4 is its power switch; nspawn passes SIGTERM on as that.
        $sudo kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    remove "$WORK" || say "$WORK could not be removed"
    exit "$status"
}

say() { echo "package: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main
