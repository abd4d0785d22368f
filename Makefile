# The lab: two real Asterisk servers on loopback; tests/lab/lab.sh says more. LAB=NAME and PORTS=BASE run one beside another.
LAB ?= dev
PORTS ?= 21000

.PHONY: lab-up lab-down lab-status

lab-up:
	tests/lab/lab.sh up --name $(LAB) --ports $(PORTS)

lab-down:
	tests/lab/lab.sh down --name $(LAB)

lab-status:
	tests/lab/lab.sh status --name $(LAB)
