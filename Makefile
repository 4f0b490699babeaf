# Deskbeat: the commands of a working day. `make help` lists them.
SHELL := /bin/bash
CONFIGURATION ?= release
BIN := .build/$(CONFIGURATION)
# Tests use public and package interfaces only, so that they and the product are one build.
SWIFT_TEST := swift test -c $(CONFIGURATION) --disable-testable-imports

.PHONY: help deps build run test simulate chaos rolling soak fuzz sanitize lint format bench clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install the Debian packages that are missing
	@scripts/install-packages

build: deps ## build everything
	swift build -c $(CONFIGURATION)

run: build ## start broker and services, feed sample events, show KPIs and alerts (ONCE=1: print them and exit)
	@BIN=$(BIN) scripts/demo

test: deps ## run all tests
	$(SWIFT_TEST) $(if $(FILTER),--filter $(FILTER))

simulate: deps ## replay one seed of the simulation with its trace (SEED=4711), or run many (SEEDS=100000)
	$(if $(SEED),DESKBEAT_SIMULATION_SEED=$(SEED)) $(if $(SEEDS),DESKBEAT_SIMULATION_SEEDS=$(SEEDS)) \
		$(SWIFT_TEST) --filter SimulationTests

chaos: build ## kill real processes under traffic and judge what is left (DURATION=60 SEED=…)
	@Tests/Conformance/prepare.sh .build/conformance
	python3 Tests/Chaos/chaos.py --binaries $(BIN) --python .build/conformance/bin/python \
		$(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED)) $(CHAOS)

soak: build ## a month of traffic on the local broker in some minutes, with kills: memory and disk stay flat (SOAK="--days 30 --fsync")
	@Tests/Conformance/prepare.sh .build/conformance
	.build/conformance/bin/python Tests/Soak/broker.py --binaries $(BIN) $(SOAK)

rolling: build ## restart and scale every service under traffic, and judge what is left (ROUNDS=1 SEED=…)
	@Tests/Conformance/prepare.sh .build/conformance
	python3 Tests/Chaos/rolling.py --binaries $(BIN) --python .build/conformance/bin/python \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(ROLLING)

fuzz: deps ## fuzz what reads outside input (TARGET=rules SECONDS=600 SEED=…)
	@$(if $(SECONDS),SECONDS_EACH=$(SECONDS)) $(if $(TARGET),TARGET=$(TARGET)) $(if $(SEED),SEED=$(SEED)) scripts/fuzz

sanitize: deps ## run tests under the thread and address sanitizers, and look for leaks (ONLY=thread, address or leaks)
	@$(if $(ONLY),ONLY=$(ONLY)) scripts/sanitize

lint: ## check the format of all Swift files
	swift format lint --strict -r Package.swift Services Shared Tests

format: ## put all Swift files into the project's format
	swift format -i -r Package.swift Services Shared Tests

bench: build ## measure the hot paths and the pipeline against reference programs (BENCH="--rows pipeline --threads 2" for a part)
	@BENCH=1 scripts/install-packages
	@BIN=$(BIN) scripts/bench $(BENCH)

clean: ## remove build products and the demo's data
	rm -rf .build .deskbeat
