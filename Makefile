# `make demo` and `make test` set up what they need inside this checkout: .venv, build, target and bindings/node/node_modules.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
PREFIX ?= /usr/local
DESTDIR ?=
VENV := .venv/bin/python
export CARGO_TARGET_DIR := $(CURDIR)/target
MATCHING_CASES := $(CURDIR)/build/matching-cases.jsonl

.PHONY: help demo test test-rust test-c test-python test-node test-cli test-kms test-matrix test-memory test-memory-languages test-forks test-quickstart build setup \
	install man bench bench-matching vectors header errors lint clean prerequisites

help:
	@echo 'make demo     sets up what it needs and runs the main job with keys in AWS, Azure and Google, played by test servers'
	@echo 'make test     sets up what it needs and runs all tests'
	@echo 'make test-all and what needs Go besides: the official clients of both test servers, faults by toxiproxy and mitmproxy'
	@echo 'make build    builds the library, the command line, the wheel, the npm package and an install tree in build/install'
	@echo 'make install  DESTDIR=… PREFIX=…  installs the C library with headers and package files, and the command with manual and completions'
	@echo 'make man      the manual pages and the completion scripts, in build/cli'
	@echo 'make lint     formatting, lints, documentation, licences, generated files'
	@echo 'make clean    removes everything that the others made in this checkout'
	@echo 'make fuzz     and asan, ubsan, memcheck, tsan, mutants, sabotage, abidiff: see docs/assurance.md'
	@echo 'make bench    first numbers in every language; make bench-matching: instructions of a match; make rss: peak memory of streams'
	@echo 'make bench-kms-calls   calls to a KMS beside the peers; make bench-isolation: one customer beside another whose KMS never answers'
	@echo 'make revocation   how long data can be decrypted after its key was disabled'

demo: build
	$(VENV) demo/story.py

test: test-rust test-c test-python test-node test-cli test-kms test-matrix test-memory test-memory-languages test-forks test-quickstart
	@echo 'make test: everything passed'

test-rust: build $(MATCHING_CASES)
	$(VENV) tests/gen/make_vectors.py --check
	LIBVAULT_MATCHING_CASES=$(MATCHING_CASES) cargo test --release --locked -p libvault-core -p libvault-ffi -- --include-ignored
	cargo test --release --locked -p libvault-core --no-default-features --features rust-crypto,sqlite
	cargo test --release --locked -p libvault-core -p libvault-ffi --features libvault-core/rust-crypto --lib aead
	cargo test --release --locked -p libvault-memory -p libvault-cli
	$(MAKE) --no-print-directory fuzz-replay

test-c: build
	$(VENV) tests/checks/check_ffi_bodies.py --self-test
	$(VENV) tests/checks/check_ffi_bodies.py
	tests/c/run.sh
	tests/cpp/run.sh
	$(VENV) tests/abi/run.py

test-python: build
	$(VENV) -m pytest -q tests/python
	$(VENV) tests/python/run_versions.py

test-node: build
	cd bindings/node && npm test && npm run types

test-cli: build
	$(VENV) -m pytest -q tests/cli

test-kms: build
	cargo build --release --locked -p libvault-core -p libvault-ffi --example kms_probe
	$(VENV) -m pytest -q tests/servers tests/providers tests/fault_matrix tests/network tests/kms_faults tests/kms_gcp tests/kms_azure tests/kms_aws demo/test_negative_control.py

test-matrix: build test-c
	$(VENV) tests/matrix/run_matrix.py

# The memory of programs that did the main job, searched for keys and plaintext.
test-memory: build
	cargo build --release --locked -p libvault-core -p libvault-ffi --example main_job
	$(VENV) -m pytest -q -s tests/memory -k 'not language'

# The same for Python and Node, with the calls that write into the program's own memory.
test-memory-languages: build
	$(VENV) -m pytest -q -s tests/memory -k language

test-forks: build
	$(VENV) -m pytest -q tests/forks

test-quickstart: build
	$(VENV) -m pytest -q tests/quickstart

# --- set-up and builds; every step is skipped when its result is there and newer than what it was made from ---

setup: prerequisites build/.setup-python build/.setup-pyright build/.setup-node

prerequisites:
	@tools/check_prerequisites.sh

build/.setup-python: tests/requirements.txt
	@echo 'setting up .venv: test servers, pytest, maturin (tests/requirements.txt)'
	mkdir -p build
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

build/.setup-pyright: tests/python/pyright/package-lock.json
	@echo 'setting up tests/python/pyright/node_modules: the second type checker'
	mkdir -p build
	cd tests/python/pyright && npm ci --no-audit --no-fund --loglevel=error
	touch $@

build/.setup-node: bindings/node/package-lock.json
	@echo 'setting up bindings/node/node_modules: TypeScript, for the check of the types'
	mkdir -p build
	cd bindings/node && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Cargo knows what is stale; the packages are made again only when their library changed.
