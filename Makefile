# One command for each thing there is to do; the same ones on a laptop and in CI (.ci/run).

# Arguments of the server for `make run`, as in `make run ARGS="--port 7000"`.
ARGS ?=
# Random commands that `make oracle` compares.
ORACLE_COMMANDS ?= 200000

.DEFAULT_GOAL := help
.PHONY: help run test check docs oracle clients fuzz-smoke asan bench bench-count bench-micro

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build the release binary and start the server on port 6379
	cargo run --release -- $(ARGS)

test: ## Run every test that needs only a Rust toolchain and a C compiler
	EVENKEEL_ORACLE=skip cargo test

check: ## Check format, lints, documentation and the rules of tests/tidy
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	cargo clippy --all-targets -- -D warnings
	cargo clippy --release -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
	cargo test --test tidy

docs: ## Write the pages that are made from tables of the code anew
	UPDATE_DOCS=1 cargo test --test command_docs --test config_docs --test metrics_docs

oracle: ## Compare random commands with redis-server, which must be installed
	EVENKEEL_ORACLE_COMMANDS=$(ORACLE_COMMANDS) cargo test --release --test oracle -- --nocapture

clients: ## Run client libraries of Python and Node.js against the server
	cargo build --release
	tests/clients/run.sh

fuzz-smoke: ## Run every fuzz target for a short while
	fuzz/smoke.sh

asan: ## Run the tests of the files with unsafe code under AddressSanitizer
	fuzz/asan.sh

bench: ## Measure beside redis-server; appends to benches/RESULTS.md
	cargo bench --bench side_by_side

bench-count: ## Count instructions per request under valgrind; appends to benches/RESULTS.md
	cargo bench --bench side_by_side -- --only instructions

bench-micro: ## Measure the structures one by one
	cargo bench --bench micro
