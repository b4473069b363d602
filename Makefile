# SPDX-License-Identifier: MIT
# `make help` lists the targets. This is the only Makefile of Sluice; everything it makes is under build/.

CC        ?= gcc
CLANG     ?= clang
PKGCONFIG ?= pkg-config
PREFIX    ?= /usr/local
V         ?= 0
SAN       ?=
TEST      ?= 0
WITH_MB   ?= auto
WITH_XDP  ?= auto
Q         := $(if $(filter 1,$(V)),,@)
say        = @printf '  %-6s %s\n' $(1) $(2)
VERSION   := $(shell cat VERSION)
# A sanitizer or test build has a folder of its own, so that build/bin always has the programs that a user runs.
comma     := ,
BUILD     ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))$(if $(filter 1,$(TEST)),/test)

has        = $(shell $(PKGCONFIG) --exists $(1) 2>/dev/null && echo yes)
have_file  = $(shell echo '\#include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo yes)
use_mb    := $(if $(filter auto,$(WITH_MB)),$(call have_file,intel-ipsec-mb.h),$(filter yes,$(WITH_MB)))
use_xdp   := $(if $(filter auto,$(WITH_XDP)),$(and $(call has,libxdp libbpf libmnl),$(shell command -v $(CLANG))),$(filter yes,$(WITH_XDP)))

PKGS      := libevent libevent_pthreads libevent_openssl libsrtp2 libssl libcrypto jansson inih libsystemd lmdb hiredis \
             $(if $(use_xdp),libxdp libbpf libmnl)
PKG_FLAGS := $(shell $(PKGCONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS  := $(shell $(PKGCONFIG) --libs $(PKGS) 2>/dev/null) $(if $(use_mb),-lIPSec_MB)

WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
             $(if $(WERROR),-Werror)
# With these flags an object can be linked into a program and into a shared library of the tests; its code is as with -fPIE.
PIC       := -fPIC -fno-semantic-interposition -ftls-model=initial-exec
HARDEN    := -fstack-protector-strong $(PIC) -fcf-protection $(if $(SAN),,-D_FORTIFY_SOURCE=2) \
             $(if $(findstring clang,$(CC)),,-ftrivial-auto-var-init=zero)
OPT       ?= -O2 -g
CFLAGS    += -std=gnu11 $(OPT) $(WARN) $(HARDEN) -fno-strict-aliasing -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) \
             $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined)
CPPFLAGS  += -I. -I$(BUILD)/gen -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' $(if $(use_mb),-DWITH_MB=1) $(if $(use_xdp),-DWITH_XDP=1) \
             $(if $(filter 1,$(TEST)),-DSLUICE_TEST_BUILD=1) $(PKG_FLAGS)
LDFLAGS   += -pie -Wl,-z,relro,-z,now -pthread $(if $(SAN),-fsanitize=$(SAN))
LDLIBS    += $(PKG_LIBS) -lm

OPTIONAL  := $(if $(use_mb),,relay/engine/mb.c $(wildcard relay/engine/mb_*.c)) $(if $(use_xdp),,$(wildcard relay/io/xdp*.c relay/io/route*.c))
# One archive for each layer, the top layer first. An archive can use only the archives after it, so a call to a higher layer fails to link.
LAYERS    := control relay keyctx base
sources    = $(filter-out $(OPTIONAL) %.bpf.c,$(wildcard $(1)/*.c $(1)/*/*.c))
objects    = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_SRC   := $(foreach l,$(LAYERS),$(call sources,$(l)))
LIBS      := $(LAYERS:%=$(BUILD)/lib%.a)
# Programs that are linked without the relay.
NO_RELAY  := sluice-kms
libs       = $(filter-out $(if $(filter $(NO_RELAY),$(1)),%/librelay.a),$(LIBS))
CMD_SRC   := $(wildcard cmd/*.c)
CMD_PART  := $(wildcard cmd/*/*.c)
BENCH_SRC := $(wildcard bench/*.c bench/*/*.c)
# All of bench/ except its main function, so that unit tests can link it.
BENCH_LIB := $(if $(BENCH_SRC),$(BUILD)/libbench.a)
PROGRAMS  := $(CMD_SRC:cmd/%.c=$(BUILD)/bin/%) $(if $(wildcard bench/cmd/main.c),$(BUILD)/bin/sluice-bench)
UNIT_SRC  := $(filter-out $(if $(use_xdp),,$(wildcard tests/unit/test_xdp*.c tests/unit/test_route*.c)),$(wildcard tests/unit/test_*.c tests/sim/test_*.c))
UNIT      := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
REPLAYERS := $(FUZZ_SRC:%.c=$(BUILD)/%)
FUZZERS   := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/bin/%)
# Sources that all test programs link. replay.c (a main function) and fake_relay.c (it replaces the relay) are linked only by the rules that name them.
HARNESS   := $(filter-out %/replay.c %/fake_relay.c,$(wildcard tests/harness/*.c))
# Tests of control/ that link tests/harness/fake_relay.c in place of the relay.
ON_FAKE   := unit/test_dialog% unit/test_keying unit/test_ng_% unit/test_ng unit/test_rpc_% unit/test_service% fuzz/fuzz_json_rpc
layers_of  = $(if $(filter $(ON_FAKE),$(1)),$(LAYERS:relay=fake_relay),$(LAYERS))
static_of  = $(patsubst %,$(BUILD)/lib%.a,$(layers_of))
shared_of  = $(patsubst %,$(BUILD)/tests/lib%.so,$(layers_of))
BPF_SRC   := $(if $(use_xdp),$(wildcard relay/io/*.bpf.c))
BPF_GEN   := $(BPF_SRC:relay/io/%.bpf.c=$(BUILD)/gen/%.skel.h)

.PHONY: all deps deps-test run check check-long check-fast sim system lint tidy fuzz bench install uninstall clean help FORCE
.DEFAULT_GOAL := all
.SECONDARY:

all: $(PROGRAMS) ## build every program into build/bin (options: SAN=address,undefined, SAN=thread, WITH_MB=no, WITH_XDP=no, V=1)

$(BUILD)/%.o: %.c $(BUILD)/flags | $(BPF_GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/gen/%.skel.h: relay/io/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -O2 -g -target bpf -I. -I/usr/include/$(shell $(CC) -print-multiarch) -c $< -o $(@D)/$*.bpf.o
	$(Q)bpftool gen skeleton $(@D)/$*.bpf.o name $(subst -,_,$*) > $@.tmp && mv $@.tmp $@

# When the flags change, all objects are built again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS))' > $@

.SECONDEXPANSION:
$(LIBS): $(BUILD)/lib%.a: $$(call objects,$$(call sources,$$*))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/libbench.a: $(call objects,$(filter-out bench/cmd/main.c,$(BENCH_SRC)))
$(BUILD)/libharness.a: $(call objects,$(HARNESS))
# The files of relay/ itself, without its rooms, are tables that handle no packets: the fake relay uses them, too.
$(BUILD)/libfake_relay.a: $(call objects,tests/harness/fake_relay.c $(wildcard relay/*.c))
$(BUILD)/libbench.a $(BUILD)/libharness.a $(BUILD)/libfake_relay.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# Test programs load the layers as shared libraries: a hundred statically linked programs would take 200 MB.
$(BUILD)/tests/lib%.so: $(BUILD)/lib%.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared $(filter-out -pie,$(LDFLAGS)) -Wl,--whole-archive $^ -Wl,--no-whole-archive -o $@

$(BUILD)/bin/sluice-bench: $(BUILD)/bench/cmd/main.o $(BENCH_LIB) $(LIBS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# A program is built from cmd/NAME.c and, if there is a folder cmd/NAME/, from the sources in it.
$(BUILD)/bin/%: $(BUILD)/cmd/%.o $$(call objects,$$(wildcard cmd/$$*/*.c)) $$(call libs,$$*)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/bin/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/libharness.a $(BENCH_LIB) $$(call static_of,fuzz/fuzz_$$*)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

