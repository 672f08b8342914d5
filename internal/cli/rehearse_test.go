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

// TestRehearseEverybody: exit code 0 is that everybody can be reached. Public tiers
// count by those who are subscribed, and a stranger's address that waits for its
// confirmation is nobody who is missed.
func TestRehearseEverybody(t *testing.T) {
	client, table := dynamotest.Table(t)
	endpoint := cloud(t, table)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte("monitors: [{id: web, tcp: \"web.example.com:443\"}]\ntiers: [{id: oncall}, {id: customers, public: true}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args string, says ...string) string {
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
		return out.String()
	}
	run(cli.ExitFine, "apply -f "+file+" --stack calm")
	run(cli.ExitFine, "status --stack calm", "Never rehearsed: `sonde rehearse` tests each tier's way")
	run(cli.ExitFine, "status --json --stack calm", `"rehearsed": null`)

	now := time.Now
	p := pipeline.New(pipeline.Deps{Store: store.New(dynamo.New(client, table, now), now), Now: now, Log: slog.New(slog.DiscardHandler), Publisher: taker{}})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := p.Sweep(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	defer func() { stop(); <-done }()

	text := run(cli.ExitFine, "rehearse --stack calm", "oncall     sent after ", "customers  12 subscribers, not sent to", "2 of 2 tiers reachable", "warning  tier customers: 1 not confirmed")
	if strings.Contains(text, "Not everybody") {
		t.Errorf("all is fine:\n%s", text)
	}
	run(cli.ExitFine, "status --stack calm", "ago: 2 of 2 tiers reachable\n", "  customers  12 subscribers, not sent to")
	run(cli.ExitFine, "status --json --stack calm", "\"reachable\": 2,\n    \"total\": 2,", `"subscribed": 12`)
	run(cli.ExitFine, "rehearse --table "+table, "customers  left out: it is the public (--tier customers sends it a test)", "1 of 1 tiers reachable, as far as is known")
	run(cli.ExitFound, "rehearse --tier oncall --stack sonde", "1 of 1 tiers reachable", "Not everybody can be reached: tier oncall: 1 not confirmed; SMS: in the sandbox: verified numbers only\n")
	run(cli.ExitFound, "rehearse --json --tier oncall --stack sonde", "\"what\": \"SMS\",\n      \"why\": \"in the sandbox: verified numbers only\"")

	if err := os.WriteFile(file, []byte("monitors: [{id: web, tcp: \"web.example.com:443\"}]\ntiers: [{id: customers, public: true}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(cli.ExitFine, "apply -f "+file+" --stack calm")
	run(cli.ExitUsage, "rehearse --stack calm", "every tier is public", "name one with --tier")
}

// TestRehearseHere: on one machine the inbox takes the test, which is said; while
// nothing runs nothing comes, and nobody waits for it.
func TestRehearseHere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, data := filepath.Join(dir, "monitors.yaml"), filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte("monitors: [{id: web, paused: true, tcp: \"web.example.com:443\"}]\ntiers: [{id: oncall}, {id: customers, public: true}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var up output
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, []string{"up", "-f", file, "--addr", "127.0.0.1:0", "--data", data}, &up, &up)
	}()
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := cli.Run(context.Background(), append(args, "--data", data), &out, &out)
		return code, out.String()
	}
	until(t, 30*time.Second, "the store can be read", func() bool {
		code, text := run("status")
		return code == cli.ExitFine && strings.Contains(text, "Never rehearsed")
	})
	code, text := run("rehearse")
	const want = "oncall     inbox of this machine only, after "
	const all = "\ncustomers  left out: it is the public (--tier customers sends it a test)\n1 of 1 tiers reachable, in the inbox of this machine only: nothing is mailed, no phone rings\n"
	if code != cli.ExitFine || !strings.HasPrefix(text, want) || !strings.HasSuffix(text, all) {
		t.Errorf("exit %d:\n%s", code, text)
	}
	stop()
	if got := <-ended; got != cli.ExitFine {
		t.Fatalf("up: exit %d\n%s", got, up.String())
	}
	begun := time.Now()
	code, text = run("rehearse")
	if code != cli.ExitFound || !strings.Contains(text, "0 of 1 tiers reachable\nsonde: hint: nothing is delivered until `sonde up` runs on "+data) {
		t.Errorf("nothing runs: exit %d:\n%s", code, text)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it waited %s for what cannot come", took)
	}
	if _, text = run("status"); !strings.Contains(text, "sonde: hint: nothing is delivered until `sonde up` runs on ") {
		t.Errorf("status:\n%s", text)
	}
}
