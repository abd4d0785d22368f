#!/bin/sh
# Makes sure that the engine holds the base image of the Dockerfile, and prints its name.
#
#   tests/lab/base-image.sh             debian:forky-slim: kept if there, else pulled, else made from packages
#   tests/lab/base-image.sh --made TAG  made from packages in any case, under a name of its own
#
# Made from packages means: the native lab's own Debian root (root.sh builds it if it is missing), imported. Asterisk
# is in it already, so the image build does not download it a second time.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
OFFICIAL=debian:forky-slim

main() {
    case "${1:-}" in
    "")
        if ! docker image inspect "$OFFICIAL" >/dev/null 2>&1 && ! docker pull "$OFFICIAL" >&2; then
            say "no registry has $OFFICIAL; making it from packages"
            import "$OFFICIAL"
        fi
        echo "$OFFICIAL"
        ;;
    --made)
        [ -n "${2:-}" ] || die "--made needs the name that the image shall have"
        import "$2"
        echo "$2"
        ;;
    *) die "unknown argument $1; usage: base-image.sh [--made TAG]" ;;
    esac
}

# Imports the lab's root unless that very root has been imported before: a new import is a new image, and would cost
# every layer built on the old one.
import() {
    root=$("$HERE/root.sh")
    made=$(stat -c %i-%Y "$root/.aftertone-root")
    if [ "$(docker image inspect -f '{{.Comment}}' "$1" 2>/dev/null)" = "$made" ]; then
        return
    fi
    say "importing $root as $1"
    extra=$(mktemp -d)
    trap 'rm -rf "$extra"' EXIT
    # The mirror can be frozen at a past day, its Release file expired: root.sh allows for that; apt in a container needs an option.
    mkdir -p "$extra/etc/apt/apt.conf.d"
    echo 'Acquire::Check-Valid-Until "false";' >"$extra/etc/apt/apt.conf.d/90aftertone-frozen-mirror"
    tar --one-file-system --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' --exclude='./lab/*' \
        -c -C "$root" . -C "$extra" ./etc/apt/apt.conf.d/90aftertone-frozen-mirror |
        docker import --message "$made" - "$1" >/dev/null
}

say() { echo "base-image: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
