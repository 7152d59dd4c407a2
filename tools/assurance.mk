# What `make test` does not do: slow, or in need of tools that are not prerequisites (docs/assurance.md). Included by the Makefile.

.PHONY: fuzz fuzz-replay sabotage sabotage-check abi abidiff asan ubsan memcheck tsan mutants test-servers-azure test-servers-google fault-matrix test-all test-outside

# Everything, also what needs Go 1.26: a few minutes more.
test-all: test features test-servers-azure test-servers-google test-outside
	@echo 'make test-all: everything passed'

# Each provider alone: what it needs is there, and nothing is left over.
.PHONY: features
features:
	for provider in aws azure gcp; do \
	  cargo clippy --release --locked -p libvault-core --no-default-features --features aws-lc,sqlite,$$provider --lib -- -D warnings || exit 1; \
	done

# The rows of docs/fault-matrix.md by toxiproxy and mitmproxy, and mitmproxy as a company's proxy.
test-outside: build build/toxiproxy/server build/mitmproxy/.setup
	cargo build --release --locked -p libvault-core -p libvault-ffi --example kms_probe
	$(VENV) -m pytest -q tests/fault_matrix/check_outside.py tests/network/check_mitmproxy.py

build/toxiproxy/server:
	GOBIN=$(CURDIR)/build/toxiproxy go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0

build/mitmproxy/.setup: tests/fault_matrix/requirements.txt
	$(PYTHON) -m venv build/mitmproxy
	build/mitmproxy/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Google's clients of Python, Node and Go against our test server for Google Cloud KMS. Needs Go 1.26.
test-servers-google: build/.setup-python
	cd tests/servers/google/proof/node && npm ci --no-audit --no-fund --loglevel=error
	cd tests/servers/google/proof/go && go build -o driver .
	$(VENV) -m pytest -q tests/servers/google
	$(VENV) -m pytest -q tests/servers/google/proof/check_node_and_go.py

# Writes docs/fault-matrix.md; raw times go to build/fault-times.jsonl.
fault-matrix: build
	cargo build --release --locked -p libvault-core -p libvault-ffi --example kms_probe
	LIBVAULT_WRITE_FAULT_MATRIX=1 $(VENV) -m pytest -q tests/fault_matrix

# FUZZ_SECONDS for each target, FUZZ_RUNS at most; TARGETS="decrypt c_abi" for some.
fuzz: build/.setup-python
	$(VENV) fuzz/run.py $(TARGETS)

# The seeds and every input that ever failed, on the stable toolchain.
fuzz-replay: build/.setup-python
	$(VENV) fuzz/make_seeds.py
	cargo test --release --manifest-path fuzz/Cargo.toml -p libvault-fuzz-checks

# PATCHES="P2 P7" for some.
sabotage: build/.setup-python
	$(VENV) tests/sabotage/run.py $(PATCHES)

sabotage-check: build/.setup-python
	$(VENV) tests/sabotage/run.py --check

abi: build
	$(VENV) tests/abi/run.py

abidiff: build
	$(VENV) tests/abi/run.py --abidiff

asan:
	tests/sanitizers/run.sh asan

ubsan:
	tests/sanitizers/run.sh ubsan

memcheck:
	tests/sanitizers/run.sh memcheck

tsan:
	tests/sanitizers/run.sh tsan

# GROUPS=matching or format; MUTANTS_SHARD=0/8 for a part.
mutants: build/.setup-python
	$(VENV) tests/mutants/run.py $(GROUPS)

# Our test server for Azure against the official clients of Node and Go too. Needs go.
test-servers-azure: build/.setup-python
	AZURE_PROOF_LANGUAGES=python,node,go $(VENV) -m pytest -q tests/servers/azure
