# Everything that is done to Sonde by hand or by CI. `make` lists it.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUNCTIONS = dispatch probe detect notify sweep rollup api
LAMBDA_BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc -ldflags "-s -w"
FUZZTIME ?= 20s

.PHONY: help demo test race check fuzz bench kill soak build emulators validate deploy clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## watch an outage being detected, told and resolved
	go run . demo

test: ## all tests
	go test ./...

race: ## all tests, watched for data races
	go test -race ./...

check: ## format, vet, staticcheck, then all tests
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...
	go test ./...

fuzz: ## every fuzz test for FUZZTIME
	@go list ./... | while read -r package; do \
		for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; done

bench: ## benchmarks of what matters: probes, detect, table, page
	go test -run '^$$' -bench . -benchmem ./internal/... ./functions

kill: ## kill `sonde up` 50 times at random moments during an outage
	go test -count=1 -timeout 20m -run TestKill ./internal/local/killtest -kills 50 -v

soak: ## 2,000 monitors keep time for three minutes, and memory for ten simulated hours
	go test -count=1 -timeout 20m -run TestSoak -v ./internal/local -soak-monitors 2000 -soak-every 1m -soak-time 3m
	go test -count=1 -timeout 60m -run TestMemory -v ./internal/pipeline -memory-monitors 2000 -memory-hours 10

build: $(FUNCTIONS:%=build/%/bootstrap) ## the functions, for arm64
	@ls -l $(FUNCTIONS:%=build/%/bootstrap)

# Go knows itself what has changed.
.PHONY: $(FUNCTIONS:%=build/%/bootstrap)
$(FUNCTIONS:%=build/%/bootstrap): build/%/bootstrap:
	$(LAMBDA_BUILD) -o $@ ./functions/$*

# What `sam build` calls for each function of template.yaml.
build-%Function:
	$(LAMBDA_BUILD) -o $(ARTIFACTS_DIR)/bootstrap ./functions/$(shell echo $* | tr A-Z a-z)

emulators: ## the built functions against DynamoDB Local, under a Lambda runtime API
	CI=true go test -count=1 -parallel 16 ./functions -emulators

validate: ## check template.yaml (needs aws-sam-cli)
	sam validate --lint

deploy: ## build and deploy with SAM CLI
	sam build && sam deploy --guided

clean: ## remove what was built
	rm -rf build .aws-sam
