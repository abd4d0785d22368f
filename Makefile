# `make demo` leaves a voicemail and proves it; `make test` runs every test, those on real Asterisk servers included. Both
# install what they need first (tests/setup.sh). What follows `##` is what `make help` prints.
.DEFAULT_GOAL := help
.PHONY: help demo check test browser proof published deb package release release-check proxies fuzz bench bench-screen book lab-far lab-up lab-down lab-status

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target words; do \
		printf '  make %-14s %s\n' "$$target" "$$words"; \
	done

demo: ## Leave a voicemail through two real Asterisk servers on this machine, prove it, and show it; DEMO_KEEP=0 ends at once
	tests/lab/demo.sh

check: ## Format, lints, and all tests that need no server: the quick loop
	tests/setup.sh speech
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --locked --quiet --lib --bins --test campaign --test docs --test drop --test layers

# The documentation's examples first, so that the lab's summary comes last. Those that start the program wait most of their time.
test: ## Every test, real Asterisk servers included; SHORT=1 for a few minutes of it, SHORT=servers for those that need servers
	tests/setup.sh build lab speech store clock $(if $(SHORT),,words)
ifdef SHORT
	$(if $(filter servers,$(SHORT)),,cargo test --locked --lib --bins)
	cargo test --locked --test store -- ::campaigns::
	cargo test --locked --test store -- ::pooler::
	cargo test --locked --test lab -- subscribers::010
else
	cargo test --locked --quiet --doc
	cargo test --locked --workspace --lib --bins
	RUST_TEST_THREADS=4 cargo test --locked --test '*'
endif

browser: ## The dashboard in a real browser, over calls through the lab; SHOTS=1 keeps its pictures for the book
	tests/setup.sh build lab browser
	SHOTS=$(SHOTS) tests/browser.sh

book: ## The documentation as HTML, into target/book; needs mdbook
	docs/build.sh

# In the bench profile: there are 20,000 drops.
proof: ## The long form of tests that CI runs in a short one: more than an hour
	tests/setup.sh build store lab browser
	PROOF=1 cargo test --locked --profile bench --test it -- event_storm:: backup::backups_are_made
	ERASE_MB=480 cargo test --locked --profile bench --test store -- sqlite::traces --nocapture
	tests/schemathesis.sh 600
	WALK_ROWS=1000000 EXPORT_ROWS=1000000 IDLE_SECONDS=60 RUST_TEST_THREADS=1 \
		cargo test --locked --profile bench --test it -- --nocapture acceptance::
	PROOF=1 tests/browser.sh

deb: ## The package for Debian, into target/debian; needs cargo-deb
	tools/deb.sh

package: ## Whether that package installs, upgrades and goes as it should on a fresh Debian 12
	tests/package.sh

proxies: ## The service behind Debian's nginx and Caddy
	tests/proxies.sh

release: ## All of a release, into target/release-VERSION; ADVISORIES= a copy of the advisories' database
	tests/setup.sh build release
	tools/release.sh $(RELEASE)

release-check: ## Whether all that it consists of is whole and works: builds the source, runs the static program in an empty root
	tests/release.sh $(RELEASE_PROFILE)

published: ## What published programs say of the API, webhooks and metrics
	tests/setup.sh build published
	tests/openapi.sh
	tests/schemathesis.sh 60
	tests/webhooks.sh
	tests/metrics.sh
	tests/clients.sh
	tests/nginx.sh
	tests/assets.sh

# Each fuzz target for TIME seconds, guided by the code that its inputs reach; TARGET=NAME runs one.
fuzz: ## Fuzz all that reads foreign input; TIME= seconds, TARGET= one of them
	TIME=$(TIME) TARGET=$(TARGET) tests/fuzz/run.sh

bench: ## How fast and how frugal the program is
	cargo bench --locked --bench drops
	cargo bench --locked --bench campaigns
	cargo bench --locked --bench service
	cargo bench --locked --bench import
	cargo bench --locked --bench queue
	cargo bench --locked --bench line
	cargo bench --locked --bench tap

# Who hears best who answered: real calls through the lab, and a table. SEED= one or more, ITEMS= of each, CORPUS= folders that were
# made elsewhere, MORE= other options, which MORE=--help lists.
SEED ?= 1,2,3
ITEMS ?=
CORPUS ?=
MORE ?=

# The quick forms measure no streams: so many ears as a core can hear take longer than all the rest.
offline = $(findstring --offline,$(MORE))$(findstring --curve,$(MORE))$(findstring --help,$(MORE))$(findstring --results,$(MORE))

bench-screen: ## Who detects best who answered, over real calls (MORE=--offline: without); SEED=, ITEMS=, CORPUS=, MORE=
	$(if $(offline),,cargo build --locked --profile bench --bin aftertone)
	$(if $(offline),,mkdir -p target/greetings && cargo bench --locked --bench ears | tee target/greetings/ears.txt)
	$(if $(SCREEN_PORTS),PORTS=$(SCREEN_PORTS)) cargo run --locked --profile bench -p aftertone-greetings -- --seed $(SEED) \
		$(if $(ITEMS),--items $(ITEMS)) $(if $(CORPUS),--corpus $(CORPUS)) $(if $(offline),,--streams target/greetings/ears.txt) $(MORE)

# The calls of the lab as if the PBX were far away: DISTANCES are milliseconds that each request and each event takes.
DISTANCES ?= 0 30 120
FAR ?= subscribers:: answer_classes:: listen::

lab-far: ## The lab's calls as if the PBX were far away; DISTANCES= in ms, FAR= filters
	set -e; for ms in $(DISTANCES); do for tests in $(FAR); do \
		echo "$$tests $$ms ms away"; LAB_DELAY=$$ms cargo test --locked --test lab -- $$tests; \
	done; done

# The lab: two real Asterisk servers on loopback; tests/lab/lab.sh says more. LAB=NAME runs one beside another, PORTS=BASE names its
# ports instead of any that are free.
lab = --name $(or $(LAB),dev)

lab-up: ## Start the lab for your own experiments; LAB= for one beside another, PORTS= for its ports
	tests/lab/lab.sh up $(lab) $(if $(PORTS),--ports $(PORTS))

lab-down: ## Stop it
	tests/lab/lab.sh down $(lab)

lab-status: ## What of it runs, and where
	tests/lab/lab.sh status $(lab)
