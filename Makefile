.PHONY: run build deb test test-deb lint bench bench-memory bench-delay bench-instructions fuzz

# A primary, two replicas and Forebay in front of them; Ctrl-C ends exactly those.
run:
	@tests/provision/demo.sh
	cargo run --release -- demo

build:
	cargo build --release

# A package for this release of Debian or Ubuntu: target/debian/forebay_VERSION_ARCH.deb.
deb: build
	@"$$(tests/provision/cargo-deb.sh)/cargo-deb" --no-build --quiet --output target/debian/

# Installed in a scratch root, served from, removed and purged. Needs root.
test-deb: deb
	@tests/deb.sh "$$(ls -t target/debian/forebay_*.deb | head -n 1)"

# Everything that the tests need is brought first; nothing is done where it is there already.
test:
	@tests/provision/all.sh > /dev/null
	@tests/run.sh; status=$$?; tests/provision/settled.sh; exit $$status

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet
	@tests/provision/all.sh > /dev/null
	tests/provision/deny.sh

# Beside HAProxy and a direct connection: `make bench`, `make bench ARGS=--quick`. See benches/README.md.
bench: build
	@cargo build --release --quiet --example bare_relay
	@"$$(tests/provision/bench.sh)" -B benches/compare $(ARGS)

# Crowds, gigabytes, slow readers and a long soak: does it stay within bounds? `make bench-memory ARGS=soak` for one of them.
bench-memory: build
	@tests/provision/apt.sh mariadb-server-core mariadb-client-core sysbench
	@python3 -B benches/memory $(ARGS)

# Requests to servers that are not on the same host, direct and through Forebay. `make bench-delay ARGS="--round-trip 1"`.
bench-delay: build
	@tests/provision/apt.sh mariadb-server-core mariadb-client-core sysbench
	@cargo build --release --quiet --example delaying_relay
	@python3 -B benches/delay $(ARGS)

# What the hot path's parts cost in instructions, beside the kept numbers: `make bench-instructions ARGS=--keep` keeps new ones.
bench-instructions:
	@tests/provision/apt.sh valgrind
	@benches/instructions.py $(ARGS)

# Every fuzz target for so many seconds, as in `make fuzz FUZZ_SECONDS=600`: see fuzz/README.md.
FUZZ_SECONDS ?= 60
fuzz:
	@tests/provision/fuzz.sh $(FUZZ_SECONDS)
