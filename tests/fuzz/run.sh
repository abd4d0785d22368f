#!/usr/bin/env bash
# `make fuzz`: every target of tests/fuzz for TIME seconds (60), guided by the code that its inputs reach. TARGET=NAME runs
# that one alone. What fails is kept in tests/fuzz/inputs/TARGET, and `make test` tries it from then on; what reached new
# code is kept in target/fuzz/corpus, with which the next run begins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec </dev/null

time=${TIME:-60}
target=${TARGET:-}
out=$PWD/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

mkdir -p "$out"
# By itself, because its own branches are not to be counted.
rustc --edition 2024 --crate-name coverage --crate-type rlib -C opt-level=3 --out-dir "$out" tests/fuzz/coverage.rs

# Any stable compiler has the pass that counts branches; sanitizers, which need a nightly one, find nothing in a program
# without `unsafe`. Only our own crate counts, with all that is generic in others: their branches are for them to test.
cargo rustc --locked --lib --profile test --message-format json-render-diagnostics -- \
    --cfg fuzzing --extern "coverage=$out/libcoverage.rlib" -C opt-level=3 -C passes=sancov-module \
    -C llvm-args=-sanitizer-coverage-level=3 -C llvm-args=-sanitizer-coverage-inline-8bit-counters >"$out/build.json"
tests=$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$out/build.json" | tail -n 1)

# One thread, so that each target has the counters to itself. The program is copied, for the next build is without them.
cp "$tests" "$out/targets"
FUZZ_SECONDS=$time FUZZ_TARGET=$target RUST_BACKTRACE=0 "$out/targets" fuzz:: --nocapture --test-threads 1