build: setup
	cargo build --release --locked -p libvault-core -p libvault-ffi
	cargo build --release --locked -p libvault-cli
	tools/build_packages.sh

$(MATCHING_CASES): build/.setup-python $(wildcard tests/gen/*.py)
	$(VENV) tests/gen/make_matching.py --seed 1 --cases 100000 --out $@

install:
	cargo build --release --locked -p libvault-ffi
	cargo build --release --locked -p libvault-cli
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' ffi/install.sh
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' cli/install.sh

man:
	cargo build --release --locked -p libvault-cli
	cli/make_pages.sh build/cli

# --- generated files and lints ---

vectors: build/.setup-python
	$(VENV) tests/gen/make_vectors.py

errors:
	tools/generate_errors.py

header:
	tests/checks/check_header.sh --write

lint: setup docs-node
	cargo fmt --all --check
	cargo clippy --release --locked --workspace -- -D warnings
	cargo clippy --release --locked -p libvault-memory -p libvault-core -p libvault-ffi -p libvault-cli --all-targets -- -D warnings
	cargo clippy --release --locked -p libvault-core --no-default-features --features rust-crypto,sqlite --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --no-deps --workspace --exclude libvault-cli
	$(VENV) tests/checks/check_errors.py
	$(VENV) tests/checks/check_log_events.py
	tests/checks/check_header.sh
	tools/check_dependencies.sh
	tools/version.py
	tests/checks/check_released.py
	$(VENV) tests/sabotage/run.py --check

# --- API documentation, without warnings ---

.PHONY: docs-node
docs-node: build/.setup-node
	cd bindings/node && npm run --silent docs

.PHONY: docs-python
docs-python: build
	$(VENV) -W error -m pdoc libvault -o build/docs/python

# Needs doxygen.
.PHONY: docs-c
docs-c:
	mkdir -p build/docs/c
	doxygen docs/doxygen/Doxyfile

include tools/assurance.mk

# --- numbers ---

bench: build
	$(VENV) tests/bench/bench.py

# Two minutes: how long data can be decrypted after its key was disabled.
.PHONY: revocation
revocation: build build/.setup-plot
	$(VENV) tests/bench/revocation.py --out docs/revocation.md --picture docs/revocation.png

# Ten minutes: calls to the KMS beside the peers, each in a virtual environment of its own.
PEERS := aws_encryption_sdk pymongocrypt asherah
.PHONY: bench-kms-calls
bench-kms-calls: build $(PEERS:%=build/peers/%/.ready)
	$(VENV) tests/bench/kms_calls.py --out docs/benchmarks.md

# Five minutes: one customer's latency while another customer's KMS never answers.
.PHONY: bench-isolation
bench-isolation: build
	$(VENV) tests/bench/isolation.py --out docs/benchmarks.md

build/peers/%/.ready: tests/bench/peers/requirements-%.txt | prerequisites
	mkdir -p build/peers
	$(PYTHON) -m venv build/peers/$*
	build/peers/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench-matching: setup
	$(VENV) tests/bench/match_cost.py

# Half an hour and 10 GB of disk: peak memory of the streams of each language on 50 MB and 2 GB, a table and a picture of it, in build/streams.
# Every tests/streams/rss_* prints rows, one for each run; Node's runs everything several times itself.
RSS_RUNS ?= 3
RSS_EACH := python cli c rust node
RSS_TIMES = $$(seq $(RSS_RUNS))

.PHONY: rss $(RSS_EACH:%=rss-%)
rss: $(RSS_EACH:%=rss-%) build/.setup-plot
	$(VENV) tests/streams/plot.py build/streams/{c,cli,node,python,rust}.jsonl build/streams/rss.png

rss-python rss-cli rss-c: rss-%: build
	mkdir -p build/streams
	for _ in $(RSS_TIMES); do $(VENV) tests/streams/rss_$*.py; done > build/streams/$*.jsonl

rss-rust: build
	mkdir -p build/streams
	for run in $(RSS_TIMES); do \
	    rm -rf build/streams/rust; mkdir build/streams/rust; \
	    tests/streams/rss_rust.sh build/streams/rust $$($(VENV) tests/streams/corpus.py 50000000 2000000000); \
	done > build/streams/rust.jsonl
	rm -rf build/streams/rust

rss-node: build
	mkdir -p build/streams
	PYTHON=$(CURDIR)/$(VENV) tests/streams/rss_node.mjs > build/streams/node.jsonl

build/.setup-plot: tests/streams/requirements.txt build/.setup-python
	$(VENV) -m pip install --quiet --disable-pip-version-check -r tests/streams/requirements.txt
	touch $@

clean:
	rm -rf build target .venv fuzz/target fuzz/seeds tests/python/pyright/node_modules tests/servers/azure/proof/node/node_modules \
		tests/servers/google/proof/node/node_modules tests/servers/google/proof/go/driver bindings/node/node_modules bindings/node/*.node bindings/node/LICENSE
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name '.*_cache' -prune -exec rm -rf {} +
