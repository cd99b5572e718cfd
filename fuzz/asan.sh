#!/bin/sh
# Runs the unit tests of the files with unsafe code, and of what drives them, under
# AddressSanitizer, leaks included.
#
#   fuzz/asan.sh                    keyspace, entries, prefetch, engine, node, large blocks, scripts
#   fuzz/asan.sh structures::       the tests whose names contain these words instead
#
# The sanitizer is unstable, hence a nightly toolchain or the variable that unlocks the stable one.
# FUZZ_TARGET names the machine to build for, default this one.
set -eu
cd "$(dirname "$0")/.."

machine=${FUZZ_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
[ $# -gt 0 ] || set -- keyspace:: base::prefetch engine:: node:: script:: server::large_blocks structures:: value::

RUSTFLAGS=-Zsanitizer=address
RUSTC_BOOTSTRAP=1
ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export RUSTFLAGS RUSTC_BOOTSTRAP ASAN_OPTIONS
# The sanitizer has to know the stacks that scripts run on (see `Cargo.toml` here).
exec cargo test --locked --lib --features corosensei/sanitizer --target "$machine" --target-dir target/asan -- "$@"
