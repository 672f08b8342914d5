// Command probe is the Lambda function of the Probe stage: it runs the
// batches of checks that its queue brings, and writes their results.
package main

import (
	"os"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/cloud/secrets"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/probe"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		secret := secrets.New(secrets.Deps{
			LookupEnv: os.LookupEnv, Parameters: secrets.NewSSM(w.AWS, os.Getenv), Now: w.Deps.Now, Log: w.Deps.Log,
		}).Secret
		w.Deps.Engine = probe.New(probe.Env{
			Now: w.Deps.Now, LastPing: w.Deps.Store.LastPing, Secret: secret,
			InLambda: true, // loopback is forbidden to every monitor: the runtime API listens there
		}, probe.Options{})
		return cloud.Probe(pipeline.New(w.Deps))
	})
}
