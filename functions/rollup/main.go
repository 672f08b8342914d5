// Command rollup is the Lambda function of the Rollup stage: every few minutes
// it renews the figures: counts, latency, uptime.
package main

import (
	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/pipeline"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		return cloud.Rollup(pipeline.New(w.Deps))
	})
}
