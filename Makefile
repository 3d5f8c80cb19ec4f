.PHONY: run build test lint bench bench-instructions fuzz

# A primary, two replicas and Forebay in front of them; Ctrl-C ends exactly those.
run:
	@tests/provision/demo.sh
	cargo run --release -- demo

build:
	cargo build --release

# Everything that the tests need is brought first; nothing is done where it is there already.
test:
	@tests/provision/all.sh > /dev/null
	@cargo test --no-fail-fast; status=$$?; tests/provision/settled.sh; exit $$status

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet
	@tests/provision/all.sh > /dev/null
	tests/provision/deny.sh

# Beside HAProxy and a direct connection: `make bench`, `make bench ARGS=--quick`. See benches/README.md.
bench: build
	@"$$(tests/provision/bench.sh)" -B benches/compare $(ARGS)

# What the hot path's parts cost in instructions, beside the kept numbers: `make bench-instructions ARGS=--keep` keeps new ones.
bench-instructions:
	@tests/provision/apt.sh valgrind
	@benches/instructions.py $(ARGS)

# Every fuzz target for so many seconds, as in `make fuzz FUZZ_SECONDS=600`: see fuzz/README.md.
FUZZ_SECONDS ?= 60
fuzz:
	@tests/provision/fuzz.sh $(FUZZ_SECONDS)
