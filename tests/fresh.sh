#!/bin/sh
# Runs the README's two commands on a machine without anything installed: `make test SHORT=servers` and `make demo`, in a fresh
# Debian 12 that has Rust and make.
#
#   tests/fresh.sh         the two commands
#   tests/fresh.sh base    only makes sure that the root is there that each run has a copy of
#   FRESH_WHOLE=1          builds every crate there
#
# The root is Debian bookworm as debootstrap makes it (once, kept in ${XDG_CACHE_HOME:-~/.cache}/aftertone/fresh-base) from the
# mirror that this machine's own apt uses; each run gets a copy of its own, which is removed at the end. The checkout and cargo's
# registry are copied, the Rust toolchain is mounted read-only, and cargo stays offline. What this checkout has built of crates of others
# that are Rust alone is there, below what is built in the root: a crate with parts in C, and all that depends on one, is built with what
# the commands have installed. Mounts and processes are in namespaces
# of their own, so that nothing is left of either, however the run ends. Needs root, or sudo without a password.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
TOP=$(dirname "$HERE")
SUITE=bookworm
# What a user needs to type the two commands; the rest they install by themselves.
PACKAGES=make,ca-certificates
# A change of suite or packages makes a new base.
STAMP=1

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone"
BASE="$CACHE/fresh-base"
TARGET=$(readlink -f "${CARGO_TARGET_DIR:-$TOP/target}")
WORK="$CACHE/fresh-root"

main() {
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "this needs root (chroot); run as root or allow passwordless sudo"
        sudo='sudo -n'
    fi
    mkdir -p "$CACHE"
    exec 9>"$CACHE/fresh.lock"
    flock -n 9 || say "another run is under way; waiting for it"
    flock 9

    toolchain=$(rustc --print sysroot)
    [ -x "$toolchain/bin/cargo" ] && [ "$toolchain" != /usr ] ||
        die "no Rust toolchain with a folder of its own: rustc --print sysroot says $toolchain"
    # What the copy is to hold.
    (cd "$TOP" && cargo fetch --locked --quiet)

    make_base
    [ "${1:-}" != base ] || exit 0
    child=
    trap tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    remove "$WORK"
    say "copying the fresh root, the checkout and cargo's registry"
    $sudo cp -a "$BASE" "$WORK"
    fill

    say "make test SHORT=servers"
    inside make test SHORT=servers
    say "make demo"
    inside env DEMO_KEEP=0 make demo
    say "passed: both commands install what they need"
}

make_base() {
    [ "$(cat "$BASE/.aftertone-base" 2>/dev/null)" != $STAMP ] || return 0
    "$HERE/setup.sh" root
    mirror=$("$HERE/lab/root.sh" --mirror)
    say "making a Debian $SUITE root in $BASE (once) from $mirror"
    remove "$BASE"
    remove "$BASE.build"
    # shellcheck disable=SC2086  # nothing, or sudo and its option
    $sudo env http_proxy="$("$HERE/lab/root.sh" --proxy)" PATH="$PATH:/usr/sbin:/sbin" \
        debootstrap --variant=minbase --include=$PACKAGES "$SUITE" "$BASE.build" "$mirror" >"$CACHE/fresh-base.log" 2>&1 || {
        tail -n 20 "$CACHE/fresh-base.log" >&2
        die "debootstrap failed; the whole log is $CACHE/fresh-base.log"
    }
    echo $STAMP | $sudo tee "$BASE.build/.aftertone-base" >/dev/null
    $sudo mv "$BASE.build" "$BASE"
}

