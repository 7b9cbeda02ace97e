# Everything that people do with this repository. `make` alone lists the targets.
# Needs Go, a C compiler and make; the cluster needs Docker with Compose v2 or docker-compose 1.29 as well.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# One set of build flags everywhere, so that SQLite is compiled once and every binary is static where the platform can.
TAGS := sqlite_omit_load_extension,osusergo,netgo
export CGO_ENABLED := 1
export GOFLAGS := $(strip $(filter-out -tags=% -buildvcs=% -trimpath,$(GOFLAGS)) -buildvcs=false -trimpath -tags=$(TAGS))
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Static where the C library can be linked so; Debian's can, others may need a package for it, and only images need it.
STATIC = $(shell echo 'int main(void) { return 0; }' | $$(go env CC) -static -x c -o /dev/null - 2>/dev/null && \
	echo '-linkmode external -extldflags "-static"')
LDFLAGS = -s -w -X main.version=$(VERSION) $(STATIC)

# Inputs of single targets: make compare ARGS='--liars 1', make up N=7 MODE=single, make inspect ARGS='--epoch last'.
ARGS ?=
COUNT ?= 5
BENCH ?= .
BENCHTIME ?= 1s
FUZZTIME ?= 60s
MINUTES ?= 1
IMAGE ?= nym-rewarding:local
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
export IMAGE
ifdef N
export NYMAPIS := $(N)
endif
# The cluster's environment, see docker-compose.yml; what is not set there has its default there.
export NYMAPIS PORT EPOCH TICKS MIXNODES SOURCE SEED ESTIMATOR MODE GOSSIP TOKEN

.PHONY: help build compare compare-original test test-long fuzz search bench lint format generate check-modules check-docs \
	image image-multistage up down purge logs inspect db cluster-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' Makefile

build: ## build bin/ephemera, bin/nymapi and bin/contract, static where the C library allows it
	@mkdir -p bin
	go build -ldflags '$(LDFLAGS)' -o bin/ ./ephemera/cmd/ephemera ./nymapi/cmd/nymapi ./contract/cmd/contract

compare: build ## one Nym-API against many, side by side; flags of `nymapi compare` in ARGS
	bin/nymapi compare $(ARGS)

compare-original: build ## the scenario as first described: uniform values, mean, a contract that believes anybody
	bin/nymapi compare --source uniform --estimator mean --verify none $(ARGS)

test: ## every test, with the race detector
	go test -trimpath=false -race -short -timeout 15m work
	@$(MAKE) --no-print-directory check-docs

test-long: ## the tests with their long forms, what the race detector is too slow for without it, then every fuzz target for FUZZTIME
	go test -trimpath=false -race -timeout 120m -skip '^TestSoak$$' work
	go test -trimpath=false -timeout 60m -run Libp2p ./ephemera
	go test -trimpath=false -timeout 30m ./ephemera/soak
	@$(MAKE) --no-print-directory check-docs fuzz

fuzz: ## every fuzz target for FUZZTIME (default 60s)
	scripts/fuzz.sh $(FUZZTIME)

search: ## random schedules with faults and adversaries against the core, for MINUTES (default 1); SEED to repeat
	go run ./ephemera/simulation/cmd/search -minutes $(MINUTES) $(if $(SEED),-seed $(SEED))

bench: ## benchmarks: machine, command and medians of COUNT runs; BENCH selects by name, SHORT=1 leaves out the long ones
	GOWORK=off go -C scripts run ./bench -root .. -bench '$(BENCH)' -count $(COUNT) -benchtime $(BENCHTIME) $(if $(SHORT),-short)

lint: ## gofmt, gofumpt, vet, staticcheck
	scripts/lint.sh

format: ## rewrite the sources as gofumpt wants them
	scripts/lint.sh --fix

generate: ## run the sources' go:generate lines
	go generate work

check-modules: ## each module in the workspace and alone: build, vet, tidy
	scripts/check-modules.sh

# These read files of every module, so a cached result would not notice a change: -count=1.
check-docs: ## the import directions, the house rules, and the documents' code and commands
	GOWORK=off go -C scripts test -count=1 ./...

image: build ## the container image from binaries built here; needs no base image
	scripts/image.sh host $(IMAGE) $(VERSION)

image-multistage: ## the same image, compiled inside golang:1.26-bookworm
	scripts/image.sh multistage $(IMAGE) $(VERSION)

up: image ## start the cluster: N=4 MODE=ephemera, and the environment that README lists
	$(COMPOSE) up --detach --remove-orphans --no-build
	@echo
	@echo "The contract: http://localhost:$${PORT:-8080}    next: make logs, make inspect, make db, make down"

down: ## stop the cluster; its members, keys and database stay for the next `make up`
	$(COMPOSE) down --remove-orphans

purge: ## stop the cluster and remove its members, keys and database
	$(COMPOSE) down --remove-orphans --volumes

logs: ## follow the cluster's logs
	$(COMPOSE) logs --follow --tail 100

db: build ## a consistent copy of the cluster's contract database as ./contract.db
	COMPOSE='$(COMPOSE)' scripts/contract-db.sh contract.db

inspect: db ## what the cluster's contract decided, with the error against the truth computed anew from the seed
	scripts/inspect.sh contract.db $(ARGS)

cluster-test: image ## start, kill, restart and remove a cluster of its own (about two minutes)
	scripts/cluster-test.sh

clean: ## remove what was built and computed here
	rm -rf bin results contract.db contract.db-shm contract.db-wal
