# The images of docker-compose.yml: `asterisk`, run as pbx and as carrier, and `aftertone-lab`. `aftertone` alone is the
# program without anything of the lab: docker build --target aftertone .
#
# Written for the classic builder and BuildKit alike, so that Debian's docker-compose 1.29 builds it too.

# Debian forky, whose asterisk is 22.x and whose rustc is new enough. Where no registry is reachable,
# tests/lab/base-image.sh makes it from packages; Asterisk is then in it already, and installing it finds nothing to do.
ARG BASE_IMAGE=debian:forky-slim

FROM ${BASE_IMAGE} AS voices
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends espeak-ng sox \
    && rm -rf /var/lib/apt/lists/*
COPY tests/lab/sounds.sh /
RUN /sounds.sh /sounds \
    && espeak-ng -v en-us -s 150 -w /hello.wav \
    "This is a message from Aftertone that was left in your voicemail so that nobody had to pick up the phone"

FROM ${BASE_IMAGE} AS asterisk
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        asterisk asterisk-modules asterisk-config asterisk-core-sounds-en-wav \
    && rm -rf /var/lib/apt/lists/*
# All three containers run as the same user, who alone reads the password that they share. A new volume takes the owner
# and mode of the folder below it.
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/aftertone --shell /usr/sbin/nologin aftertone \
    && install -d -o aftertone -g aftertone /var/lib/aftertone /var/lib/aftertone/calls /var/lib/aftertone/sounds \
    && install -d -o aftertone -g aftertone -m 700 /run/aftertone
# Debian's own configuration, which the lab's PBX begins with, for a user who cannot read it where it is.
RUN cp -r /etc/asterisk /usr/share/aftertone-stock && chmod -R a+rX /usr/share/aftertone-stock
COPY asterisk-conf /usr/share/aftertone/asterisk-conf
COPY tests/lab/container.sh /usr/share/aftertone/
COPY --from=voices /sounds /usr/share/aftertone/sounds
USER aftertone
ENTRYPOINT ["/usr/share/aftertone/container.sh"]

# The database of docker-compose.postgres.yml.
FROM ${BASE_IMAGE} AS postgres
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10002 aftertone-postgres \
    && useradd --uid 10002 --gid 10002 --no-create-home --home-dir /var/lib/aftertone-postgres --shell /usr/sbin/nologin aftertone-postgres \
    && install -d -o aftertone-postgres -g aftertone-postgres -m 700 /var/lib/aftertone-postgres
COPY tests/lab/postgres-container.sh /usr/share/aftertone/postgres.sh
USER aftertone-postgres
# The server's own word for a fast and orderly end.
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/share/aftertone/postgres.sh"]
CMD ["run"]

FROM ${BASE_IMAGE} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates cargo \
    && rm -rf /var/lib/apt/lists/*
# Behind a proxy that intercepts TLS, cargo trusts the registry only with these.
COPY tests/lab/ca-certificates/ /usr/local/share/ca-certificates/aftertone/
RUN update-ca-certificates
WORKDIR /build
# `release` is the shipped program; `ci` skips optimisation.
ARG CARGO_PROFILE=release
# The dependencies are a layer of their own, built around empty crates, so that a change in src does not rebuild them.
# Tests, benches and examples are not in the build context, so the manifest must not name them; nor are the tools, but that the lock
# file counts them in.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY ears/Cargo.toml ears/
COPY tools/greetings/Cargo.toml tools/greetings/
COPY tools/lab/Cargo.toml tools/lab/
RUN sed -i '/^\[\[\(test\|bench\|example\)\]\]/,/^$/d' Cargo.toml \
    && mkdir src && echo 'fn main() {}' >src/main.rs && : >src/lib.rs && : >ears/lib.rs \
    && mkdir tools/greetings/src tools/lab/src && : >tools/lab/src/lib.rs && echo 'fn main() {}' >tools/greetings/src/main.rs \
    && cargo build --locked --profile "$CARGO_PROFILE" \
    && rm -r src
COPY askama.toml ./
# The page of the book that the program shows itself.
COPY docs/src/reference/problems.md docs/src/reference/
COPY ears ears
COPY src src
# Cargo goes by modification times, and those of the files copied are older than the empty crates'.
RUN find ears src -exec touch {} + \
    && cargo build --locked --profile "$CARGO_PROFILE" \
    && install -m 755 "target/$CARGO_PROFILE/aftertone" /usr/local/bin/aftertone

FROM ${BASE_IMAGE} AS aftertone
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/aftertone --shell /usr/sbin/nologin aftertone \
    && install -d -o aftertone -g aftertone /var/lib/aftertone /var/lib/aftertone/sounds /var/lib/aftertone/state \
    && install -d -o aftertone -g aftertone -m 700 /run/aftertone
COPY --from=build /usr/local/bin/aftertone /usr/local/bin/aftertone
# As the unit of ops/debian has it.
ENV MALLOC_ARENA_MAX=2
USER aftertone
WORKDIR /var/lib/aftertone
LABEL org.opencontainers.image.title="aftertone" \
    org.opencontainers.image.description="Leaves a recorded message in a contact's voicemail through your Asterisk PBX" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
CMD ["aftertone", "--help"]

FROM aftertone AS aftertone-lab
COPY tests/lab/compose.toml /etc/aftertone/aftertone.toml
COPY --from=voices /hello.wav /usr/share/aftertone/hello.wav
