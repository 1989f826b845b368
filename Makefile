# The README's commands. Meson does the building; this file only strings steps together.
.PHONY: run check check-quick build clean

# Not there yet: `tcbind demo` needs live migration. Says so and fails, rather than show half a story as the whole.
run: build
	@echo 'make run: the demonstration is not built yet; see README (A first session) and make check' >&2; exit 1

build: build/build.ninja
	ninja -C build

build/build.ninja:
	tools/install-packages
	meson setup build

check:
	tools/install-packages
	tools/check

check-quick: build
	meson test -C build --no-rebuild --no-suite e2e

clean:
	rm -rf build build-clang build-sanitize
