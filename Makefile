# SPDX-License-Identifier: GPL-2.0-only
# Both do all the set-up themselves, on a fresh Debian 12 as root or with sudo:
#
#   make demo     the main job, on a lab of virtual nodes
#   make test     everything that proves it
#
# Parts of them: make lint, make unit (seconds), make test-local (no virtual machines).
# Speed: make bench-kmod, make bench-salt.

VENV := .venv
BIN := $(VENV)/bin
SPACE := $(subst ,, )
# A file's tests share their machines, so a file stays in one process; the files
# keep their order, in which the longest come first.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
# The shell programs, wherever they are, but toa-node: that is joined from its parts.
SCRIPTS := kmod/have.sh lab/setup.sh $(wildcard lab/shell/*) .ci/run

demo: $(VENV)/ready
	$(BIN)/python -m lab.demo

# sshd; package managers for toa-node toolchain, podman and systemd-nspawn for toa-node build.
test test-local: MORE_TOOLS := openssh-server sudo dnf zypper rpm createrepo-c apt-utils git podman runc systemd-container curl wget

test: $(VENV)/ready lint
	$(BIN)/python -m pytest -ra --durations=12 $(SIDE_BY_SIDE) -m 'not arm64' tests

test-local: $(VENV)/ready
	$(BIN)/python -m pytest -ra $(SIDE_BY_SIDE) -m 'not lab' tests

# What one runs at each step: pure functions, and the walls between the rooms.
UNITS := tests/unit tests/node/test_node_parts.py tests/salt/test_truths.py tests/kmod/test_have.py
unit: $(VENV)/ready
	$(BIN)/python -m pytest -ra -n 2 $(UNITS)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	shellcheck $(SCRIPTS)
	PYTHONPATH=. $(BIN)/python tests/node/lint.py
	$(BIN)/salt-lint $(wildcard salt/toa/*.sls salt/toa/reactor/*.sls)

# toa-node as one program, the hash by which a Salt minion knows it, and what it says of
# itself: after each change of a part.
node: $(VENV)/ready
	mkdir -p build/node
	$(BIN)/python -m toa_fleet.node_program >build/node/toa-node
	cd build/node && sha256sum toa-node >../../toa_fleet/node/toa-node.sha256
	sh build/node/toa-node help >docs/toa-node-help.txt

# Of what toa.ko reads from outside, SECONDS for each reader; see docs/proof.md.
fuzz: MORE_TOOLS := clang libclang-rt-dev
fuzz: $(VENV)/ready
	$(BIN)/python tests/kmod/fuzz.py --seconds $(or $(SECONDS),60)

# toa.ko in a kernel with KASAN, lockdep, kmemleak and more, which is built first.
test-debug-kernel: MORE_TOOLS := flex bison bc libelf-dev
test-debug-kernel: $(VENV)/ready
	TOA_TEST_KERNELS=debug TOA_TEST_SCALE=$(or $(SCALE),0.1) $(BIN)/python -m pytest -ra --timeout 7200 \
		--durations=5 tests/kmod/test_on_debug_kernel.py tests/kmod/test_on_kernels.py

# Connections and load/unload cycles for long: SCALE=40 is 400,000 and 200 a kernel.
soak: $(VENV)/ready
	TOA_TEST_KERNELS="$(subst $(SPACE),:,$(or $(KERNELS),bookworm))" TOA_TEST_SCALE=$(or $(SCALE),40) \
		$(BIN)/python -m pytest -ra --timeout 36000 --durations=5 \
		-k 'thousands or under_load' tests/kmod/test_on_kernels.py

# sparse and checkpatch, which is fetched with the kernel's source.
lint-kmod: MORE_TOOLS := sparse perl
lint-kmod: $(VENV)/ready
	PYTHONPATH=. $(BIN)/python tests/kmod/lint.py

# toa.ko on arm64, emulated: a cross compiler and a kernel more, so not in `make test`.
test-arm64: MORE_TOOLS := qemu-system-arm
test-arm64: $(VENV)/ready
	$(BIN)/python -m pytest -ra tests/kmod/test_on_arm64.py

# The tests of toa.ko on kernels that Debian has not; see docs/kernels.md:
# make test-kernels KERNELS=/root/rhel7:/root/ubuntu16.04
test-kernels: $(VENV)/ready
	TOA_TEST_KERNELS="$(KERNELS)" $(BIN)/python -m pytest -ra tests/kmod/test_on_kernels.py

# The cost of toa.ko in instructions; KERNELS="bookworm trixie" for others.
bench-kmod: $(VENV)/ready
	$(BIN)/python -m bench.kmod $(KERNELS)

# What `state.apply toa` takes where nothing changes, beside kmod.present.
bench-salt: $(VENV)/ready
	$(BIN)/python -m bench.salt

$(VENV)/ready: tools setup.cfg pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	test $@ -nt setup.cfg -a $@ -nt pyproject.toml || \
		$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	touch $@

# What Debian packages: compilers, QEMU, shells. Quick when all is there.
tools:
	sh lab/setup.sh $(MORE_TOOLS)

clean:
	rm -rf $(VENV) build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: node demo test test-local test-arm64 test-kernels unit lint fuzz test-debug-kernel soak lint-kmod bench-kmod bench-salt tools clean
