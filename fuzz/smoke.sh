#!/bin/sh
# Builds the fuzz targets with coverage and AddressSanitizer and runs each for a bounded time.
#
#   fuzz/smoke.sh                   every target
#   fuzz/smoke.sh parser texts      these
#   FUZZ_SECONDS=600 fuzz/smoke.sh commands
#
# FUZZ_SECONDS   for each target, default 20
# FUZZ_SEED      what the fuzzers begin with, default a number of each run
# FUZZ_TARGET    the machine to build for, default this one
# FUZZ_CORPUS    where inputs found on the way are kept, default fuzz/target/corpus
#
# No cargo-fuzz is needed: libfuzzer-sys builds the fuzzer with the C++ compiler, and the flags
# below are what instruments Rust code. The sanitizer is unstable, hence a nightly toolchain or the
# variable that unlocks the stable one. A crash is written to fuzz/artifacts/ and replayed by
# naming the file:  fuzz/target/<machine>/release/<target> fuzz/artifacts/<file>
set -eu
cd "$(dirname "$0")"

machine=${FUZZ_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
found=${FUZZ_CORPUS:-target/corpus}
[ $# -gt 0 ] || set -- parser commands node pages config texts loader collections scripts rdb tls

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
 -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS="--cfg fuzzing -Zsanitizer=address $(echo $coverage)"
RUSTC_BOOTSTRAP=1
export RUSTFLAGS RUSTC_BOOTSTRAP
for target in "$@"; do
    bins="${bins:-} --bin $target"
done
# shellcheck disable=SC2086 # One word for each option.
cargo build --release --locked --target "$machine" --target-dir target $bins

mkdir -p artifacts
for target in "$@"; do
    mkdir -p "$found/$target"
    dictionary=""
    [ ! -f "$target.dict" ] || dictionary="-dict=$target.dict"
    log="target/$target.log"
    echo "fuzzing $target"
    # shellcheck disable=SC2086 # No option at all if there is no dictionary.
    if ! "target/$machine/release/$target" $dictionary \
        -seed="${FUZZ_SEED:-0}" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=2048 -len_control=20 \
        -artifact_prefix="artifacts/$target-" "$found/$target" "corpus/$target" >"$log" 2>&1; then
        tail -n 100 "$log"
        echo "$target failed; the whole log is fuzz/$log" >&2
        exit 1
    fi
    tail -n 1 "$log"
done
