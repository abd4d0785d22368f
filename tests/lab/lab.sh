#!/bin/sh
# The native lab: two real Asterisk servers on loopback, `pbx` (asterisk-conf/pbx) and `carrier` (asterisk-conf/carrier),
# which plays the phone network and its subscribers.
#
#   tests/lab/lab.sh COMMAND [--name NAME] [--ports BASE]
#
#   up            build the Asterisk root if need be, start both servers, wait until a call can be made
#   down          stop both servers; recordings and logs stay until the next `up` of a lab that is down
#   status        what runs, and where; exit status 0 if all of it does, 1 if not
#   restart-pbx   stop and start the PBX only (stop-pbx, start-pbx: one half of it)
#   logs          print both servers' warnings and errors
#   cli           give one command to a server's console: lab.sh cli [--name NAME] pbx|carrier 'core show channels'
#
# Several labs run side by side, each with a name (default `dev`) and 1,000 ports of its own from BASE on:
#   +0 PBX's ARI, +1 its SIP, +2 carrier's ARI, +3 its SIP, +4..9 for tests, +10..499 and +500..999 their RTP (four ports a call).
# Without --ports a new lab takes the first thousand from 10000 to 31999 that no other lab has and of which no program has one of the
# first ten; RTP passes over a port that is taken. Ports from 32768 up are the system's own for outgoing connections, any of which may
# hold one that a lab needs. The servers hold a lock on their ports for as long as they live (ports/BASE in the folder below).
# Everything of a lab is in ${XDG_CACHE_HOME:-~/.cache}/aftertone/lab/NAME; its lab.json says what is where.
#
# The servers run in a root of their own (tests/lab/root.sh) with this lab's folder as /lab/NAME, in a mount namespace that
# ends with them, so nothing is left mounted. AFTERTONE_LAB_ASTERISK=system uses the machine's own Asterisk instead (18 or later).
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
RENDER="$HERE/../../asterisk-conf/render.sh"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone"
ARI_USER=aftertone
# Each call of a hundred needs some ten files on either server.
OPEN_FILES=16384
# Seconds a server has to start or stop before that counts as failed.
PATIENCE=30
# The thousands of ports that labs choose from.
FIRST_PORTS=10000
LAST_PORTS=31000

main() {
    [ $# -ge 1 ] || usage
    command=$1
    shift
    name=dev
    wanted=
    while [ $# -gt 0 ]; do
        case $1 in
        --name) name=${2:?--name needs a value} && shift 2 ;;
        --ports) wanted=${2:?--ports needs a value} && shift 2 ;;
        *) break ;;
        esac
    done
    case $name in
    *[!a-z0-9_-]* | "") die "a lab's name is made of a-z, 0-9, _ and -; got '$name'" ;;
    esac
    if [ -n "$wanted" ]; then
        case $wanted in
        *[!0-9]*) die "--ports takes a number; got '$wanted'" ;;
        esac
        if [ "$wanted" -lt 1024 ] || [ "$wanted" -gt 64000 ]; then
            die "--ports takes a number from 1024 to 64000; got $wanted"
        fi
    fi

    run="$CACHE/lab/$name"
    # A lab keeps the ports it was made with.
    base=$(cat "$run/ports" 2>/dev/null) || base=
    sudo=$(privilege)
    if [ "${AFTERTONE_LAB_ASTERISK:-}" = system ]; then
        root=/
        inside=$run
    else
        root=$("$HERE/root.sh" --path)
        inside=/lab/$name
        propagation=$(propagation)
    fi

    case $command in
    up) locked up ;;
    down) locked down ;;
    status) status ;;
    restart-pbx) locked restart_pbx ;;
    stop-pbx) locked stop_pbx ;;
    start-pbx) locked start_pbx ;;
    logs) logs ;;
    cli)
        [ $# = 2 ] || usage
        console "$1" "$2"
        ;;
    *) usage ;;
    esac
}

# --- commands ---