# This test measures the packet path, so it is linked like a program: statically.
$(BUILD)/tests/unit/test_path_cost: $(BUILD)/tests/unit/test_path_cost.o $(BUILD)/libharness.a $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(REPLAYERS): $(BUILD)/tests/harness/replay.o
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libharness.a $(BENCH_LIB) $$(call shared_of,$$*)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' $(filter %.o,$^) $(filter-out %.o,$^) $(LDLIBS) -o $@

deps: ## install the Debian packages that the build needs; prints what it installs, and why
	@.ci/deps build

deps-test: ## install the packages that the tests with foreign programs need
	@.ci/deps test

run: deps ## install packages, build, start the gateway and play one e2ae call (DEMO_SECONDS=5: stop after 5 s)
	@$(MAKE) --no-print-directory -j"$$(nproc)" all
	@exec $(BUILD)/bin/sluice-demo

check: deps deps-test ## install packages, build with warnings as errors, run lint and every test
	@$(MAKE) --no-print-directory WERROR=1 all build-tests
	@$(MAKE) --no-print-directory WERROR=1 TEST=1 BUILD=build/test all
	@tests/run all

check-long: check ## check, then the tests that are too slow for every change: unit and sim under the thread sanitizer
	@tests/run long

check-fast: ## lint, unit, sim and fuzz replays; installs nothing and starts no program
	@$(MAKE) --no-print-directory WERROR=1 all build-tests
	@BUILD=$(BUILD) tests/run fast

sim: ; @$(MAKE) --no-print-directory build-tests && BUILD=$(BUILD) tests/run sim ## test the whole relay over a network in memory
system: all ; @BUILD=$(BUILD) tests/run system ## test the built programs in network namespaces
.PHONY: build-tests
build-tests: $(UNIT) $(REPLAYERS)

lint: ## check layers, doorways, sizes, words and format of the sources
	@tests/run lint

tidy: ## run clang-tidy on the sources (slow)
	@clang-tidy --quiet $(LIB_SRC) $(CMD_SRC) -- $(CPPFLAGS) -std=gnu11

fuzz: ## fuzz every target with libFuzzer (options: FUZZ_SECONDS=60 for each target, FUZZ=NAME)
	@$(MAKE) --no-print-directory CC=$(CLANG) SAN=address,undefined,fuzzer-no-link BUILD=build/fuzz fuzzers
	@tests/fuzz/run $(or $(FUZZ_SECONDS),60) $(FUZZ)

.PHONY: fuzzers
fuzzers: $(FUZZERS)

bench: all ## run a short round of every measurement; writes build/bench/report.html
	@bench/run

install: all ## install into $(DESTDIR)$(PREFIX)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BUILD='$(BUILD)' cmd/share/install install

uninstall: ## remove the files that `make install` installed
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BUILD='$(BUILD)' cmd/share/install uninstall

clean: ## remove build/
	rm -rf build

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
