# SPDX-License-Identifier: MIT
# The README's commands. Meson does the building; this file only strings steps together.
.PHONY: run check check-model check-quick check-clients check-libvirt check-swtpm check-reproducible check-debian-12 check-debian-13 check-power simulate check-simulator fuzz-smoke build clean

run: build
	tools/build-guest build/guest
	build/cli/tcbind demo

build: build/build.ninja
	ninja -C build

build/build.ninja:
	tools/install-packages
	meson setup build

check:
	tools/install-packages --tests
	tools/check

check-quick: build
	meson test -C build --no-rebuild --no-suite e2e

check-clients: build
	tests/clients/run

check-libvirt: build
	tests/libvirt/run

# Power cuts at each operation on a file, tcbind beside swtpm (tests/power/check.sh); `make check` has a short form
check-power: build
	BUILD=$(CURDIR)/build POWER_WRITES=450 POWER_WRITES_SWTPM=50 POWER_VARIANTS=12 POWER_VARIANTS_SWTPM=4 POWER_SAMPLE=50 POWER_LEAST=5000 \
		tests/power/check.sh

fuzz-smoke:
	tools/install-packages --tests
	tools/fuzz-smoke

# The simulator finds each planted fault within a minute
check-simulator:
	tools/install-packages
	simulate/check

# The protocol's model (models/README.md): verified, and its mutants found
check-model:
	tools/install-packages spin
	models/check

# One run of the simulator, or as many as fit into SECONDS (simulate/README.md)
SEED = 1
simulate: build
	build/simulate/simulate$(if $(STAND_INS),_stand_in) --seed $(SEED) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(MOVES),--moves $(MOVES)) \
		$(if $(AVOID),--avoid $(AVOID)) $(if $(KEEP),--keep $(KEEP)) $(if $(SERIAL),--serial) $(if $(TRACE),--trace $(TRACE) --calls) $(SIMULATE_OPTIONS)

# swtpm's own tests, from Debian's source package, with swtpm and with ours
check-swtpm: build
	BUILD=build tests/swtpm/run

# A second clean build elsewhere: same measurements, opens this one's platform and migrates with it
check-reproducible: build
	tools/build-guest build/guest
	meson test -C build --no-rebuild -v e2e/reproducible

# make run and make check in a bare Debian 12 or 13, below build/ (root)
check-debian-12 check-debian-13:
	tools/check-debian $(@:check-debian-%=%)

clean:
	rm -rf build build-plant build-clang build-sanitize build-fuzz