up() {
    # What runs is left alone, calls and recordings included; only a lab that is wholly down is made anew.
    if ! alive pbx && ! alive carrier; then
        "$HERE/../setup.sh" lab
        need_asterisk
        take_ports
        prepare
    elif [ -n "$wanted" ] && [ "$wanted" != "$base" ]; then
        die "lab $name runs on ports from $base on; stop it first: tests/lab/lab.sh down --name $name"
    fi
    alive carrier || start carrier
    alive pbx || start pbx
    ready
    write_descriptions
    say "lab $name is up: $run/lab.json"
}

down() {
    stop pbx
    stop carrier
    say "lab $name is down"
}

restart_pbx() {
    stop_pbx
    start_pbx
}

stop_pbx() {
    [ -f "$run/ports" ] || die "there is no lab $name; start it with: tests/lab/lab.sh up --name $name"
    stop pbx
    write_descriptions
}

start_pbx() {
    [ -f "$run/ports" ] || die "there is no lab $name; start it with: tests/lab/lab.sh up --name $name"
    alive pbx || start pbx
    ready
    write_descriptions
}

status() {
    all=0
    for server in pbx carrier; do
        if alive $server; then
            echo "$server: running, pid $(pid_of $server)"
        else
            echo "$server: down"
            all=1
        fi
    done
    echo "folder: $run"
    if [ $all = 0 ]; then
        echo "pbx ARI: http://127.0.0.1:$base, user $ARI_USER, password in $run/ari-password"
        echo "calls: $(wc -l <"$run/calls.log") lines in $run/calls.log, recordings in $run/recordings"
    fi
    return $all
}

logs() {
    for server in pbx carrier; do
        for log in "$run/$server/log/messages.log" "$run/$server/console.log"; do
            [ -s "$log" ] || continue
            echo "== $log"
            cat "$log"
        done
    done
}

# --- one server ---

# Starts a server in the background and waits until it takes calls.
start() {
    server=$1
    mkdir -p "$run/$server/run" "$run/$server/log/cdr-csv" "$run/$server/spool/recording" "$run/$server/db" "$run/$server/keys"
    # Quiet logs, and bounded: one earlier file is kept.
    for log in "$run/$server/log/messages.log" "$run/$server/console.log"; do
        if [ -f "$log" ]; then mv "$log" "$log.1"; fi
    done
    rm -f "$run/$server/run/asterisk.pid" "$run/$server/run/asterisk.ctl"
    (
        # The server inherits neither this script's locks nor its output: a reader of that would wait for its end for ever. It has a
        # lock on the ports of its own.
        exec 5<&- 7<&- 8>&- 9>&- </dev/null >"$run/$server/console.log" 2>&1
        raise_limits
        cd /
        holds_ports=1
        enter setsid asterisk -f -q -C "$inside/$server/etc/asterisk.conf" &
    )
    wait_for "$server to start" started "$server"
    note "$server" "$(cat "$run/$server/run/asterisk.pid")"
    console "$server" "core waitfullybooted" >/dev/null
}

started() { [ -S "$run/$1/run/asterisk.ctl" ] && [ -s "$run/$1/run/asterisk.pid" ] && console "$1" "core show version" >/dev/null 2>&1; }

# Ends a server of ours, and returns when its process is gone.
stop() {
    server=$1
    if alive "$server"; then
        pid=$(pid_of "$server")
        kill -TERM "$pid"
        if ! wait_quietly $PATIENCE gone "$server"; then
            say "$server did not stop within $PATIENCE s; killing it"
            kill -KILL "$pid"
            wait_for "$server to die" gone "$server"
        fi
    fi
    rm -f "$run/$server.pid"
}

gone() { ! alive "$1"; }

# Whether a server runs: the process in the pid file must be the very one we started, for its pid may be another process's by now.
alive() {
    [ -f "$run/$1.pid" ] || adopt "$1" || return 1
    read -r pid began <"$run/$1.pid" || return 1
    [ -n "$began" ] && [ "$(started_at "$pid")" = "$began" ] && serves "$1" "$pid"
}

