# liteboxd-agent. `make help` says what there is; `make test` and `make demo` each do all they need, as root.

PREFIX = /usr
DESTDIR =
UNITDIR = $(PREFIX)/lib/systemd/system
# Debian's zsh looks elsewhere for what packages bring.
ZSHDIR = $(PREFIX)/share/zsh/site-functions

# Shown by `liteboxd-agent version`; the manifest hands it to the compiler.
export LITEBOXD_COMMIT := $(shell git -c safe.directory='*' describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)

SWIFT = swift
# Given on the command line, it holds a binary that is there already.
RELEASE = .build/release
# Swift's and C++'s run time are linked in, so that only Debian's own C libraries remain. The linker takes
# libstdc++ as an archive since the directory that it looks in first holds nothing else. The tool chain's own linker packs
# relocations, which else are read at each start and stay in memory, exports no symbol that nobody asks for, and puts what
# runs at rest together (`make order`).
ARCHIVES = .build/archives
ORDER = Sources/liteboxd-agent/functions.order
STRIPPED = -s
RELEASE_FLAGS = -c release --static-swift-stdlib --disable-local-rpath -Xswiftc -L$(ARCHIVES) \
  -Xswiftc -Xclang-linker -Xswiftc -static-libgcc -Xswiftc -use-ld=lld -Xlinker $(STRIPPED) -Xlinker -z -Xlinker now \
  -Xlinker -z -Xlinker pack-relative-relocs -Xlinker --no-export-dynamic -Xlinker --icf=safe \
  -Xlinker --symbol-ordering-file=$(CURDIR)/$(ORDER) -Xlinker --no-warn-symbol-ordering
IMPORT_CHECK = --explicit-target-dependency-import-check error

# The tests and the demo run these.
export LITEBOXD_AGENT = $(abspath $(RELEASE))/liteboxd-agent
export LITEBOXD_LAB = $(abspath $(RELEASE))/liteboxd-lab

# The one place that says it.
VERSION := $(shell sed -n 's/.*BuildIdentity.version: "\([^"]*\)".*/\1/p' Sources/Agent/BuildIdentity.swift)

.PHONY: build help setup packaging release lint format test demo bench captures order chaos fuzz sanitize install deb dist clean root test-kernel-6.1
.NOTPARALLEL:

build: setup ## debug build (the default)
	$(SWIFT) build $(IMPORT_CHECK)

help: ## this list
	@sed -n 's/^\([a-z0-9.-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what is missing, with apt-get
	@.ci/setup

packaging: ## what building and checking the package needs, with apt-get
	@.ci/setup deb

ifeq ($(origin RELEASE),file)
release: setup ## the binary to install, .build/release/liteboxd-agent
	@mkdir -p $(ARCHIVES)
	@ln -sf "$$(gcc -print-file-name=libstdc++.a)" $(ARCHIVES)/libstdc++.a
	$(SWIFT) build $(RELEASE_FLAGS)
else
release:
	@test -x $(RELEASE)/liteboxd-agent || { echo "make: there is no $(RELEASE)/liteboxd-agent" >&2; exit 1; }
endif

lint: setup ## formatting, and imports that no dependency covers
	$(SWIFT) format lint --strict -r Sources Tests Package.swift
	$(SWIFT) build --build-tests $(IMPORT_CHECK)

format: ## put the sources into the project's format
	$(SWIFT) format -i -r Sources Tests Package.swift

test: root packaging release ## all tests, on this kernel (root)
	.ci/scenarios $(SWIFT) test --disable-xctest $(IMPORT_CHECK)

# What the agent does where the kernel cannot keep others from its nftables table. KERNEL_TESTS: a pattern of names.
test-kernel-6.1: root release ## the fail-closed tests on Debian 12's kernel, in an emulated machine (root)
	$(SWIFT) build --build-tests $(IMPORT_CHECK)
	.ci/kernel-6.1 $(if $(KERNEL_TESTS),'$(KERNEL_TESTS)')

demo: root release ## the agent at work in network namespaces (root)
	$(LITEBOXD_LAB) demo

# Figures are written to BENCH_JSON, and compared with those of BENCH_COMPARE: by default the last run's, if there is one.
BENCH_JSON ?= .build/bench.json
BENCH_COMPARE ?= $(wildcard $(BENCH_JSON))

bench: root release ## how fast the agent repairs and what it costs, beside its floor and its rivals (root)
	$(LITEBOXD_LAB) bench --json $(BENCH_JSON) $(addprefix --compare ,$(BENCH_COMPARE)) $(BENCH_OPTIONS)

captures: root release ## docs/operator-view.md and docs/dashboard.svg anew, from agents at work (root)
	$(LITEBOXD_LAB) captures docs

order: STRIPPED = --strip-debug
order: root packaging release ## which functions the linker puts together, anew, from an agent at work (root)
	$(LITEBOXD_LAB) order $(ORDER)

CHAOS_SECONDS ?= 600
CHAOS_SEED ?= $(shell date +%s)

chaos: root release ## faults at random for CHAOS_SECONDS, from CHAOS_SEED (root)
	@echo "CHAOS_SEED=$(CHAOS_SEED)"
	CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) $(SWIFT) test --disable-xctest $(IMPORT_CHECK) --filter ChaosTests

