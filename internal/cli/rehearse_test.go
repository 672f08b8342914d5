package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

// taker is a carrier that takes everything.
type taker struct{}

func (taker) Publish(context.Context, notify.Message) (string, error) { return "taken", nil }

// deserted is one that knows that nobody hears.
type deserted struct{ taker }

func (deserted) Subscribed(context.Context, monitor.TierID) (int, error) { return 0, nil }

// TestRehearse: a message that a topic took reaches nobody where nobody is subscribed,
// and a test of one tier forgets nothing of the others.
func TestRehearse(t *testing.T) {
	client, table := dynamotest.Table(t)
	endpoint := cloud(t, table)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	const monitors = `monitors: [{id: web, tcp: "web.example.com:443"}]
tiers: [{id: oncall}, {id: administrators, after: 5m}, {id: customers, public: true}]
`
	if err := os.WriteFile(file, []byte(monitors), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args string, says ...string) {
		t.Helper()
		var out bytes.Buffer
		code := cli.Run(context.Background(), append(strings.Fields(args), "--endpoint-url", endpoint), &out, &out)
		if code != want {
			t.Errorf("%s: exit %d, want %d:\n%s", args, code, want, out.String())
		}
		for _, s := range says {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%s: it does not say %q:\n%s", args, s, out.String())
			}
		}
	}
	run(cli.ExitFine, "apply -f "+file+" --stack deserted")
	run(cli.ExitFound, "rehearse --wait 0s --stack deserted", "oncall          NOT sent: not sent yet", "0 of 2 tiers reachable")

	now := time.Now
	p := pipeline.New(pipeline.Deps{Store: store.New(dynamo.New(client, table, now), now), Now: now, Log: slog.New(slog.DiscardHandler), Publisher: taker{}})
	if err := p.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	run(cli.ExitFine, "status --stack deserted", "1 of 3 tiers reachable", "administrators  sent, but nobody is subscribed", "customers       never tried")
	run(cli.ExitFine, "status --table "+table, "2 of 3 tiers reachable, as far as is known without --stack: who is subscribed was not asked")

	run(cli.ExitFound, "rehearse --tier customers --wait 0s --stack deserted", "0 of 1 tiers reachable")
	if err := p.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	run(cli.ExitFine, "status --stack deserted", "2 of 3 tiers reachable", "administrators  sent, but nobody is subscribed")

	p.Publisher = deserted{}
	run(cli.ExitFound, "rehearse --wait 0s --stack deserted")
	if err := p.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	run(cli.ExitFine, "status --table "+table, "1 of 3 tiers reachable", "oncall          sent, but nobody is subscribed")
}
