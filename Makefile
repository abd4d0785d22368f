# `make demo` leaves a voicemail and proves it; `make test` runs every test, those on real Asterisk servers included. Both
# install what they need first (tests/setup.sh). `make test SHORT=1` runs the short form: the unit tests, the store's tests on
# both databases, and sixteen calls through the lab.
.PHONY: demo test fuzz bench bench-screen lab-far lab-up lab-down lab-status

demo:
	tests/lab/demo.sh

# The documentation's examples first: the summary of the lab is the last word.
test:
	tests/setup.sh build lab store
ifdef SHORT
	cargo test --locked --lib --bins
	cargo test --locked --test store
	cargo test --locked --test lab -- subscribers::010
else
	cargo test --locked --quiet --doc
	cargo test --locked --workspace --lib --bins
	cargo test --locked --test '*'
endif

# Each of the targets of `make test` for TIME seconds, guided by the code that its inputs reach; TARGET=NAME runs one.
fuzz:
	TIME=$(TIME) TARGET=$(TARGET) tests/fuzz/run.sh

bench:
	cargo bench --locked --bench drops
	cargo bench --locked --bench campaigns
	cargo bench --locked --bench import
	cargo bench --locked --bench line
	cargo bench --locked --bench tap

# Who hears best who answered: real calls through the lab, and a table. SEED= one or more, ITEMS= of each, CORPUS= folders that were
# made elsewhere, MORE= other options, which MORE=--help lists.
SEED ?= 1,2,3
ITEMS ?=
CORPUS ?=
MORE ?=

bench-screen:
	cargo build --locked --profile bench --bin aftertone
	$(if $(SCREEN_PORTS),PORTS=$(SCREEN_PORTS)) cargo run --locked --profile bench -p aftertone-greetings -- --seed $(SEED) \
		$(if $(ITEMS),--items $(ITEMS)) $(if $(CORPUS),--corpus $(CORPUS)) $(MORE)

# The calls of the lab as if the PBX were far away: DISTANCES are milliseconds that each request and each event takes.
DISTANCES ?= 0 30 120
FAR ?= subscribers:: answer_classes:: listen::

lab-far:
	set -e; for ms in $(DISTANCES); do for tests in $(FAR); do \
		echo "$$tests $$ms ms away"; LAB_DELAY=$$ms cargo test --locked --test lab -- $$tests; \
	done; done

# The lab: two real Asterisk servers on loopback; tests/lab/lab.sh says more. LAB=NAME runs one beside another, PORTS=BASE names its
# ports instead of any that are free.
lab = --name $(or $(LAB),dev)

lab-up:
	tests/lab/lab.sh up $(lab) $(if $(PORTS),--ports $(PORTS))

lab-down:
	tests/lab/lab.sh down $(lab)

lab-status:
	tests/lab/lab.sh status $(lab)