# Takes over a server that an interrupted `up` had started but not yet noted.
adopt() {
    pid=$(cat "$run/$1/run/asterisk.pid" 2>/dev/null) && [ -n "$pid" ] && serves "$1" "$pid" && note "$1" "$pid"
}

# Whether a process is an Asterisk with this lab's configuration, in the root it was started in. Its path would not say: within a
# chroot of ours that of another mount namespace reads as from outside.
serves() {
    { tr '\0' ' ' <"/proc/$2/cmdline"; } 2>/dev/null | grep -qF -- "-C $inside/$1/etc/asterisk.conf" &&
        [ "$(stat -L -c %d:%i "/proc/$2/root" 2>/dev/null)" = "$(stat -L -c %d:%i "$root/.")" ]
}

note() { echo "$2 $(started_at "$2")" >"$run/$1.pid"; }

pid_of() { cut -d ' ' -f 1 "$run/$1.pid"; }

# The boot and the clock tick in which a process began: unlike a pid it is never used twice. Empty if there is none, or it is a zombie.
started_at() {
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # The second field may hold spaces; what follows its bracket does not.
    # shellcheck disable=SC2086  # split into fields
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "$(cut -c 1-8 /proc/sys/kernel/random/boot_id)-${20}"
}

console() { enter asterisk -C "$inside/$1/etc/asterisk.conf" -rx "$2"; }

# Runs a command where the servers live, as the calling user. Root and mounts are this process's own and end with it. If
# `holds_ports` is set the command holds the ports for as long as it runs.
enter() {
    low=
    high=
    if [ -n "${holds_ports:-}" ]; then
        low=$(ports_lock "$base")
        high=$(ports_lock $((base + 999)))
    fi
    if [ "$root" = / ]; then
        if [ -n "$low" ]; then hold_ports; fi
        "$@"
        return
    fi
    # shellcheck disable=SC2016,SC2086  # expanded by the inner shell; nothing, or an option and its value
    $sudo unshare -m $propagation sh -euc '
        root=$1 name=$2 run=$3 user=$4 low=$5 high=$6; shift 6
        # Here and not before: sudo hands no open files on.
        if [ -n "$low" ]; then
            exec 5<"$low" 7<"$high"
            flock -s 5
            flock -s 7
        fi
        mkdir -p "$root/lab/$name"
        mount --bind "$run" "$root/lab/$name"
        mount -t proc proc "$root/proc"
        mount --bind /dev "$root/dev"
        # Like the user that a PBX usually runs as, it reads what its files allow it, root or not.
        exec setpriv --bounding-set=-dac_override,-dac_read_search chroot --userspec "$user" "$root" "$@"
    ' enter "$root" "$name" "$run" "$(id -u):$(id -g)" "$low" "$high" "$@"
}

raise_limits() {
    # shellcheck disable=SC3045  # every sh of Debian has ulimit -n
    ulimit -n "$OPEN_FILES" 2>/dev/null || ulimit -n "$(ulimit -Hn)"
}

# --- ports ---

# Chooses the ports of a lab that is made anew. This script holds them until it ends; by then its servers do.
take_ports() {
    mkdir -p "$CACHE/ports"
    choosing="$CACHE/ports/choosing"
    [ -e "$choosing" ] || : >"$choosing"
    exec 6<"$choosing"
    flock 6
    base=${wanted:-$FIRST_PORTS}
    if [ -n "$wanted" ]; then
        hold_ports
        if taken=$(taken_port); then
            die "port $taken is taken; name others, or none to take any that are free: tests/lab/lab.sh up --name $name --ports BASE"
        fi
    else
        until hold_free_ports; do
            base=$((base + 1000))
            [ "$base" -le "$LAST_PORTS" ] ||
                die "no thousand ports from $FIRST_PORTS to $((LAST_PORTS + 999)) is free; name others: tests/lab/lab.sh up --name $name --ports BASE"
        done
    fi
    exec 6<&-
}

