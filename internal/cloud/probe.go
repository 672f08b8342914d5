package cloud

import (
	"os"

	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/probe"
)

// ProbeEnv is what probes need of their surroundings in Lambda, where loopback
// is forbidden to every monitor: the runtime API of the function listens there.
func ProbeEnv(deps pipeline.Deps) probe.Env {
	return probe.Env{
		Now: deps.Now, UserAgent: pipeline.UserAgent, InLambda: true,
		LastPing: pipeline.LastPing(deps.Store), Secret: os.LookupEnv,
	}
}
