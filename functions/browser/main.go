// Command browser is the Lambda function of the Probe stage for browser
// journeys: it runs the batches that its queue brings in the Chromium of its
// container image, and writes their results and pictures.
package main

import (
	"os"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/cloud/secrets"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/browser"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		secret := secrets.New(secrets.Deps{
			LookupEnv: os.LookupEnv, Parameters: secrets.NewSSM(w.AWS, os.Getenv), Now: w.Deps.Now, Log: w.Deps.Log,
		}).Secret
		// One journey at a time: a second would take the processor from the first.
		journeys := browser.New(browser.Find(), 1)
		w.Deps.Engine = probe.New(probe.Env{
			Now: w.Deps.Now, Secret: secret,
			InLambda: true, // loopback is forbidden to every page: the runtime API listens there
		}, probe.Options{Concurrency: 1, More: map[monitor.Kind]probe.Func{monitor.KindBrowser: journeys.Probe}})
		return cloud.Probe(pipeline.New(w.Deps))
	})
}
