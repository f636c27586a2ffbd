# The interface for newcomers, CI and everyone: `make help` lists it. The work is in tools/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo up test lint bench sam-local sam-deploy images containers clean

# For `make demo`: a file or folder of your own, and where the outputs go. Spaces are fine.
MEDIA ?=
OUT ?= out
# For `make bench`: what is measured; everything where it is empty.
PARTS ?=
# For `make demo` and `make up`: the speech model, tiny.en (fast, English) or base (every language).
MODEL ?= tiny.en
# For `make up`: the port that the API listens on, or `auto`; 4566 where it is empty. CONTAINERS=1 runs the workers' images.
PORT ?=
CONTAINERS ?=
export MEDIA OUT MODEL PORT CONTAINERS

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install what is missing: Debian packages, a Python environment
	@tools/setup.sh run

build: setup ## Build the functions, the workers, the client and the local cloud
	@tools/build.sh

demo: build ## Send MEDIA (default: samples) through the whole pipeline on this machine, outputs to OUT
	@tools/demo.sh

up: build ## Start the local cloud, print how to call it, leave it running
	@tools/up.sh

test: build ## Everything that a change must pass: unit, property, snapshot, integration
	@tools/test.sh

lint: ## Formatting, lints, licences, template, state machine, own checks
	@tools/lint.sh

bench: setup ## Speed and memory against the peers, as ratios measured in one run (PARTS: images av players speech cold api)
	@tools/bench.sh $(PARTS)

sam-local: ## sam build, then sam local invoke of every event in events/ on the local cloud (needs Docker)
	@tools/sam-local.sh

sam-deploy: ## sam build, sam deploy into the local cloud, and every integration test on what it deployed
	@tools/sam-deploy.sh

images: ## The workers' images, built and tried (needs Docker; IMAGE_TAG, IMAGE_MODEL)
	@tools/images.sh

containers: ## The images, and every integration test with them in place of processes (needs Docker)
	@tools/containers.sh

clean: ## Remove what was built and made here; tools and caches outside stay
	@tools/clean.sh
