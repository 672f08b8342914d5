// Command rollup is the Lambda function of the Rollup stage: every few minutes
// it renews the figures: counts, latency, uptime.
package main

import (
	_ "time/tzdata" // the site has a zone, and the runtime's system may have none

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/pipeline"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		return cloud.Rollup(pipeline.New(w.Deps))
	})
}
