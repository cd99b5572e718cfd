# One command for each thing there is to do; the same ones on a laptop and in CI (.ci/run).

# Arguments of the server for `make run`, as in `make run ARGS="--port 7000"`.
ARGS ?=
# Random commands that `make oracle` compares, and of which types: string,hash,list,set,zset,stream,hyperloglog,geo,script,server.
ORACLE_COMMANDS ?= 200000
ORACLE_FAMILIES ?=
# How the comparison is built: a release takes minutes, and is quicker from some 100,000 commands on.
ORACLE_FLAGS ?= --release
# Writes a second at least under which `make moving` moves a redis-server over.
MOVING_WRITES ?= 20000
# Where `make install` puts the server; packages set DESTDIR, too.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= /lib/systemd/system
# Release of Debian that the package is tried on.
SUITE ?= $(shell . /etc/os-release && echo "$$VERSION_CODENAME")

.DEFAULT_GOAL := help
.PHONY: help run test check fmt try-image docs install deb lint-package try-package oracle moving clients browser prometheus proxies fuzz-smoke asan bench figures results bench-count bench-hits bench-micro bench-rivals

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build the release binary and start the server on port 6379
	cargo run --release -- $(ARGS)

test: ## Run every test that needs only a Rust toolchain and a C compiler
	EVENKEEL_ORACLE=skip cargo test

check: ## Check format, lints, documentation and the rules of tests/tidy
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo fmt --check --manifest-path benches/pictures/Cargo.toml
	cargo fmt --check --manifest-path benches/rivals/Cargo.toml
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	cargo metadata --locked --format-version 1 --manifest-path benches/pictures/Cargo.toml >/dev/null
	cargo metadata --locked --format-version 1 --manifest-path benches/rivals/Cargo.toml >/dev/null
	cargo clippy --all-targets -- -D warnings
	@# Without the tests' feature `internals`: what nobody uses is dead code here.
	cargo clippy --release -- -D warnings
	@# What a program embeds, in a folder of its own: nothing built before may stand in for a C compiler.
	CC=/bin/false CXX=/bin/false cargo clippy --lib --no-default-features --features typed --target-dir target/embedder -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --features internals,typed
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --no-default-features --target-dir target/embedder
	cargo test --test tidy

fmt: ## Format the sources, those of the fuzz targets too
	cargo fmt
	cargo fmt --manifest-path fuzz/Cargo.toml
	cargo fmt --manifest-path benches/pictures/Cargo.toml
	cargo fmt --manifest-path benches/rivals/Cargo.toml

try-image: ## Build the static binary and try it alone in an empty folder, as the image has it; needs root
	packaging/try-image.sh

docs: ## Write the pages that are made from tables of the code anew
	UPDATE_DOCS=1 cargo test --test docs

install: ## Install binary, unit, configuration, manual page, completions and examples below DESTDIR and PREFIX
	cargo build --release --locked
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(SYSCONFDIR)/evenkeel" "$(DESTDIR)$(UNITDIR)"
	install -m 755 -s target/release/evenkeel "$(DESTDIR)$(PREFIX)/bin/evenkeel"
	test -e "$(DESTDIR)$(SYSCONFDIR)/evenkeel/evenkeel.conf" || \
	    install -m 644 packaging/evenkeel.conf "$(DESTDIR)$(SYSCONFDIR)/evenkeel/evenkeel.conf"
	sed -e 's|/usr/bin/|$(PREFIX)/bin/|' -e 's|/etc/evenkeel/|$(SYSCONFDIR)/evenkeel/|' \
	    packaging/evenkeel.service >"$(DESTDIR)$(UNITDIR)/evenkeel.service"
	sed -e 's|/usr/bin/|$(PREFIX)/bin/|' -e 's|/etc/evenkeel/|$(SYSCONFDIR)/evenkeel/|' \
	    packaging/evenkeel@.service >"$(DESTDIR)$(UNITDIR)/evenkeel@.service"
	chmod 644 "$(DESTDIR)$(UNITDIR)/evenkeel.service" "$(DESTDIR)$(UNITDIR)/evenkeel@.service"
	install -m 644 packaging/evenkeel.socket "$(DESTDIR)$(UNITDIR)/evenkeel.socket"
	install -D -m 644 packaging/evenkeel.1 "$(DESTDIR)$(PREFIX)/share/man/man1/evenkeel.1"
	gzip -9nf "$(DESTDIR)$(PREFIX)/share/man/man1/evenkeel.1"
	install -D -m 644 packaging/completions/evenkeel.bash \
	    "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/evenkeel"
	install -D -m 644 packaging/completions/_evenkeel \
	    "$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_evenkeel"
	install -D -m 644 packaging/completions/evenkeel.fish \
	    "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/evenkeel.fish"
	install -D -m 644 packaging/prometheus/evenkeel.rules.yml \
	    "$(DESTDIR)$(PREFIX)/share/doc/evenkeel/examples/evenkeel.rules.yml"
	install -m 644 packaging/prometheus/evenkeel-dashboard.json \
	    "$(DESTDIR)$(PREFIX)/share/doc/evenkeel/examples/evenkeel-dashboard.json"
	install -m 644 packaging/sharding/nutcracker.yml packaging/sharding/envoy.yaml \
	    "$(DESTDIR)$(PREFIX)/share/doc/evenkeel/examples"
	install -D -m 644 LICENSE-MIT "$(DESTDIR)$(PREFIX)/share/doc/evenkeel/copyright"
	cat LICENSE-APACHE >>"$(DESTDIR)$(PREFIX)/share/doc/evenkeel/copyright"

