package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

// TestStatusOfDynamoDB: `sonde status --table` reads a DynamoDB table.
func TestStatusOfDynamoDB(t *testing.T) {
	endpoint := dynamotest.Start(t)
	client, name := dynamotest.Table(t)
	now := func() time.Time { return time.Now().UTC() }
	s, ctx := store.New(dynamo.New(client, name, now), now), context.Background()
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{"eu-west-1"},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", TCP: &monitor.TCP{Address: "web.example.com:443"}}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
	}
	if _, err := s.PutConfig(ctx, cfg, 0, "test"); err != nil {
		t.Fatal(err)
	}
	op, err := store.StateOp(detect.Service{
		Service: "web", Status: monitor.MajorOutage, Since: now(), Total: 1,
		Details: map[monitor.ID]detect.Monitor{"web": {Settled: monitor.Down, Since: now(), Failure: &monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}}},
	}, 0)
	if err == nil {
		err = s.Commit(ctx, op)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_REGION", dynamotest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", dynamotest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", dynamotest.SecretKey)
	var out, messages bytes.Buffer
	if code := cli.Run(ctx, []string{"status", "--table", name, "--endpoint-url", endpoint, "--json"}, &out, &messages); code != cli.ExitFine {
		t.Fatalf("exit %d: %s", code, messages.String())
	}
	var report struct {
		Services []struct {
			ID       string
			Status   string
			Monitors []struct{ State string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Services) != 1 || report.Services[0].Status != "major_outage" || report.Services[0].Monitors[0].State != "down" {
		t.Errorf("report: %s", out.String())
	}
	if code := cli.Run(ctx, []string{"status", "--table", "no-such-table", "--endpoint-url", endpoint}, &out, &messages); code != cli.ExitFailed {
		t.Errorf("a table that is not there: exit %d, want %d", code, cli.ExitFailed)
	}
}

// TestApply: a file becomes the table's configuration, once, and nothing is
// written where nothing changes or a newer version stands.
func TestApply(t *testing.T) {
	endpoint := dynamotest.Start(t)
	_, name := dynamotest.Table(t)
	t.Setenv("AWS_REGION", dynamotest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", dynamotest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", dynamotest.SecretKey)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(want int, says string, more ...string) {
		t.Helper()
		var out bytes.Buffer
		args := append([]string{"apply", "-f", file, "--table", name, "--endpoint-url", endpoint, "--home", "eu-west-1"}, more...)
		if code := cli.Run(context.Background(), args, &out, &out); code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%v: exit %d, want %d with %q\n%s", more, code, want, says, out.String())
		}
	}
	write("monitors:\n  - {id: web, tcp: web.example.com:443}\n  - {id: job, heartbeat: {every: 1h}}\n")
	run(cli.ExitFound, "+ monitor web", "--dry-run")
	run(cli.ExitFine, "version 1 is in force")
	run(cli.ExitFine, "nothing changes")
	write("monitors:\n  - {id: web, tcp: web.example.com:80}\n")
	run(cli.ExitFine, "~ monitor web")
	run(cli.ExitFine, "version 2 stays in force")
	write("monitors:\n  - {id: web, tpc: web.example.com:80}\n")
	run(cli.ExitUsage, `did you mean "tcp"?`)
	run(cli.ExitUsage, "no table is given", "--table", "")
	run(cli.ExitUsage, "no home Region", "--home", "")
}
