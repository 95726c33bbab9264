# make            lists the targets
# make demo       the whole path on this machine: needs Go and npm, nothing else
# make test       every test that needs no outside server

TAGS  := synctests   # kfake under testing/synctest needs it; without it group tests hang
FLAGS :=
PACKAGES := ./...
SEED  := 1
DURATION := 3m
GO    ?= go

# What the image is called and built by: buildah, podman, docker, whichever is
# there. The same commit, toolchain and roots give the same image, by buildah to
# the byte.
IMAGE   := tocsin
VERSION := dev
BUILDER ?= $(firstword $(foreach b,buildah podman docker,$(if $(shell command -v $(b)),$(b))))
ROOTS   ?= $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))

.DEFAULT_GOAL := help
.PHONY: help build image demo up down status test race integration faults lint generate bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

build: ## bin/tocsin, the production binary, and bin/devstack, servers for development
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/tocsin ./cmd/tocsin
	$(GO) build -trimpath -o bin/devstack ./cmd/devstack

image: ## the image tocsin:VERSION=dev, by buildah, podman or docker (BUILDER=)
	@[ -n "$(BUILDER)" ] || { echo "no buildah, podman or docker on the PATH: install one"; exit 1; }
	@[ -n "$(ROOTS)" ] || { echo "no certificates of authorities found: install ca-certificates, or give ROOTS=FILE"; exit 1; }
	@rm -rf bin/image && mkdir -p bin/image
	CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/image/tocsin ./cmd/tocsin
	@cp $(ROOTS) bin/image/ca-certificates.crt && cp deploy/tocsin.example.yaml bin/image/tocsin.yaml
	@chmod 0555 bin/image/tocsin && chmod 0444 bin/image/*.*
	$(BUILDER) build $(if $(filter buildah podman,$(BUILDER)),--timestamp 0) --build-arg VERSION=$(VERSION) -t $(IMAGE):$(VERSION) -f deploy/Dockerfile bin/image

demo: build ## start servers and a worker, feed a realistic day, show the candidates, compare
	bin/devstack demo -tocsin bin/tocsin

up: build ## start servers and a worker in the background; addresses in .tocsin/stack.env
	bin/devstack up -tocsin bin/tocsin

down: ## stop what make up started
	bin/devstack down

status: ## what make up started, and whether it runs
	bin/devstack status

test: ## unit, property, golden, synctest and embedded-server tests
	$(GO) test -tags "$(strip $(TAGS))" -timeout 20m $(FLAGS) $(PACKAGES)

race: ## the same under the race detector
	$(GO) test -race -tags "$(strip $(TAGS))" -timeout 30m $(FLAGS) ./...

integration: build ## tests on Apache Kafka itself (fetched with Maven; needs Java 17) and Prometheus
	$(GO) test -tags "$(strip $(TAGS)) integration" -run Integration -timeout 30m $(FLAGS) ./...

faults: build ## kill, pause, cut and fill for DURATION=3m by SEED=1, on Apache Kafka; then compare every row and alert
	bin/devstack faults -seed $(SEED) -duration $(DURATION)

lint: ## formatting, vet, staticcheck
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "gofmt -w $$files"; exit 1; }
	$(GO) vet -tags "$(strip $(TAGS)) integration" ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags "$(strip $(TAGS)),integration" ./...

generate: ## files derived from the field tables: SQL columns, JSON Schema, field reference
	$(GO) generate ./...

bench: build ## CPU per event and record-to-candidate latency, on the embedded servers
	$(GO) run ./benchmarks

clean: ## remove what the build and the demo left
	rm -rf bin .tocsin
