#!/bin/sh
# What the PostgreSQL container of docker-compose.postgres.yml runs: Debian's server, with a database and a user `aftertone` that whoever is
# in the lab's network may be. Nothing of it is published.
#
#   postgres.sh run       make the database if there is none, then become the server
#   postgres.sh healthy   whether it takes connections, for the health check
set -eu

DATA=/var/lib/aftertone-postgres/data
BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

case ${1:-} in
run)
    if [ ! -s "$DATA/PG_VERSION" ]; then
        # Made whole before it has its name.
        rm -rf "$DATA.part"
        "$BIN/initdb" --pgdata "$DATA.part" --username aftertone --auth trust --encoding UTF8 --locale C >/dev/null
        echo 'host all aftertone samenet trust' >>"$DATA.part/pg_hba.conf"
        echo 'CREATE DATABASE aftertone;' | "$BIN/postgres" --single -D "$DATA.part" -j postgres >/dev/null
        mv "$DATA.part" "$DATA"
    fi
    exec "$BIN/postgres" -D "$DATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql
    ;;
healthy) exec "$BIN/pg_isready" --quiet --host 127.0.0.1 --username aftertone --dbname aftertone ;;
*)
    echo "usage: postgres.sh run|healthy" >&2
    exit 2
    ;;
esac
