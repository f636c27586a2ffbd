# Commands for developers and CI; `make help` lists them. The scripts are in tools/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo up test soak lint bench sam-local sam-deploy images containers clean

# For `make demo`: your own file or folder, and the output folder. Names can contain spaces.
MEDIA ?=
OUT ?= out
# For `make bench`: the benchmarks to run; all if empty.
PARTS ?=
# For `make soak`: the number of uploads and the seed; 500 and 1 if empty.
N ?=
SEED ?=
# For `make demo` and `make up`: the speech model, tiny.en (fast, English) or base (all languages).
MODEL ?= tiny.en
# For `make up`: the API's port, or `auto`; 4566 if empty. CONTAINERS=1 runs workers as their images.
PORT ?=
CONTAINERS ?=
export MEDIA OUT N SEED MODEL PORT CONTAINERS

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install missing Debian packages and a Python environment
	@tools/setup.sh run

build: ## Set up, then build the functions, the workers, the client and the local cloud
	@tools/build.sh

demo: ## Process MEDIA (default: samples) with the whole pipeline on this machine into OUT
	@tools/demo.sh

up: build ## Start the local cloud and keep it running; print a token and example calls
	@tools/up.sh

test: build ## Run all tests: unit, property, snapshot, integration
	@tools/test.sh

soak: build ## Run N uploads under faults (kills, lost answers, repeated messages) and without; report both
	@tools/soak.sh

lint: ## Check formatting, lints, licences, template, state machine, own rules
	@tools/lint.sh

bench: setup ## Compare speed and memory with the peers, as ratios (PARTS: images av players speech cold api short scale)
	@tools/bench.sh $(PARTS)

sam-local: ## Run sam build, build images, then sam local invoke for every event in events/ (needs Docker)
	@tools/sam-local.sh

sam-deploy: ## Run sam build, sam deploy into the local cloud, and the journeys on the result
	@tools/sam-deploy.sh

images: ## Build and test the workers' images (needs Docker; IMAGE_TAG, IMAGE_MODEL)
	@tools/images.sh

containers: ## Build the images, and run the journeys with them instead of processes (needs Docker)
	@tools/containers.sh

clean: ## Remove build results in this checkout; tools and caches outside it stay
	@tools/clean.sh
