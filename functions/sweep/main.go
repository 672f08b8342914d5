// Command sweep is the Lambda function of the Sweep stage: every minute it
// does all that time alone causes.
package main

import (
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/notify/sns"
	"github.com/sondehq/sonde/internal/pipeline"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		w.Deps.Publisher = sns.New(awssns.NewFromConfig(w.AWS), w.Topics)
		return cloud.Sweep(pipeline.New(w.Deps))
	}, "SONDE_TOPICS")
}
