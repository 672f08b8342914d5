# Everything that is done to Sonde by hand or by CI. `make` lists it.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUNCTIONS = dispatch probe detect notify sweep rollup api publish
LAMBDA_BUILD = GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc -ldflags "-s -w"
# As on Lambda: what the tests build of the functions is compiled once.
export CGO_ENABLED = 0
FUZZTIME ?= 20s
SEEDS ?= 10000
FIRST ?= 1

# SAM CLI, cfn-lint and checkov, of the versions that infra/requirements-*.txt pin.
export SAM_CLI_TELEMETRY = 0
TOOLS = sh infra/venv.sh
ENV ?= dev
STACK ?= sonde

.PHONY: help demo test race check lint fuzz bench sim mutations storm kill soak api functions build emulators validate deploy location browser site clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## watch an outage being detected, told and resolved
	go run . demo

test: ## all tests
	go test -vet=off -timeout 30m ./... # a slow machine, or a first run that fetches its tools, takes longer than the usual ten minutes

# What drives built binaries, browsers and templates has no goroutines of ours to watch,
# what is pure none at all, and the command and the simulator none of their own.
DRIVERS = browsertest|chromium|killtest|clienttest|cli|sim|functions|infra
PURE = sonde|config|cost|detect|feed|importer|incident|maintenance|monitor|notify|report|schedule|uptime|words|zone

race: ## the tests, watched for data races; the slowest are shorter
	CGO_ENABLED=1 go test -vet=off -race -short $$(go list ./... | grep -vE '/($(DRIVERS)|$(PURE))$$')

check: lint test ## lint, then all tests

lint: ## format, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

# Go itself sometimes fails with "context deadline exceeded" when the time is up
# (go.dev/issue/75804, mended in Go 1.27): only then, and without a failing input, it is tried again.
fuzz: ## every fuzz test for FUZZTIME, two side by side
	@mkdir -p build/fuzz; grep -rl --include='*_test.go' '^func Fuzz' internal | xargs -n 1 dirname | sort -u | while read -r package; do \
		binary=$(CURDIR)/build/fuzz/$$(echo $$package | tr / -).test; \
		go test -vet=off -c -fuzz . -o $$binary ./$$package || { echo $$package $$binary none; continue; }; \
		(cd $$package && $$binary -test.list '^Fuzz') | sed "s|^|$$package $$binary |"; \
	done | xargs -P 2 -n 3 sh -c 'cd $$0 && for try in 1 2 3; do \
			if out=$$($$1 -test.run "^$$" -test.fuzz "^$$2$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir $(CURDIR)/build/fuzz -test.parallel 1 2>&1); then echo "ok $$0 $$2"; exit 0; fi; \
			case $$out in *"Failing input"*) break ;; *"context deadline exceeded"*) ;; *) break ;; esac; \
		done; echo "$$0 $$2"; echo "$$out"; exit 1'

bench: ## benchmarks of what matters: probes, detect, table, page
	go test -run '^$$' -bench . -benchmem ./internal/... ./functions

sim: ## SEEDS scripts of outages and faults through the stages, on a virtual clock, from seed FIRST
	go test -count=1 -timeout 60m -run TestSeeds ./internal/sim -seed $(FIRST) -seeds $(SEEDS) -v

mutations: ## deliberate bugs built into the stages: each must be found, by the seed that is known or within 1,000
	go test -count=1 -timeout 60m -run TestMutations ./internal/sim -mutations 1000 -v

storm: ## 5,000 monitors fail at once: each tier gets one digest, within one run
	go test -count=1 -timeout 20m -run 'TestStorm$$' ./internal/pipeline -storm-monitors 5000 -v

kill: ## kill `sonde up` 50 times at random moments during an outage
	go test -count=1 -timeout 20m -run TestKill ./internal/local/killtest -kills 50 -v

soak: ## 2,000 monitors keep time for three minutes, and memory for ten simulated hours
	go test -count=1 -timeout 20m -run TestSoak -v ./internal/local -soak-monitors 2000 -soak-every 1m -soak-time 3m
	go test -count=1 -timeout 60m -run TestMemory -v ./internal/pipeline -memory-monitors 2000 -memory-hours 10

api: ## the public API: described, linted by redocly and spectral, fuzzed by schemathesis, read by others' clients
	CI=true go test -count=1 ./internal/api -tools
	CI=true go test -count=1 ./internal/api/clienttest

