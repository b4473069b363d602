# SPDX-License-Identifier: MIT
# Sluice: `make help` lists what can be made. One file, not recursive; objects live under build/.

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
# A sanitizer or test build has a folder of its own, so that build/bin is always what a user runs.
comma     := ,
BUILD     ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))$(if $(filter 1,$(TEST)),/test)

has        = $(shell $(PKGCONFIG) --exists $(1) 2>/dev/null && echo yes)
have_file  = $(shell echo '\#include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo yes)
use_mb    := $(if $(filter auto,$(WITH_MB)),$(call have_file,intel-ipsec-mb.h),$(filter yes,$(WITH_MB)))
use_xdp   := $(if $(filter auto,$(WITH_XDP)),$(and $(call has,libxdp libbpf libmnl),$(shell command -v $(CLANG))),$(filter yes,$(WITH_XDP)))

PKGS      := libevent libevent_pthreads libevent_openssl libsrtp2 libssl libcrypto jansson inih libsystemd lmdb \
             $(if $(use_xdp),libxdp libbpf libmnl)
PKG_FLAGS := $(shell $(PKGCONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS  := $(shell $(PKGCONFIG) --libs $(PKGS) 2>/dev/null) $(if $(use_mb),-lIPSec_MB)

WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
             $(if $(WERROR),-Werror)
# One object serves the programs and the shared libraries of the tests; linked into a program it is the same code as with -fPIE.
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
# One archive for each layer, in the order of the arrows: an archive uses only those behind it, so the linker refuses an arrow that points up.
LAYERS    := control relay keyctx base
sources    = $(filter-out $(OPTIONAL) %.bpf.c,$(wildcard $(1)/*.c $(1)/*/*.c))
objects    = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_SRC   := $(foreach l,$(LAYERS),$(call sources,$(l)))
LIBS      := $(LAYERS:%=$(BUILD)/lib%.a)
# Programs that do without the relay.
NO_RELAY  := sluice-kms
libs       = $(filter-out $(if $(filter $(NO_RELAY),$(1)),%/librelay.a),$(LIBS))
CMD_SRC   := $(wildcard cmd/*.c)
CMD_PART  := $(wildcard cmd/*/*.c)
BENCH_SRC := $(wildcard bench/*.c bench/*/*.c)
# Everything of bench/ but its main, so that unit tests can link it.
BENCH_LIB := $(if $(BENCH_SRC),$(BUILD)/libbench.a)
PROGRAMS  := $(CMD_SRC:cmd/%.c=$(BUILD)/bin/%) $(if $(wildcard bench/cmd/main.c),$(BUILD)/bin/sluice-bench)
UNIT_SRC  := $(filter-out $(if $(use_xdp),,$(wildcard tests/unit/test_xdp*.c tests/unit/test_route*.c)),$(wildcard tests/unit/test_*.c tests/sim/test_*.c))
UNIT      := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
REPLAYERS := $(FUZZ_SRC:%.c=$(BUILD)/%)
FUZZERS   := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/bin/%)
# What test programs have in common. replay.c has a main, fake_relay.c the functions of the relay: they are linked by name.
HARNESS   := $(filter-out %/replay.c %/fake_relay.c,$(wildcard tests/harness/*.c))
# Tests of control/ that link tests/harness/fake_relay.c in place of the relay.
ON_FAKE   := unit/test_dialog% unit/test_keying unit/test_ng_% unit/test_ng unit/test_service% fuzz/fuzz_json_rpc
layers_of  = $(if $(filter $(ON_FAKE),$(1)),$(LAYERS:relay=fake_relay),$(LAYERS))
static_of  = $(patsubst %,$(BUILD)/lib%.a,$(layers_of))
shared_of  = $(patsubst %,$(BUILD)/tests/lib%.so,$(layers_of))
BPF_SRC   := $(if $(use_xdp),$(wildcard relay/io/*.bpf.c))
BPF_GEN   := $(BPF_SRC:relay/io/%.bpf.c=$(BUILD)/gen/%.skel.h)

.PHONY: all deps deps-test run check check-long check-fast sim system lint tidy fuzz bench install uninstall clean help FORCE
.DEFAULT_GOAL := all
.SECONDARY:

all: $(PROGRAMS) ## build every program into build/bin (SAN=address,undefined, SAN=thread, WITH_MB=no, WITH_XDP=no, V=1)

$(BUILD)/%.o: %.c $(BUILD)/flags | $(BPF_GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/gen/%.skel.h: relay/io/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -O2 -g -target bpf -I. -I/usr/include/$(shell $(CC) -print-multiarch) -c $< -o $(@D)/$*.bpf.o
	$(Q)bpftool gen skeleton $(@D)/$*.bpf.o name $(subst -,_,$*) > $@.tmp && mv $@.tmp $@

# Objects are made again when the flags change.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS))' > $@

.SECONDEXPANSION:
$(LIBS): $(BUILD)/lib%.a: $$(call objects,$$(call sources,$$*))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/libbench.a: $(call objects,$(filter-out bench/cmd/main.c,$(BENCH_SRC)))
$(BUILD)/libharness.a: $(call objects,$(HARNESS))
# The relay's own folder is words and tables without packets: the fake relay has it too.
$(BUILD)/libfake_relay.a: $(call objects,tests/harness/fake_relay.c $(wildcard relay/*.c))
$(BUILD)/libbench.a $(BUILD)/libharness.a $(BUILD)/libfake_relay.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# Test programs load the layers as shared libraries: a hundred copies of them would take 200 MB.
$(BUILD)/tests/lib%.so: $(BUILD)/lib%.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared $(filter-out -pie,$(LDFLAGS)) -Wl,--whole-archive $^ -Wl,--no-whole-archive -o $@

$(BUILD)/bin/sluice-bench: $(BUILD)/bench/cmd/main.o $(BENCH_LIB) $(LIBS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# A program is cmd/NAME.c and, where it has them, the parts in cmd/NAME/.
$(BUILD)/bin/%: $(BUILD)/cmd/%.o $$(call objects,$$(wildcard cmd/$$*/*.c)) $$(call libs,$$*)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/bin/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/libharness.a $$(call static_of,fuzz/fuzz_$$*)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

# Measures the path: linked as a program is.
$(BUILD)/tests/unit/test_path_cost: $(BUILD)/tests/unit/test_path_cost.o $(BUILD)/libharness.a $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(REPLAYERS): $(BUILD)/tests/harness/replay.o
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libharness.a $(BENCH_LIB) $$(call shared_of,$$*)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' $(filter %.o,$^) $(filter-out %.o,$^) $(LDLIBS) -o $@

deps: ## install the Debian packages the build needs (idempotent; says what and why)
	@.ci/deps build

deps-test: ## install what the tests against foreign programs need
	@.ci/deps test

run: deps ## set up, build, start the gateway and play one e2ae call (DEMO_SECONDS=5 ends by itself)
	@$(MAKE) --no-print-directory -j"$$(nproc)" all
	@exec $(BUILD)/bin/sluice-demo

check: deps deps-test ## set up, build with warnings as errors, lint, run every test
	@$(MAKE) --no-print-directory WERROR=1 all build-tests
	@$(MAKE) --no-print-directory WERROR=1 TEST=1 BUILD=build/test all
	@tests/run all

check-long: check ## check, then what takes too long for every change: the thread sanitizer
	@tests/run long

check-fast: ## unit, sim and fuzz replays of what is built here; no packages, no programs started
	@$(MAKE) --no-print-directory WERROR=1 all build-tests
	@BUILD=$(BUILD) tests/run fast

sim: ; @$(MAKE) --no-print-directory build-tests && BUILD=$(BUILD) tests/run sim ## whole relay over the network in memory
system: all ; @BUILD=$(BUILD) tests/run system ## the programs, for real
.PHONY: build-tests
build-tests: $(UNIT) $(REPLAYERS)

lint: ## layers, doorways, sizes, words; format
	@tests/run lint

tidy: ## clang-tidy over the sources (slow)
	@clang-tidy --quiet $(LIB_SRC) $(CMD_SRC) -- $(CPPFLAGS) -std=gnu11

fuzz: ## coverage-guided fuzzing of every target for FUZZ_SECONDS (60) each, with libFuzzer
	@$(MAKE) --no-print-directory CC=$(CLANG) SAN=address,undefined,fuzzer-no-link BUILD=build/fuzz fuzzers
	@tests/fuzz/run $(or $(FUZZ_SECONDS),60) $(FUZZ)

.PHONY: fuzzers
fuzzers: $(FUZZERS)

bench: all ## a short round of every measurement; leaves build/bench/report.html
	@bench/run

install: all ## install into $(DESTDIR)$(PREFIX)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BUILD='$(BUILD)' cmd/share/install install

uninstall: ## remove what install put there
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BUILD='$(BUILD)' cmd/share/install uninstall

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
