// Command detect is the Lambda function of the Detect stage: it takes results
// from the table's stream, and decides what is up and what is down.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/cloud/sqsqueue"
	"github.com/sondehq/sonde/internal/pipeline"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		w.Deps.Queue = sqsqueue.New(sqs.NewFromConfig(w.AWS), w.Queues, w.Browsers, w.Deps.Now)
		return cloud.Detect(pipeline.New(w.Deps))
	}, "SONDE_QUEUES")
}
