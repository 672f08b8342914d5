// Package function is the wiring that all Lambda functions share: settings from
// the environment, AWS clients, the store over the table, the logger. It runs
// once, when the function starts; a mistake in the settings ends it at once,
// with its name in the log.
package function

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
)

// Wiring is what a function begins with; it adds the dependencies of its stage.
type Wiring struct {
	cloud.Settings
	AWS  aws.Config
	Deps pipeline.Deps
}

// Main starts the handler that wire returns, and serves it until the end of the
// process. Besides SONDE_TABLE the variables named must be set.
func Main(wire func(*Wiring) any, needed ...string) {
	w, err := wiring(append([]string{"SONDE_TABLE"}, needed...))
	if err != nil {
		cloud.Logger().Error("start", "error", err)
		os.Exit(1)
	}
	lambda.Start(wire(w))
}

func wiring(needed []string) (*Wiring, error) {
	settings, err := cloud.Read(os.Getenv, needed...)
	if err != nil {
		return nil, err
	}
	w := &Wiring{Settings: settings, Deps: settings.Deps(cloud.Logger())}
	if w.AWS, err = awsConfig(); err != nil {
		return nil, err
	}
	client := dynamodb.NewFromConfig(w.AWS, inRegion(settings.Region))
	w.Deps.Store = store.New(dynamo.New(dynamo.Narrow(client), settings.Table, w.Deps.Now), w.Deps.Now)
	return w, nil
}

// inRegion sends a client to the Region of the table, which for a location in
// another Region is not its own.
func inRegion(region string) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		if region != "" {
			o.Region = region
		}
	}
}
