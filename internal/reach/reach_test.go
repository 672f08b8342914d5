package reach_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/reach"
	"github.com/sondehq/sonde/internal/store"
)

var at = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestLines(t *testing.T) {
	sent := store.Reached{Tier: "oncall", At: at, Sent: at.Add(2 * time.Second), Carrier: "0a1b"}
	here := store.Reached{Tier: "oncall", At: at, Sent: at.Add(2 * time.Second), Carrier: "local-0a1b"}
	waits := store.Reached{Tier: "board", At: at, Why: "the carrier is down"}
	deserted := store.Reached{Tier: "board", At: at, Sent: at.Add(time.Second), Carrier: "0a1c", Why: store.Deserted}
	untried := store.Reached{Tier: "customers", Why: "never tried"}
	counted := func(n int) store.Reached {
		r := untried
		r.Count(n, at)
		return r
	}
	for _, test := range []struct {
		name string
		last store.Rehearsal
		all  []store.Reached
		want []string
	}{
		{"never", store.Rehearsal{}, []store.Reached{untried}, []string{"Never rehearsed: `sonde rehearse` tests each tier's way"}},
		{"all", store.Rehearsal{At: at}, []store.Reached{sent, counted(12)}, []string{"Rehearsed 1h ago: 2 of 2 tiers reachable", "customers: 12 subscribers, not sent to"}},
		{"one subscriber", store.Rehearsal{At: at}, []store.Reached{sent, counted(1)}, []string{"Rehearsed 1h ago: 2 of 2 tiers reachable", "customers: 1 subscriber, not sent to"}},
		{"none", store.Rehearsal{At: at}, []store.Reached{waits, deserted, counted(0), untried}, []string{"Rehearsed 1h ago: 0 of 4 tiers reachable",
			"board: NOT sent: the carrier is down", "board: sent, but nobody is subscribed", "customers: nobody is subscribed, not sent to", "customers: never tried"}},
		{"on one machine", store.Rehearsal{At: at}, []store.Reached{here, untried}, []string{
			"Rehearsed 1h ago: 1 of 2 tiers reachable, in the inbox of this machine only: nothing is mailed, no phone rings", "customers: never tried"}},
	} {
		if diff := cmp.Diff(test.want, reach.Lines(at.Add(time.Hour), test.last, test.all)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	for want, one := range map[string]store.Reached{"sent after 2s, as 0a1b": sent, "inbox of this machine only, after 2s": here} {
		if got := reach.Outcome(one); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