# The address sanitizer looks for no leaks: a pointer in an enum's payload carries a tag, and counts as lost. In the last
# run the agent itself is under it, in all scenarios but those that measure its memory or harden it; any report ends it.
sanitize: root packaging release ## the tests and the agent under the thread and address sanitizers (root)
	$(SWIFT) test --disable-xctest --sanitize=thread --scratch-path .build-thread
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --disable-xctest --sanitize=address --scratch-path .build-address
	ASAN_OPTIONS=detect_leaks=0 LITEBOXD_AGENT=$(CURDIR)/.build-address/debug/liteboxd-agent \
	  $(SWIFT) test --disable-xctest --skip-build --sanitize=address --scratch-path .build-address \
	  --filter ScenarioTests --skip 'ScenarioTests.(Overrun|Exhaustion|Idle|Crowd|ForeignFirewall|LinkManager)Tests'

# Seconds for each reader, and the seed that all of it follows from.
FUZZ_SECONDS ?= 10
FUZZ_SEED ?= $(shell date +%s)
fuzz: FUZZ_SEED := $(FUZZ_SEED)
fuzz: root setup ## broken input for all that reads, FUZZ_SECONDS each, from FUZZ_SEED (root)
	@echo "FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SEED=$(FUZZ_SEED)"
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SEED=$(FUZZ_SEED) ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 SWIFT_BACKTRACE=enable=no \
	  $(SWIFT) test --disable-xctest --filter FuzzTests --sanitize=address --scratch-path .build-address

# Below share/doc, files that name each other lie as they do here.
DOCUMENTS = $(DESTDIR)$(PREFIX)/share/doc/liteboxd-agent

install: ## what `make release` built, its units, completions, manuals and examples, into DESTDIR below PREFIX
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(RELEASE)/liteboxd-agent
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) systemd/*.service
	sed -i 's|/usr/bin/|$(PREFIX)/bin/|' $(DESTDIR)$(UNITDIR)/liteboxd-agent*.service
	install -D -m 644 systemd/sysusers.d-liteboxd.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/liteboxd.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/networkd.conf.d systemd/networkd-keep-foreign.conf
	install -D -m 644 config/NetworkManager.conf.d-liteboxd.conf $(DESTDIR)$(PREFIX)/lib/NetworkManager/conf.d/liteboxd.conf
	install -D -m 644 config/rt_protos.d-liteboxd.conf $(DESTDIR)/etc/iproute2/rt_protos.d/liteboxd.conf
	install -D -m 644 config/rt_tables.d-liteboxd.conf $(DESTDIR)/etc/iproute2/rt_tables.d/liteboxd.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 docs/liteboxd-agent.8
	install -D -m 644 config/completions/liteboxd-agent.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/liteboxd-agent
	install -D -m 644 -t $(DESTDIR)$(ZSHDIR) config/completions/_liteboxd-agent
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d config/completions/liteboxd-agent.fish
	install -D -m 644 -t $(DOCUMENTS) README.md README.zh-CN.md CHANGELOG.md LICENSE
	install -D -m 644 -t $(DOCUMENTS)/docs docs/*.md docs/*.svg
	install -D -m 644 -t $(DOCUMENTS)/docs/zh-CN docs/zh-CN/*.md
	install -D -m 644 -t $(DOCUMENTS)/docs/decisions docs/decisions/*.md
	install -D -m 644 -t $(DOCUMENTS)/examples config/*.yaml config/*.json
	install -d -m 750 $(DESTDIR)/etc/liteboxd

# Of a copy of what it takes, since dpkg-buildpackage writes beside and into the tree that it is run in.
DEB = .build/deb
PACKAGED = Makefile README.md README.zh-CN.md CHANGELOG.md LICENSE config debian docs systemd Sources/Agent/BuildIdentity.swift

deb: packaging release ## the Debian package, in .build/deb
	rm -rf $(DEB)
	mkdir -p $(DEB)/source
	cp -r --parents $(PACKAGED) $(DEB)/source
	cd $(DEB)/source && RELEASE=$(abspath $(RELEASE)) dpkg-buildpackage -b -us -uc
	rm -r $(DEB)/source

# Two runs of one commit make the same bytes.
DIST = liteboxd-agent-$(VERSION)-linux-$(shell uname -m)
EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git -c safe.directory='*' log -1 --format=%ct 2>/dev/null || echo 0))

dist: release ## the installed tree as an archive, in .build/dist
	rm -rf .build/dist
	umask 022 && $(MAKE) --no-print-directory install RELEASE=$(RELEASE) DESTDIR=.build/dist/$(DIST) PREFIX=/usr
	install -m 644 docs/INSTALL .build/dist/$(DIST)/INSTALL
	tar --create --directory=.build/dist --sort=name --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner $(DIST) \
	  | gzip -n -9 >.build/dist/$(DIST).tar.gz
	rm -r .build/dist/$(DIST)

clean: ## remove what was built
	rm -rf .build .build-thread .build-address

root:
	@[ "$$(id -u)" -eq 0 ] || { \
	  echo "make $(MAKECMDGOALS): needs root, for network namespaces; nothing outside them is touched" >&2; exit 1; }
