# All tasks of this repository. `make` without a target lists them.
# Requires Go, a C compiler and make. The cluster also requires Docker with Compose v2 or docker-compose 1.29.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The same build flags everywhere, so that SQLite is compiled once and binaries are static where possible.
TAGS := sqlite_omit_load_extension,osusergo,netgo
export CGO_ENABLED := 1
export GOFLAGS := $(strip $(filter-out -tags=% -buildvcs=% -trimpath,$(GOFLAGS)) -buildvcs=false -trimpath -tags=$(TAGS))
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Static if the C library can be linked statically. Debian's can; others may need a package. Only images need it.
STATIC = $(shell echo 'int main(void) { return 0; }' | $$(go env CC) -static -x c -o /dev/null - 2>/dev/null && \
	echo '-linkmode external -extldflags "-static"')
LDFLAGS = -s -w -X main.version=$(VERSION) $(STATIC)

# Inputs of targets: make compare ARGS='--liars 1', make up N=7 MODE=single, make inspect ARGS='--epoch last'.
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
# The environment of the cluster; docker-compose.yml documents it and has the defaults.
export NYMAPIS PORT EPOCH TICKS MIXNODES SOURCE SEED ESTIMATOR MODE GOSSIP DHT

.PHONY: help build compare compare-original experiment experiment-quick test test-long attack attack-contract fuzz search bench bench-cometbft lint format generate check-modules check-docs \
	image image-multistage up down purge logs inspect verify db cluster-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' Makefile

build: ## build bin/ephemera, bin/nymapi and bin/contract, static if the C library allows it
	@mkdir -p bin
	go build -ldflags '$(LDFLAGS)' -o bin/ ./ephemera/cmd/ephemera ./nymapi/cmd/nymapi ./contract/cmd/contract

compare: build ## compare one Nym-API with many side by side; ARGS are flags of `nymapi compare`
	bin/nymapi compare $(ARGS)

compare-original: build ## run the original scenario: uniform values, the mean, and a contract that verifies nothing
	bin/nymapi compare --source uniform --estimator mean --verify none $(ARGS)

experiment: build ## compare rules over the whole grid (about half an hour on two cores); ARGS are flags of `nymapi experiment`
	bin/nymapi experiment $(ARGS)

experiment-quick: build ## compare rules over a few cells (less than a minute)
	bin/nymapi experiment --quick $(ARGS)

test: ## run every test with the race detector
	go test -trimpath=false -race -short -timeout 15m work
	@$(MAKE) --no-print-directory check-docs

test-long: ## run the long forms of the tests, some without the race detector, and every fuzz target
	go test -trimpath=false -race -timeout 120m -skip '^TestSoak$$' work
	go test -trimpath=false -timeout 60m -run Libp2p ./ephemera
	go test -trimpath=false -timeout 30m ./ephemera/internal/soak
	@$(MAKE) --no-print-directory attack
	@$(MAKE) --no-print-directory check-docs fuzz

attack: build ## attack real daemons by a member with a valid key, and by strangers; without ARGS the contract, too; ARGS='-only chain -seconds 10', ARGS=-list
	go build -o bin/attack ./ephemera/internal/attack
	@failed=0; bin/attack $(ARGS) || failed=1; $(if $(ARGS),,$(MAKE) --no-print-directory attack-contract || failed=1;) exit $$failed

attack-contract: build ## attack a contract and real Nym-APIs by strangers, by a member with bad addresses, and through its database; ARGS='-only silent -seconds 10', ARGS=-list
	go build -o bin/attack-contract ./nymapi/internal/attack
	bin/attack-contract $(ARGS)

fuzz: ## run every fuzz target for FUZZTIME (default 60s)
	scripts/fuzz.sh $(FUZZTIME)

search: ## test the core with random schedules of faults and adversaries for MINUTES (default 1); SEED repeats a run
	go run ./ephemera/simulation/cmd/search -minutes $(MINUTES) $(if $(SEED),-seed $(SEED))

bench: ## run the benchmarks and print medians of COUNT runs; BENCH selects by name, SHORT=1 skips the long ones
	GOWORK=off go -C scripts run ./bench -root .. -bench '$(BENCH)' -count $(COUNT) -benchtime $(BENCHTIME) $(if $(SHORT),-short)

bench-cometbft: ## compare a round with one of CometBFT, run in turn; ARGS='-n 4,10 -pairs 3'
	GOWORK=off go -C scripts/bench-cometbft run . $(ARGS)

lint: ## run gofmt, gofumpt, vet and staticcheck
	scripts/lint.sh

format: ## format the sources with gofumpt
	scripts/lint.sh --fix

generate: ## run the go:generate directives
	go generate work

check-modules: ## build, vet and tidy each module, on its own and in the workspace
	scripts/check-modules.sh

# The tests read files of every module, which the test cache does not notice: -count=1.
check-docs: ## check the import directions, the house rules, and the documents' code, commands and links
	GOWORK=off go -C scripts test -count=1 ./...

image: build ## build the container image from binaries built here; needs no base image
	scripts/image.sh host $(IMAGE) $(VERSION)

image-multistage: ## build the same image, compiled in golang:1.26-bookworm
	scripts/image.sh multistage $(IMAGE) $(VERSION)

up: image ## start the cluster: N=4 MODE=ephemera, and the variables listed in the README
	$(COMPOSE) up --detach --remove-orphans --no-build
	@echo
	@echo "The contract: http://localhost:$${PORT:-8080}    next: make logs, make inspect, make verify, make down"

down: ## stop the cluster but keep its members, keys and database for the next `make up`
	$(COMPOSE) down --remove-orphans

purge: ## stop the cluster and remove its members, keys and database
	$(COMPOSE) down --remove-orphans --volumes
	rm -rf cluster

logs: ## follow the cluster's logs
	$(COMPOSE) logs --follow --tail 100

db: build ## copy the cluster's contract database consistently to ./contract.db
	COMPOSE='$(COMPOSE)' scripts/contract-db.sh contract.db

inspect: db ## show what the cluster's contract decided, with the error against the truth, computed from the seed
	scripts/inspect.sh contract.db $(ARGS)

verify: build ## check all epochs of the running cluster against the group and the contract's key, copied once to ./cluster; ARGS='--epoch 7'
	COMPOSE='$(COMPOSE)' scripts/verify.sh cluster $(ARGS)

cluster-test: image ## test a separate cluster: start, kill, restart, remove (about two minutes)
	scripts/cluster-test.sh

clean: ## remove binaries, results, and copies from the cluster
	rm -rf bin results cluster contract.db contract.db-shm contract.db-wal contract.db.marker
