#!/bin/sh
# Installs what `make test` and `make demo` need of Debian's packages: silent if nothing is missing.
#
#   tests/setup.sh GROUP...
#
#   build   what the Rust compiler links with
#   root    what builds the lab's Asterisk root
#   lab     what the lab needs: its root, and the voices of its subscribers
#   speech  programs that speak, for messages for each person
#   store   a PostgreSQL server and a pooler for the store's tests, which they start and stop themselves
#   published  what installs published programs that judge the API
#   metrics Prometheus, whose rules, queries and lints are asked
#   proxy   nginx, which streams are passed through
#   browser a browser in which pages are tried, and what runs the checker of their HTML
#   clock   what sets the clock of one program alone
#   package what judges the package for Debian
#   release what a release is made with, and tried
#   proxies nginx and Caddy, which the service is put behind
#   words   a recogniser of words, in a Python environment of its own under ~/.cache/aftertone/words
#
# Needs root, or sudo without a password, only if something is missing. Rust is not installed: which one is the user's choice.
set -eu

LOCK=/run/lock/aftertone-setup

main() {
    [ $# -gt 0 ] || usage
    # One after the other: what another run is installing is there when its files are, and works only later.
    if [ -e "$LOCK" ] || true 2>/dev/null >"$LOCK"; then
        exec 9<"$LOCK"
        flock -w 5 9 || {
            say "another run is installing packages; waiting for it"
            flock 9
        }
    fi
    missing=
    for group in "$@"; do
        case $group in
        build)
            command -v cargo >/dev/null || die "there is no cargo on PATH; install Rust, for example from https://rustup.rs"
            want gcc has cc
            want libc6-dev exists /usr/include/stdlib.h
            ;;
        root) want debootstrap has debootstrap ;;
        lab)
            want debootstrap has debootstrap
            want espeak-ng has espeak-ng
            want sox has sox
            want openssl has openssl
            want perl-base has perl
            want procps has pgrep
            ;;
        speech)
            want espeak-ng has espeak-ng
            want flite has flite
            ;;
        store)
            want perl-base has perl
            want postgresql exists /usr/lib/postgresql/*/bin/initdb
            want pgbouncer has pgbouncer
            want procps has pgrep
            ;;
        words)
            want espeak-ng has espeak-ng
            want python3 has python3
            want python3-venv python3 -c 'import ensurepip'
            ;;
        published)
            want python3 has python3
            want python3-venv python3 -c 'import ensurepip'
            want nodejs has node
            want npm has npm
            ;;
        metrics) want prometheus has promtool ;;
        proxy) want nginx exists /usr/sbin/nginx ;;
        browser)
            want chromium has chromium
            want fonts-dejavu-core exists /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
            want openjdk-17-jre-headless has java
            want nodejs has node
            want npm has npm
            ;;
        proxies)
            want nginx-light has nginx
            want caddy has caddy
            want curl has curl
            want openssl has openssl
            want perl-base has perl
            ;;
        package)
            want debootstrap has debootstrap
            want lintian has lintian
            want piuparts has piuparts
            want systemd has systemd-analyze
            want systemd-container has systemd-nspawn
            want procps has pgrep
            ;;
        release)
            want curl has curl
            want git has git
            want musl-tools has musl-gcc
            want python3 has python3
            ;;
        clock) want faketime exists /usr/lib/*/faketime/libfaketimeMT.so.1 ;;
        *) usage ;;
        esac
    done
    [ -z "$missing" ] || install
    case " $* " in
    *" words "*) words ;;
    esac
}

# want PACKAGE CHECK...: notes the package if the check fails.
want() {
    package=$1
    shift
    "$@" || case " $missing " in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
    esac
}

# Debian keeps some of them in folders that only root's PATH has.
has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; }

# A pattern that matches nothing stays as it is, and no such file exists.
exists() { [ -e "$1" ]; }

install() {
    say "installing$missing"
    has apt-get || die "this is not Debian; install what these packages of Debian hold:$missing"
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null ||
            die "not root, and sudo asks for a password; install them: apt-get install$missing"
        sudo='sudo -n'
    fi
    case " $missing " in
    *" postgresql "*) no_service ;;
    esac
    case " $missing " in
    *" pgbouncer "*) no_pooler_service ;;
    esac
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    trap 'exit 130' INT TERM
    # The lists may be old, or not there at all.
    # shellcheck disable=SC2086  # a list of packages
    apt install $missing >"$log" 2>&1 || { apt update && apt install $missing; } >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        die "these could not be installed; the end of apt's log is above; install them: apt-get install$missing"
    }
}

apt() {
    apt_command=$1
    shift
    yes=
    [ "$apt_command" != install ] || yes='-y --no-install-recommends'
    # shellcheck disable=SC2086  # words of their own
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 \
        -o Dpkg::Options::=--force-confold $apt_command $yes "$@" </dev/null 9<&-
}

# The recogniser and its model, of exactly the versions in its requirements.
words() {
    requirements="$(dirname "$0")/../tools/words/requirements.txt"
    place="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/words"
    ! cmp -s "$requirements" "$place/requirements.txt" || return 0
    say "installing the recogniser of words into $place"
    rm -rf "$place"
    mkdir -p "$(dirname "$place")"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    {
        python3 -m venv "$place" &&
            "$place/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes \
                --requirement "$requirements" &&
            cp "$requirements" "$place/requirements.txt"
    } >"$log" 2>&1 9<&- || {
        tail -n 20 "$log" >&2
        die "the recogniser of words could not be installed; the end of pip's log is above"
    }
}

# Debian's package makes a database cluster and starts it as a service, unless this file says otherwise. The tests start
# servers of their own.
no_service() {
    config=/etc/postgresql-common/createcluster.conf
    [ ! -e $config ] || return 0
    $sudo mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" | $sudo tee $config >/dev/null
}

# Debian's package starts a pooler as a service. One that is masked is not started.
no_pooler_service() {
    unit=/etc/systemd/system/pgbouncer.service
    [ -d /run/systemd/system ] && [ ! -e $unit ] || return 0
    $sudo ln -s /dev/null $unit
}

usage() {
    sed -n '2,/^set -eu/{/^set/d;s/^#$//p;s/^# //p;}' "$0" >&2
    exit 2
}

say() { echo "setup: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main "$@"
