#!/bin/sh
# Puts the alert rules, the board and what a running service gives before Prometheus itself: Debian's `prometheus`, which
# tests/setup.sh installs.
set -eu
cd "$(dirname "$0")/.."
tests/setup.sh metrics
promtool check rules ops/prometheus/aftertone.rules.yml
(cd ops/prometheus && promtool test rules aftertone.rules_test.yml)
AFTERTONE_TEST_PROMETHEUS=1 cargo test --locked --test it -- serve_metrics::