# Names are resolved as on this machine; the checkout as it is now, with what is not committed yet.
fill() {
    for file in /etc/resolv.conf /etc/hosts; do
        [ ! -e "$file" ] || $sudo cp -L "$file" "$WORK$file"
    done
    mkdir -p "$CACHE/ports"
    $sudo mkdir -p "$WORK/opt/rust" "$WORK/root/.cargo/registry" "$WORK/root/.cache/aftertone/ports" "$WORK/root/aftertone"
    # shellcheck disable=SC2046  # words without spaces
    tar -C "${CARGO_HOME:-$HOME/.cargo}/registry" -cf - index cache |
        $sudo tar -C "$WORK/root/.cargo/registry" --no-same-owner -xf -
    for file in config config.toml; do
        [ ! -e "${CARGO_HOME:-$HOME/.cargo}/$file" ] || $sudo cp "${CARGO_HOME:-$HOME/.cargo}/$file" "$WORK/root/.cargo/$file"
    done
    $sudo mkdir -p "$WORK/.cargo" "$WORK/target/above" "$WORK/target/work" "$WORK/root/aftertone/target"
    [ -z "${FRESH_WHOLE:-}" ] ||
        printf '[profile.dev.package."*"]\nopt-level = 0\n' | $sudo tee "$WORK/.cargo/config.toml" >/dev/null
    built=
    [ -n "${FRESH_WHOLE:-}" ] || [ ! -d "$TARGET/debug/deps" ] || built=$TARGET
    in_c=$(cd "$TOP" && cargo tree --locked --offline --workspace --edges normal,build,dev --invert cc --depth 1 --prefix none \
        --format '{p}' | sed -n '2,$s/ v.*//p')
    files |
        tar -C "$TOP" --null --no-recursion -T - -cf - |
        $sudo tar -C "$WORK/root/aftertone" --no-same-owner -xf -
}

# The files of the checkout, each ended by a NUL.
files() {
    cd "$TOP"
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard |
            xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh
    else
        find . -path ./target -prune -o -type f -print0
    fi
}

# inside COMMAND..: in the fresh root, as its root, with nothing of this machine's environment. The process that runs it is the first
# of a process namespace: all that it leaves ends with it.
inside() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    $sudo unshare --mount --pid --fork --kill-child sh -euc '
        root=$1 toolchain=$2 proxy=$3 ports=$4 built=$5 in_c=$6; shift 6
        # In a root that is no mount of its own no program can change how mounts spread.
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --make-rslave "$root/dev"
        mount --bind "$toolchain" "$root/opt/rust"
        mount -o remount,bind,ro "$root/opt/rust"
        if [ -n "$built" ]; then
            mount -t overlay -o "lowerdir=$built,upperdir=$root/target/above,workdir=$root/target/work" built "$root/root/aftertone/target"
            # Once: what is built here stays for the second command.
            [ -e "$root/target/cut" ] || for crate in $in_c; do
                rm -rf "$root"/root/aftertone/target/debug/build/"$crate"-* "$root"/root/aftertone/target/debug/.fingerprint/"$crate"-*
            done
            : >"$root/target/cut"
        fi
        # The network is shared, and so is who has which ports.
        mount --bind "$ports" "$root/root/.cache/aftertone/ports"
        exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb http_proxy="$proxy" \
            PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            CARGO_NET_OFFLINE=true CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 \
            sh -euc "cd /root/aftertone; exec \"\$@\"" inside "$@"
    ' inside "$WORK" "$toolchain" "$("$HERE/lab/root.sh" --proxy)" "$CACHE/ports" "$built" "$in_c" "$@" </dev/null 9>&- &
    # In the background, so that a signal to this script is heard at once.
    child=$!
    wait "$child"
    child=
}

# --one-file-system: should a mount ever be in there, it is not emptied.
remove() { $sudo rm -rf --one-file-system "$1"; }

tidy() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$child" ]; then
        # `unshare` heeds no other signal, and with it all that it has started ends. Behind sudo it is a child's child.
        # shellcheck disable=SC2046  # one word or none
        $sudo kill -KILL $(pgrep -P "$child") "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    [ "$status" = 0 ] || say "failed"
    remove "$WORK" || say "$WORK could not be removed"
    exit "$status"
}

say() { echo "fresh: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main "$@"