deb: ## Build a Debian package in target/debian
	packaging/build-deb.sh

try-package: deb target/clean-debian ## Try the package on a clean Debian in a folder; needs root, debootstrap and redis-cli
	packaging/try-package.sh target/clean-debian target/debian/evenkeel_*.deb
	packaging/try-systemd.sh target/clean-debian target/debian/evenkeel_*.deb || [ $$? -eq 77 ]

lint-package: deb ## Let lintian look at the package
	packaging/lint-package.sh target/debian/evenkeel_*.deb

# The release of this machine, because the package needs the C library it was linked with.
target/clean-debian:
	rm -rf --one-file-system $@.new
	debootstrap --variant=minbase --include=adduser,systemd $(SUITE) $@.new
	mv $@.new $@

oracle: ## Compare random commands with an installed redis-server, as in ORACLE_FAMILIES=hash,list
	EVENKEEL_ORACLE_COMMANDS=$(ORACLE_COMMANDS) EVENKEEL_ORACLE_FAMILIES=$(ORACLE_FAMILIES) \
	cargo test $(ORACLE_FLAGS) --test oracle -- --nocapture

moving: ## Move a redis-server over that gets MOVING_WRITES writes a second or more
	EVENKEEL_ORACLE_WRITES=$(MOVING_WRITES) \
	cargo test --release --test oracle moving -- --nocapture --test-threads 1

clients: ## Run programs of Python and Node.js against the server, with CLIENTS=all the rarer ones, too
	cargo build --release
	tests/clients/run.py

browser: ## Look at the live page in headless Chromium; PICTURES=… keeps what it looks like
	cargo build --release
	tests/browser/live_page.py target/release/evenkeel $(PICTURES)

prometheus: ## Let Debian's Prometheus scrape the server, and answer what dashboard and alert rules ask
	cargo build --release
	tests/prometheus/scrape.py target/release/evenkeel

proxies: ## Put four servers behind twemproxy and Envoy, if they are installed; kill one, and say what clients see
	cargo build --release
	tests/sharding/behind_proxies.py target/release/evenkeel

fuzz-smoke: ## Run every fuzz target for a short while
	fuzz/smoke.sh

asan: ## Run the tests of the files with unsafe code under AddressSanitizer
	fuzz/asan.sh

bench: ## Measure beside redis-server; writes a file into benches/runs
	cargo bench --bench side_by_side

figures: ## Measure what README's table and pictures show, on a machine without other load; then draw
	cargo bench --bench side_by_side -- --label figures \
	    --only requests,memory,snapshots,stalls,collection-memory,collection-requests,collection-stalls
	$(MAKE) results

results: ## Make RESULTS.md, docs/pictures and a table of README from benches/runs, and the diagrams
	cargo run --locked --manifest-path benches/pictures/Cargo.toml --target-dir target/pictures

bench-count: ## Count instructions per request under valgrind; compares with benches/INSTRUCTIONS.md
	cargo bench --bench side_by_side -- --only instructions --rounds 1 --no-append

bench-hits: ## Compare eviction policies in process; DIR=… adds a directory of traces
	cargo bench --bench hit_ratio -- $(if $(DIR),--traces $(DIR))

bench-micro: ## Measure the structures one by one
	cargo bench --bench micro

bench-rivals: ## Measure the library beside other caches of Rust; writes a file into benches/runs; DIR=… as above
	cargo run --release --locked --manifest-path benches/rivals/Cargo.toml --target-dir target/rivals -- \
	    --record $(if $(DIR),--traces $(DIR))
