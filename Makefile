# make help lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A machine's own settings of the go command must not decide whether tests pass.
export GOENV = off
export GOFLAGS =

BIN := $(CURDIR)/bin

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

.PHONY: build
build: ## build bin/imgo and bin/imgo-sigstore, without cgo as in releases: the dynamic linker would add 3 ms to each start
	CGO_ENABLED=0 go build -trimpath -o $(BIN)/ ./cmd/imgo ./cmd/imgo-sigstore

.PHONY: unit
unit: ## the tests that need only Go, all of them, with the race detector
	IMGO_TEST_LONG=1 go test -race -timeout 30m ./...

.PHONY: setup
setup: ## install the components of the end-to-end tests (Debian, as root); cosign is built, minutes the first time
	./internal/e2e/setup.sh $(BIN)
	./internal/actiontest/setup.sh $(BIN)

.PHONY: test
test: setup unit e2e ## everything: installs what is missing, unit and end-to-end tests

.PHONY: e2e
e2e: build ## the end-to-end tests alone, against real components; RUN=TestPush for some
	IMGO_E2E_BIN=$(BIN)/imgo go test -tags e2e -count=1 -timeout 30m -run '$(or $(RUN),.)' ./internal/e2e/...
	go test -tags e2e -count=1 -timeout 30m -run '$(or $(RUN),.)' ./internal/actiontest/...

.PHONY: e2e-real
e2e-real: build ## build and run caddy and coredns too: minutes with an empty build cache
	IMGO_E2E_BIN=$(BIN)/imgo go test -tags e2e,real -count=1 -timeout 60m -v -run TestRealPrograms ./internal/e2e/...

.PHONY: interop
interop: build ## SBOMs with syft, and keyless signing with a Fulcio: builds both, many minutes the first time
	./internal/e2e/tools.sh $(BIN) cosign-2 cosign-3 syft fulcio
	IMGO_E2E_BIN=$(BIN)/imgo go test -tags e2e,interop -count=1 -timeout 30m -v -run 'TestSyft|TestKeyless' ./internal/e2e/...

.PHONY: lint
lint: ## format, vet, staticcheck, module files, all operating systems
	@out=$$(gofmt -l $$(git ls-files '*.go' | grep -v '^testdata/')); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	go vet ./...
	go vet -tags e2e,interop,real ./internal/e2e/... ./internal/actiontest/...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff

.PHONY: fuzz
fuzz: ## fuzz every fuzz target, FUZZTIME each (default 1m)
	@for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-1m} $$pkg; \
	  done; \
	done

.PHONY: property
property: ## change a workspace at random and compare with clean builds: STEPS (3000), SEED (the time)
	IMGO_PROPERTY_STEPS=$(or $(STEPS),3000) go test -count=1 -timeout 0 -v ./internal/fastpathtest -seed $(or $(SEED),0)

.PHONY: bench
bench: build ## imgo, bare go build and ko in turn on the same work; ARGS=-write for docs/benchmarks.md, ARGS=-quick to try
	go run ./internal/bench -imgo $(BIN)/imgo $(ARGS)

.PHONY: generate
generate: ## remake generated files: the runtime layer, docs/cli
	go generate ./...
	go test ./internal/cli -run TestDocs -update

.PHONY: clean
clean: ## remove what was built here
	rm -rf $(BIN)
