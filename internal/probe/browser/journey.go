package browser

import (
	"context"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

func journey(ctx context.Context, path string, m monitor.Monitor, env *probe.Env) probe.Observation {
	return probe.NotRun("journeys are not built yet")
}
