#!/bin/sh
# Has events streamed through Debian's nginx as it is installed, which buffers what it passes on: the first comes within a second.
set -eu
cd "$(dirname "$0")/.."
tests/setup.sh proxy
AFTERTONE_TEST_NGINX=1 cargo test --locked --test it -- acceptance::a_stream_comes_through_nginx
