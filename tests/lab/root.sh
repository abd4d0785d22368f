#!/bin/sh
# Builds the lab's own Debian root with Asterisk 22 in it, once, and prints its path.
#
#   tests/lab/root.sh          build it if it is not there yet, print its path on stdout
#   tests/lab/root.sh --path   print the path only
#   tests/lab/root.sh --mirror, --proxy    print the Debian archive, the proxy that this machine's apt uses
#
# The root is Debian `forky`, whose asterisk package is 22.x, made by debootstrap from the mirror that this machine's own
# apt uses (or AFTERTONE_DEBIAN_MIRROR). It is built beside its final name and renamed when complete, under a lock, so an
# interrupted build leaves nothing that looks finished and two builders do not collide. Nothing stays mounted in it.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
SUITE=forky
PACKAGES="asterisk asterisk-modules asterisk-config asterisk-core-sounds-en-wav"
# One folder a recipe: a change of suite or packages builds a new root instead of trusting an old one.
STAMP=1

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone"
ROOT="$CACHE/asterisk-root"

main() {
    case ${1:-} in
    --path) echo "$ROOT" && return ;;
    --mirror) debian_mirror && return ;;
    --proxy) apt_proxy && return ;;
    esac
    if ! is_built; then
        mkdir -p "$CACHE"
        exec 8>"$CACHE/asterisk-root.lock"
        flock -n 8 || say "another build of the Asterisk root is under way; waiting for it"
        flock 8
        is_built || build
    fi
    echo "$ROOT"
}

is_built() { [ "$(cat "$ROOT/.aftertone-root" 2>/dev/null)" = "$STAMP" ]; }

build() {
    sudo=$(privilege)
    "$HERE/../setup.sh" root
    mirror=$(debian_mirror)
    work="$CACHE/asterisk-root.build"
    say "building a Debian $SUITE root with Asterisk in $ROOT (once; about a minute, 620 MB) from $mirror"
    # --one-file-system: a foreign mount in there is not emptied.
    $sudo rm -rf --one-file-system "$work" "$ROOT"

    # Debian 12's debootstrap has no script named forky; `sid` is the same script.
    $sudo env http_proxy="$(apt_proxy)" debootstrap --variant=minbase "$SUITE" "$work" "$mirror" \
        /usr/share/debootstrap/scripts/sid >"$CACHE/asterisk-root.log" 2>&1 || build_failed
    # No service may start inside the root while packages are installed.
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$work/usr/sbin/policy-rc.d" >/dev/null
    $sudo chmod 755 "$work/usr/sbin/policy-rc.d"
    # A mirror frozen at a past day has an expired Release file, hence Check-Valid-Until.
    # proc lives in a mount namespace of its own and is gone with it.
    # shellcheck disable=SC2016,SC2046,SC2086  # expanded by the inner shell; lists of words
    $sudo env http_proxy="$(apt_proxy)" unshare -m $(propagation) sh -euc '
        root=$1; shift
        mount -t proc proc "$root/proc"
        export DEBIAN_FRONTEND=noninteractive
        chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update
        chroot "$root" apt-get install -y --no-install-recommends "$@"
        chroot "$root" apt-get clean
    ' build "$work" $PACKAGES >>"$CACHE/asterisk-root.log" 2>&1 || build_failed
    # Each server sees its lab's folder below /lab, mounted in a namespace of its own.
    $sudo mkdir -p "$work/lab"
    $sudo chmod 1777 "$work/lab"
    echo "$STAMP" | $sudo tee "$work/.aftertone-root" >/dev/null
    $sudo mv "$work" "$ROOT"
    say "built $ROOT"
}

build_failed() {
    tail -n 20 "$CACHE/asterisk-root.log" >&2
    die "building the Asterisk root failed; the whole log is $CACHE/asterisk-root.log"
}

# Prints the word that makes a command privileged: nothing for root, `sudo -n` if that needs no password.
privilege() {
    if [ "$(id -u)" = 0 ]; then
        return
    fi
    sudo -n true 2>/dev/null ||
        die "building and running the lab needs root (chroot); run as root or allow passwordless sudo"
    echo "sudo -n"
}

# The Debian archive this machine's apt already uses (not its security archive, not a third party's).
debian_mirror() {
    if [ -n "${AFTERTONE_DEBIAN_MIRROR:-}" ]; then
        echo "$AFTERTONE_DEBIAN_MIRROR"
        return
    fi
    # shellcheck disable=SC2016  # the format is apt's
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        grep -E '/debian/?$' | head -n 1)
    [ -n "$mirror" ] || die "no Debian archive among this machine's apt sources; name one in AFTERTONE_DEBIAN_MIRROR"
    echo "$mirror"
}

# debootstrap and the apt inside the root know nothing of a proxy that this machine's apt is configured to use.
apt_proxy() {
    proxy=${http_proxy:-}
    if [ -z "$proxy" ]; then
        proxy=$(apt-config shell p Acquire::http::Proxy 2>/dev/null | sed -n "s/^p='\(.*\)'$/\1/p")
    fi
    echo "$proxy"
}

# In a plain chroot, whose root is no mount, `unshare` cannot keep new mounts to itself by its default.
propagation() { $sudo unshare -m true 2>/dev/null || echo "--propagation unchanged"; }

say() { echo "lab: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main "$@"
