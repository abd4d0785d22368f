#!/usr/bin/env bash
# A PostgreSQL server for tests, on loopback, from Debian's package: beside any other, and gone without a trace.
#
#   tests/db/postgres.sh up      --name NAME [--port PORT] ready when it returns; what runs already stays
#   tests/db/postgres.sh down    --name NAME               stops it and removes its data
#   tests/db/postgres.sh url     --name NAME               the address of its database `postgres`
#   tests/db/postgres.sh restart --name NAME               stops it in an orderly way, and starts it
#   tests/db/postgres.sh kill    --name NAME               kills it at once, as a crash would; `restart` brings it back
#   tests/db/postgres.sh standby --name NAME --of PRIMARY  a hot standby that follows the server PRIMARY; ready when it returns
#
# Without --port it takes a free one from 32000 to 32767, where no lab has its ports and the system takes none for connections,
# and keeps it. Its data is under ${XDG_CACHE_HOME:-~/.cache}/aftertone/postgres/NAME, and so is its socket. It refuses root, so
# that root runs it as the user `postgres`, whose data is under /var/tmp then. What was committed is on the disk: fsync is on.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
FIRST_PORT=32000
LAST_PORT=32767

usage() {
    sed -n '2,9p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
    exit 2
}

command=${1:-}
[[ -n $command ]] || usage
shift
name=
port=
primary=
while (($#)); do
    case $1 in
        --name) name=${2:?--name wants a name} ;;
        --port) port=${2:?--port wants a port} ;;
        --of) primary=${2:?--of wants the name of a server} ;;
        *) usage ;;
    esac
    shift 2
done
[[ $name =~ ^[a-z0-9-]{1,32}$ ]] || usage

user=postgres
homes=${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/postgres
as=()
if ((EUID == 0)); then
    # The home of root is closed to the user that the server runs as. Servers of two caches may have one name.
    homes=/var/tmp/aftertone-postgres/$(cksum <<<"$homes" | cut -d ' ' -f 1)
    as=(runuser -u postgres --)
fi
[[ -z $primary || $primary =~ ^[a-z0-9-]{1,32}$ ]] || usage
home=$homes/$name
data=$home/data
log=$home/log

main() {
    case $command in
        up) up ;;
        down) down ;;
        url) url ;;
        restart) restart ;;
        kill) kill_it ;;
        standby) standby ;;
        *) usage ;;
    esac
}

up() {
    if running; then
        return
    fi
    if [[ ! -f $data/PG_VERSION ]]; then
        make_folder
        run initdb --pgdata "$data" --username "$user" --auth trust --encoding UTF8 --locale C >/dev/null
        printf '%s\n' \
            "listen_addresses = '127.0.0.1'" \
            "unix_socket_directories = '$home'" \
            "max_connections = 100" \
            "fsync = on" \
            "logging_collector = off" |
            "${as[@]}" tee -a "$data/postgresql.conf" >/dev/null
    fi
    begin
}

# A copy of the primary as it is, which then follows its log by streaming, and may be read.
standby() {
    if running; then
        return
    fi
    [[ -n $primary && $primary != "$name" && -f $homes/$primary/port ]] || usage
    make_folder
    run pg_basebackup --host 127.0.0.1 --port "$(cat "$homes/$primary/port")" --username "$user" --pgdata "$data" \
        --wal-method stream --checkpoint fast --write-recovery-conf --no-password
    printf '%s\n' "hot_standby = on" "unix_socket_directories = '$home'" |
        "${as[@]}" tee -a "$data/postgresql.conf" >/dev/null
    begin
}

# Starts it on the port that was given, or on any.
begin() {
    [[ -z $port || $port =~ ^[0-9]{1,5}$ ]] || usage
    if [[ -n $port ]]; then
        start_on "$port" || failed
    else
        start_anywhere
    fi
}

# Begins anywhere among the ports, so that two that look for one at the same time hardly take the same.
start_anywhere() {
    local count=$((LAST_PORT - FIRST_PORT + 1)) begin=$RANDOM nth
    for ((nth = 0; nth < count; nth++)); do
        port=$((FIRST_PORT + (begin + nth) % count))
        is_taken "$port" && continue
        start_on "$port" && return
        # It was taken meanwhile, or something else is wrong.
        is_taken "$port" || failed
    done
    echo "no port from $FIRST_PORT to $LAST_PORT is free" >&2
    exit 1
}

# A port that another server comes back to counts as taken.
is_taken() {
    local noted
    for noted in "$homes"/*/port; do
        [[ $noted == "$home/port" || $(cat "$noted" 2>/dev/null) != "$1" ]] || return 0
    done
    "$here/../taken-port.pl" "$1" "$1" >/dev/null
}

start_on() {
    echo "$1" | "${as[@]}" tee "$home/port" >/dev/null
    start
}

# It returns once the server takes connections, or says in the log why there is none.
start() {
    port=$(cat "$home/port")
    run pg_ctl --pgdata "$data" --log "$log" --options "-p $port" --wait --timeout 60 --silent start
}

failed() {
    tail -n 20 "$log" >&2
    echo "the server did not start; port $port may be taken" >&2
    exit 1
}

down() {
    if running; then
        run pg_ctl --pgdata "$data" --mode immediate --wait --silent stop
    fi
    rm -rf -- "$home"
}

url() {
    [[ -f $home/port ]] || {
        echo "there is no server \`$name\`; tests/db/postgres.sh up --name $name" >&2
        exit 1
    }
    echo "postgres://$user@127.0.0.1:$(cat "$home/port")/postgres"
}

restart() {
    if running; then
        run pg_ctl --pgdata "$data" --mode fast --wait --silent stop
    fi
    start || failed
}

# The whole server dies with its first process: those of the connections see that it is gone.
kill_it() {
    local pid
    pid=$(head -n 1 "$data/postmaster.pid")
    kill -KILL "$pid"
    # Its children hold the memory that a start wants for itself.
    local attempts=0
    while pgrep --parent "$pid" >/dev/null 2>&1 || kill -0 "$pid" 2>/dev/null || children; do
        ((attempts += 1))
        ((attempts < 300)) || {
            echo "parts of the server are still there" >&2
            exit 1
        }
        sleep 0.1
    done
}

# Whether processes still work in the data folder.
children() {
    local cwd
    for cwd in /proc/[0-9]*/cwd; do
        [[ $(readlink "$cwd" 2>/dev/null) == "$data" ]] && return 0
    done
    return 1
}

running() {
    [[ -d $data ]] && run pg_ctl --pgdata "$data" status >/dev/null
}

make_folder() {
    if ((EUID == 0)); then
        mkdir -p -m 755 "$(dirname "$homes")" "$homes"
        mkdir -p "$home"
        chown postgres: "$home"
    else
        mkdir -p "$home"
    fi
    chmod 700 "$home"
}

# run PROGRAM ARGUMENT..: a program of the newest version that Debian has installed.
run() {
    local program=$1 found
    shift
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$program" | sort -V | tail -n 1)
    [[ -x $found ]] || {
        echo "PostgreSQL is not installed: apt-get install postgresql" >&2
        exit 1
    }
    # Not from the caller's folder: the server's user may not be allowed into it.
    (cd / && "${as[@]}" "$found" "$@")
}

main
