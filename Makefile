# `make demo` leaves a voicemail and proves it; `make test` runs every test, those on real Asterisk servers included.
.PHONY: demo test fuzz bench lab-up lab-down lab-status

demo:
	tests/lab/demo.sh

# The documentation's examples first: the summary of the lab is the last word.
test:
	cargo test --locked --quiet --doc
	cargo test --locked --lib --bins
	cargo test --locked --test '*'

# Each of the targets of `make test` for TIME seconds, guided by the code that its inputs reach; TARGET=NAME runs one.
fuzz:
	TIME=$(TIME) TARGET=$(TARGET) tests/fuzz/run.sh

bench:
	cargo bench --locked --bench drops
	cargo bench --locked --bench line
	cargo bench --locked --bench tap

# The lab: two real Asterisk servers on loopback; tests/lab/lab.sh says more. LAB=NAME and PORTS=BASE run one beside another.
LAB ?= dev
PORTS ?= 21000

lab-up:
	tests/lab/lab.sh up --name $(LAB) --ports $(PORTS)

lab-down:
	tests/lab/lab.sh down --name $(LAB)

lab-status:
	tests/lab/lab.sh status --name $(LAB)
