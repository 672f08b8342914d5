package notify_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/zoo"
)

// TestZoo: of whatever a target did, messages are made that can be sent and read.
func TestZoo(t *testing.T) {
	animals := zoo.Quick(t)
	results := probe.New(probe.Env{Now: time.Now}, probe.Options{}).Run(t.Context(), zoo.Checks(animals))
	for i, a := range animals {
		r := results[i]
		if r.Failure == nil {
			continue
		}
		t.Run(a.Monitor.Name, func(t *testing.T) {
			n := notification(incident.EventOpened, false)
			n.Detail = string(r.Failure.Kind) + ": " + r.Failure.Detail
			check(t, notify.Compose([]incident.Notification{n}))
		})
	}
}