functions: $(FUNCTIONS:%=build/%/bootstrap) ## the functions, for arm64, with Go alone
	@ls -l $(FUNCTIONS:%=build/%/bootstrap)

# Go knows itself what has changed.
.PHONY: $(FUNCTIONS:%=build/%/bootstrap)
$(FUNCTIONS:%=build/%/bootstrap): build/%/bootstrap:
	$(LAMBDA_BUILD) -o $@ ./functions/$*

# What `sam build` calls for each function of template.yaml.
build-%Function:
	$(LAMBDA_BUILD) -o $(ARTIFACTS_DIR)/bootstrap ./functions/$(shell echo $* | tr A-Z a-z)

build: ## sam build of the templates into .aws-sam, as they are deployed
	@set -e; sam=$$($(TOOLS) sam)/sam; \
	$$sam build --template template.yaml --build-dir .aws-sam/build; \
	$$sam build --template infra/location.yaml --build-dir .aws-sam/location; \
	$$sam build --template infra/site.yaml --build-dir .aws-sam/site
	go test -count=1 ./infra -run TestArtifacts -sam-built .aws-sam

emulators: ## the whole system as processes, on DynamoDB Local and moto: outages, faults, Regions
	CI=true go test -count=1 -parallel 6 ./functions -emulators -run '^TestSystem$$' # more at once, and two cores keep everybody waiting

validate: ## the templates: sam validate, cfn-lint, checkov, and rules of our own
	@set -e; sam=$$($(TOOLS) sam); checkov=$$($(TOOLS) checkov); export AWS_DEFAULT_REGION=us-east-1; \
	templates="template.yaml $$(ls infra/*.yaml)"; \
	for template in $$templates; do $$sam/sam validate --template $$template; done; \
	$$sam/cfn-lint --regions us-east-1 eu-west-1 -- $$templates; \
	$$checkov/checkov --framework cloudformation --skip-download --compact --quiet --file $$templates
	go test -count=1 ./infra

deploy: build ## the home stack, as samconfig.toml says for ENV=dev or ENV=prod
	$$($(TOOLS) sam)/sam deploy --config-env $(ENV)

location: build ## checks from a further REGION; also HOME_REGION=, TABLE=, STACK= of the home stack
	@test -n "$(REGION)" -a -n "$(HOME_REGION)" -a -n "$(TABLE)" || { echo "say REGION=, HOME_REGION= and TABLE= (infra/README.md)"; exit 2; }
	$$($(TOOLS) sam)/sam deploy --template-file .aws-sam/location/template.yaml --stack-name $(STACK) --region $(REGION) \
		--resolve-s3 --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
		--parameter-overrides HomeRegion=$(HOME_REGION) TableName=$(TABLE) $(PARAMETERS)

browser: ## browser journeys from REGION, with Docker; also HOME_REGION=, TABLE=, TOPIC= of its alarms, STACK= of the home stack
	@test -n "$(REGION)" -a -n "$(HOME_REGION)" -a -n "$(TABLE)" -a -n "$(TOPIC)" || { echo "say REGION=, HOME_REGION=, TABLE= and TOPIC= (infra/README.md)"; exit 2; }
	$$($(TOOLS) sam)/sam build --template infra/browser.yaml --build-dir .aws-sam/browser
	$$($(TOOLS) sam)/sam deploy --template-file .aws-sam/browser/template.yaml --stack-name $(STACK)-browser --region $(REGION) \
		--resolve-s3 --resolve-image-repos --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
		--parameter-overrides HomeRegion=$(HOME_REGION) HomeStack=$(STACK) TableName=$(TABLE) AlarmTopicArn=$(TOPIC) $(PARAMETERS)

site: build ## the page behind CloudFront, in REGION; also HOME_REGION=, TABLE= and API= (its domain) of the home stack
	@test -n "$(REGION)" -a -n "$(HOME_REGION)" -a -n "$(TABLE)" -a -n "$(API)" || { echo "say REGION=, HOME_REGION=, TABLE= and API= (infra/README.md)"; exit 2; }
	$$($(TOOLS) sam)/sam deploy --template-file .aws-sam/site/template.yaml --stack-name $(STACK)-site --region $(REGION) \
		--resolve-s3 --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
		--parameter-overrides HomeRegion=$(HOME_REGION) TableName=$(TABLE) ApiDomain=$(API) $(PARAMETERS)

clean: ## remove what was built
	rm -rf build .aws-sam