# Fails if another lab holds these ports, or if a program has one of those that are needed.
hold_free_ports() {
    low=$(ports_lock "$base")
    exec 7<"$low"
    flock -n 7 || return 1
    # Labs that are given ports may share them.
    flock -s 7
    ! taken_port >/dev/null
}

# Ports that were named may lie in two of the thousands that labs choose.
hold_ports() {
    low=$(ports_lock "$base")
    high=$(ports_lock $((base + 999)))
    exec 5<"$low" 7<"$high"
    flock -s 5
    flock -s 7
}

# Prints the lock of the thousand that a port lies in.
ports_lock() {
    lock="$CACHE/ports/$(($1 / 1000 * 1000))"
    mkdir -p "$CACHE/ports"
    # It may be another user's, who is not allowed to write to it but to hold it.
    [ -e "$lock" ] || : >"$lock"
    echo "$lock"
}

taken_port() { "$HERE/../taken-port.pl" "$base" "$((base + 9))"; }

# --- the lab's folder ---

# Makes a lab's folder anew: configuration, passwords, empty recordings and logs.
prepare() {
    say "making lab $name on ports $base to $((base + 999))"
    # Only below our own cache, and only what this script made.
    rm -rf "$run"
    mkdir -p "$run/sounds" "$run/recordings" "$run/state"
    chmod 700 "$run"
    : >"$run/calls.log"
    umask_before=$(umask)
    umask 077
    random_password >"$run/ari-password"
    random_password >"$run/carrier-password"
    umask "$umask_before"
    echo "$base" >"$run/ports"

    stock=
    # Not with the machine's own Asterisk: its configuration may be that of a PBX in use, with trunks that register.
    if [ "$root" != / ]; then
        stock="$run/pbx/stock"
        mkdir -p "$stock"
        $sudo tar -C "$root/etc/asterisk" -cf - . | tar -C "$stock" --no-same-owner -xf -
    fi
    STOCK_DIR="$stock" STATE_DIR="$inside/pbx" HTTP_PORT="$base" SIP_PORT="$((base + 1))" RTP_START="$((base + 10))" RTP_END="$((base + 499))" \
        ARI_USER="$ARI_USER" ARI_PASSWORD="$(cat "$run/ari-password")" \
        TRUNK_NAME=carrier TRUNK_HOST=127.0.0.1 TRUNK_PORT="$((base + 3))" \
        "$RENDER" lab-pbx "$run/pbx/etc"
    STATE_DIR="$inside/carrier" HTTP_PORT="$((base + 2))" SIP_PORT="$((base + 3))" RTP_START="$((base + 500))" RTP_END="$((base + 999))" \
        ARI_USER="$ARI_USER" ARI_PASSWORD="$(cat "$run/carrier-password")" \
        RECORDINGS_DIR="$inside/recordings" CALLS_LOG="$inside/calls.log" \
        "$RENDER" lab-carrier "$run/carrier/etc"
    "$HERE/sounds.sh" "$run/carrier/sounds"
}

