// Command notify is the Lambda function of the Notify stage: woken by the
// table's stream, it delivers what stands in the outbox.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/notify/sns"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
)

func main() {
	if err := run(context.Background()); err != nil {
		cloud.Logger().Error("start", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	settings, err := cloud.Read(os.Getenv, "SONDE_TABLE", "SONDE_TOPICS")
	if err != nil {
		return err
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	deps := settings.Deps(cloud.Logger())
	deps.Store = store.New(dynamo.New(dynamodb.NewFromConfig(aws), settings.Table, deps.Now), deps.Now)
	deps.Publisher = sns.New(awssns.NewFromConfig(aws), settings.Topics)
	lambda.Start(cloud.Notify(pipeline.New(deps)))
	return nil
}
