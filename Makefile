# What CI runs. `cargo test` alone needs Rust and a C compiler; `make check`
# also needs rustfmt, clippy and (if it is there) cargo-deny.

.PHONY: check fmt clippy doc deny fuzz-smoke bench-compile test real

check: fmt clippy doc deny unit-file containers book architecture fuzz-smoke bench-compile

fmt:
	cargo fmt --check

clippy:
	cargo clippy --all-targets --locked -- -D warnings

# The docs are for people who change the code, so private items are in them and
# may be linked to.
doc:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --no-deps --locked --document-private-items

# Advisories need a database from the network and are checked by hand.
deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --locked check licenses bans sources; \
	else echo "skipped: cargo-deny is not installed (cargo install cargo-deny)"; fi

.PHONY: unit-file
unit-file:
	deploy/check-service

.PHONY: containers
containers:
	deploy/check-containers

# docs/ as a book in target/book. tests/docs.rs holds its pages, links and commands.
.PHONY: book
book:
	@if command -v mdbook >/dev/null; then mdbook build docs; \
	else echo "skipped: mdbook is not installed (cargo install mdbook)"; fi

.PHONY: architecture
architecture:
	cargo test --locked --test architecture

fuzz-smoke:
	cargo test --locked --test hostile --test hostile_files

bench-compile:
	cargo bench --locked --no-run --profile dev

test:
	cargo test --locked

# The Debian package, of the program that `cargo build --release` makes.
.PHONY: deb
deb:
	cargo build --release --locked
	deploy/build-deb

# Real routers' software and other components, each started by its script;
# what is not installed is skipped with a reason.
real:
	tests/real/run