# lab.json for tests, aftertone.toml for aftertone. Written anew with each start: the pids change.
write_descriptions() {
    umask_before=$(umask)
    umask 077
    cat >"$run/lab.json.new" <<JSON
{
  "name": "$name",
  "run": "$run",
  "root": "$root",
  "ports": $base,
  "pbx_url": "http://127.0.0.1:$base",
  "pbx_user": "$ARI_USER",
  "pbx_password": "$(cat "$run/ari-password")",
  "pbx_pid": $(pid_or_null pbx),
  "carrier_pid": $(pid_or_null carrier),
  "carrier_url": "http://127.0.0.1:$((base + 2))",
  "carrier_user": "$ARI_USER",
  "carrier_password": "$(cat "$run/carrier-password")",
  "sounds_dir": "$run/sounds",
  "pbx_sounds_dir": "$inside/sounds",
  "recordings": "$run/recordings",
  "calls_log": "$run/calls.log",
  "cdr_csv": "$run/pbx/log/cdr-csv/Master.csv",
  "config": "$run/aftertone.toml"
}
JSON
    cat >"$run/aftertone.toml.new" <<TOML
# Made by tests/lab/lab.sh for lab $name.
instance = "lab"
state_dir = "$run/state"

[pbx]
url = "http://127.0.0.1:$base"
username = "$ARI_USER"
password_file = "$run/ari-password"
endpoint = "PJSIP/{number}@carrier"
caller_id = "+12025550100"
sounds_dir = "$run/sounds"
pbx_sounds_dir = "$inside/sounds"

[store]
url = "sqlite:$run/state/aftertone.db"

# Tests call side by side: no limit of the trunk is in their way.
[trunk]
starts_per_second = 100
in_flight = 1000

# The subscribers are no real people, and are called at every hour and again and again.
[gate]
hours = false
caps = false
consent = false
TOML
    mv "$run/aftertone.toml.new" "$run/aftertone.toml"
    mv "$run/lab.json.new" "$run/lab.json"
    umask "$umask_before"
}

pid_or_null() { if alive "$1"; then pid_of "$1"; else echo null; fi; }

random_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# --- waiting and checking ---

# Both servers answer, the PBX also by ARI, and the PBX reaches the carrier over SIP.
ready() {
    console carrier "core waitfullybooted" >/dev/null
    console pbx "core waitfullybooted" >/dev/null
    # Asterisk runs on without it if something holds the port.
    console pbx "http show status" | grep -q "Bound to 127.0.0.1:$base" || {
        logs >&2
        die "the PBX's ARI does not listen on port $base; the logs are above (tests/lab/lab.sh logs --name $name)"
    }
    console pbx "http show status" | grep -q "/ari/" || {
        logs >&2
        die "the PBX's HTTP server has no ARI; the logs are above (tests/lab/lab.sh logs --name $name)"
    }
    wait_for "the PBX to reach the carrier by SIP" trunk_reachable
}

trunk_reachable() {
    console pbx "pjsip show contacts" | grep -q " Avail " && return
    console pbx "pjsip qualify carrier" >/dev/null
    return 1
}

# wait_for WHAT COMMAND...: until it succeeds, or PATIENCE is over.
wait_for() {
    what=$1
    shift
    wait_quietly $PATIENCE "$@" || {
        logs >&2
        die "waited $PATIENCE s for $what in vain; the logs are above (tests/lab/lab.sh logs --name $name)"
    }
}

wait_quietly() {
    deadline=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}


need_asterisk() {
    if [ "$root" != / ]; then
        "$HERE/root.sh" >/dev/null
        return
    fi
    version=$(asterisk -V 2>/dev/null | sed -n 's/^Asterisk \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 18 ] || die "AFTERTONE_LAB_ASTERISK=system, but there is no asterisk 18 or later on PATH"
}

# Prints the word that makes a command privileged: nothing for root, `sudo -n` if that needs no password.
privilege() {
    if [ "$(id -u)" = 0 ] || [ "${AFTERTONE_LAB_ASTERISK:-}" = system ]; then
        return
    fi
    sudo -n true 2>/dev/null || die "the lab needs root (chroot, mount); run as root or allow passwordless sudo"
    echo "sudo -n"
}

# Runs a command while no other lab.sh changes the same lab.
locked() {
    mkdir -p "$CACHE/lab"
    exec 9>"$CACHE/lab/$name.lock"
    flock 9
    "$@"
}

usage() {
    sed -n '2,/^set -eu/{s/^#$//p;s/^# //p;}' "$0" >&2
    exit 2
}

# In a plain chroot, whose root is no mount, `unshare` cannot keep new mounts to itself by its default.
propagation() { $sudo unshare -m true 2>/dev/null || echo "--propagation unchanged"; }

say() { echo "lab: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
