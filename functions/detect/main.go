// Command detect is the Lambda function of the Detect stage: it takes results
// from the table's stream, and decides what is up and what is down.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/sqsqueue"
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
	settings, err := cloud.Read(os.Getenv, "SONDE_TABLE", "SONDE_QUEUES")
	if err != nil {
		return err
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	deps := settings.Deps(cloud.Logger())
	deps.Store = store.New(dynamo.New(dynamodb.NewFromConfig(aws), settings.Table, deps.Now), deps.Now)
	deps.Queue = sqsqueue.New(sqs.NewFromConfig(aws), settings.Queues, deps.Now)
	lambda.Start(cloud.Detect(pipeline.New(deps)))
	return nil
}
