# make            lists the targets
# make demo       the whole path on this machine: needs Go and npm, nothing else
# make test       every test that needs no outside server

TAGS  := synctests   # kfake under testing/synctest needs it; without it group tests hang
FLAGS :=
PACKAGES := ./cmd/devstack/endtoend ./sinks/clickhouse ./... # the longest first
SEED  := 1
IN    :=
DURATION := 3m
N     := 100000
GO    ?= go

# binary builds what is shipped: the program for an operating system, an
# architecture, at a path. The same commit and toolchain give the same bytes, and
# tocsin version prints the commit, whatever GOFLAGS has.
VERSION := dev
binary = CGO_ENABLED=0 GOOS=$(1) GOARCH=$(2) $(GO) build -trimpath -buildvcs=auto -ldflags '-s -w -X tocsin/cmd/tocsin/cli.Version=$(VERSION)' -o $(3) ./cmd/tocsin

# What the image is called and built by: buildah, podman, docker, whichever is
# there. The same commit, toolchain and roots give the same image, by buildah to
# the byte.
IMAGE   := tocsin
BUILDER ?= $(firstword $(foreach b,buildah podman docker,$(if $(shell command -v $(b)),$(b))))
ROOTS   ?= $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))

# What a release is for. Its archives need GNU tar.
PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64
SBOM      := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

.DEFAULT_GOAL := help
.PHONY: help build image release demo up down status test race ledgers model integration faults mutants lint generate bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

build: bin/progress ## bin/tocsin, the production binary, and bin/devstack, servers for development
	@echo 'building bin/tocsin and bin/devstack (the first time: one to three minutes)'
	@CGO_ENABLED=0 $(PROGRESS) build -trimpath -o bin/tocsin ./cmd/tocsin
	@$(PROGRESS) build -trimpath -o bin/devstack ./cmd/devstack

# bin/progress runs go build and go test, and prints a line at least every 20 s.
PROGRESS := GO='$(GO)' bin/progress
.PHONY: bin/progress
bin/progress:
	@mkdir -p bin
	@$(GO) build -o bin/progress ./cmd/devstack/progress

image: ## the image tocsin:VERSION=dev, by buildah, podman or docker (BUILDER=)
	@[ -n "$(BUILDER)" ] || { echo "no buildah, podman or docker on the PATH: install one"; exit 1; }
	@[ -n "$(ROOTS)" ] || { echo "no certificates of authorities found: install ca-certificates, or give ROOTS=FILE"; exit 1; }
	@rm -rf bin/image && mkdir -p bin/image
	$(call binary,linux,$(shell $(GO) env GOARCH),bin/image/tocsin)
	@cp $(ROOTS) bin/image/ca-certificates.crt && cp deploy/tocsin.example.yaml bin/image/tocsin.yaml
	@chmod 0555 bin/image/tocsin && chmod 0444 bin/image/*.*
	$(BUILDER) build $(if $(filter buildah podman,$(BUILDER)),--timestamp 0) --build-arg VERSION=$(VERSION) -t $(IMAGE):$(VERSION) -f deploy/Dockerfile bin/image

release: $(PLATFORMS:%=release-%) ## bin/release: archives of VERSION=dev for Linux and macOS, checksums, bills of materials
	@cd bin/release && sha256sum *.tar.gz *.cdx.json >SHA256SUMS && cat SHA256SUMS

# The archive of a platform: binary, LICENSE and the files of deploy/, all as old
# as the commit; beside it the modules that the binary is made of, by CycloneDX.
release-%: NAME = tocsin-$(VERSION)-$*
release-%:
	@rm -rf bin/release/$(NAME)* && mkdir -p bin/release/$(NAME)
	$(call binary,$(word 1,$(subst -, ,$*)),$(word 2,$(subst -, ,$*)),bin/release/$(NAME)/tocsin)
	@$(GO) run -trimpath $(SBOM) bin -json -std -noserial -notimestamp -version $(VERSION) -output bin/release/$(NAME).cdx.json bin/release/$(NAME)/tocsin
	@cp -r --parents LICENSE $$(git ls-files deploy | grep -v -e _test.go -e Dockerfile) bin/release/$(NAME)
	@tar -C bin/release --sort=name --mtime=@$$(git log -1 --format=%ct) --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
		-cf - $(NAME) | gzip -9n >bin/release/$(NAME).tar.gz && rm -rf bin/release/$(NAME)

demo: build ## start servers and a worker, feed a realistic day, show the candidates, compare
	@bin/devstack demo -tocsin bin/tocsin

up: build ## start servers and a worker in the background; addresses in .tocsin/stack.env
	@bin/devstack up -tocsin bin/tocsin

down: ## stop what make up started
	@bin/devstack down

status: ## what make up started, and whether it runs
	@[ ! -x bin/devstack ] || bin/devstack status || [ $$? -eq 3 ] # 3: nothing runs

# A package more than there are processors runs at once, because much of a test is a wait.
test: AT_ONCE = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
test: bin/progress ## unit, property, golden, synctest and embedded-server tests
	@$(PROGRESS) test -tags "$(strip $(TAGS))" -p $(AT_ONCE) -timeout 20m $(FLAGS) $(PACKAGES)

race: bin/progress ## the same under the race detector
	@$(PROGRESS) test -race -tags "$(strip $(TAGS))" -timeout 30m $(FLAGS) ./...

ledgers: bin/progress ## N=100000 random ledgers written and read back, and as many damaged: minutes
	@$(PROGRESS) test -v -tags "$(strip $(TAGS))" -timeout 2h $(FLAGS) -run 'Random|Damaged' ./cmd/tocsin/load/adsgl -ledgers $(N)

model: bin/progress ## search the largest scenarios of the protocol's model: minutes and 8 GB
	@$(PROGRESS) test -v -tags "$(strip $(TAGS)) integration" -timeout 1h $(FLAGS) -run Integration ./pipeline/model -largest

integration: build ## tests on Apache Kafka itself (fetched with Maven; needs Java 17) and Prometheus
	@$(PROGRESS) test -tags "$(strip $(TAGS)) integration" -run Integration -timeout 30m $(FLAGS) ./...

faults: build ## kill, pause, cut and fill for DURATION=3m by SEED=1, on Apache Kafka; then compare every row and alert
	bin/devstack faults -seed $(SEED) -duration $(DURATION)

mutants: N := 300
mutants: ## alter one place of the program N=300 times by SEED=1, IN=PATH; what do its tests not notice?
	@$(GO) run ./cmd/devstack/mutants -n $(N) -seed $(SEED) -in '$(IN)'

lint: ## formatting, vet, staticcheck, the marks of the pages' blocks
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "gofmt -w $$files"; exit 1; }
	@.ci/readme --marks
	$(GO) vet -tags "$(strip $(TAGS)) integration" ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags "$(strip $(TAGS)),integration" ./...

generate: ## files derived from the field tables: SQL columns, JSON Schema, field reference
	$(GO) generate ./...

bench: build ## CPU per event and record-to-candidate latency, on the embedded servers
	$(GO) run ./benchmarks

clean: ## remove what the build and the demo left
	rm -rf bin .tocsin
