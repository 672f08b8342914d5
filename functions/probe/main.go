// Command probe is the Lambda function of the Probe stage: it runs the
// batches of checks that its queue brings, and writes their results.
package main

import (
	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/probe"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		w.Deps.Engine = probe.New(cloud.ProbeEnv(w.Deps), probe.Options{})
		return cloud.Probe(pipeline.New(w.Deps))
	})
}
