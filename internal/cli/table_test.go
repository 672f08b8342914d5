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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	run(cli.ExitFine, "~ monitor web\n    tcp.address: \"web.example.com:443\" -> \"web.example.com:80\"\n")
	run(cli.ExitFine, "version 2 stays in force")
	write("monitors:\n  - {id: web, tpc: web.example.com:80}\n")
	run(cli.ExitUsage, `did you mean "tcp"?`)
	run(cli.ExitUsage, "no table is given", "--table", "")
	run(cli.ExitUsage, "local is no Region", "--home", "local")
}

// TestConfigVersions: diff, history and rollback.
func TestConfigVersions(t *testing.T) {
	endpoint := dynamotest.Start(t)
	_, name := dynamotest.Table(t)
	t.Setenv("AWS_REGION", dynamotest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", dynamotest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", dynamotest.SecretKey)
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("SONDE_TABLE", name)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(want int, says string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		if code := cli.Run(context.Background(), args, &out, &out); code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%v: exit %d, want %d with %q\n%s", args, code, want, says, out.String())
		}
	}
	run(cli.ExitFine, "no configuration was ever applied", "config", "history")
	write("monitors:\n  - {id: web, tcp: web.example.com:443}\n")
	run(cli.ExitFound, "+ monitor web", "diff", "-f", file)
	run(cli.ExitFine, "version 1 is in force", "apply", "-f", file)
	run(cli.ExitFine, "nothing changes", "diff", "-f", file)
	write("monitors:\n  - {id: web, tcp: web.example.com:443}\n  - {id: mail, tcp: mail.example.com:587}\n")
	run(cli.ExitFine, "version 2 is in force", "apply", "-f", file)
	run(cli.ExitFine, "*    2  ", "config", "history")
	run(cli.ExitFine, "2 monitors, 2 services, 1 tier  by ", "config", "history")
	run(cli.ExitFound, "- monitor mail", "config", "rollback", "1", "--dry-run")
	run(cli.ExitFine, "version 3 is in force", "config", "rollback", "1")
	run(cli.ExitFine, "nothing changes", "config", "rollback", "1")
	run(cli.ExitFine, `"number": 3`, "config", "history", "--json")
	run(cli.ExitUsage, "there is no version 9", "config", "rollback", "9")
	move := func(address string) {
		write("monitors:\n  - {id: web, tcp: " + address + ":443}\n")
	}
	move("203.0.113.10")
	run(cli.ExitFine, "version 4 is in force", "apply", "-f", file)
	move("203.0.113.20")
	run(cli.ExitFound, "\nold address 203.0.113.10 stays checked in the shadow until ", "diff", "-f", file)
	run(cli.ExitFine, "\nold address 203.0.113.10 stays checked in the shadow until ", "apply", "-f", file)
	run(cli.ExitFine, "nothing changes: version 5 stays in force", "apply", "-f", file)
	run(cli.ExitFine, "1 monitor, 1 service, 1 tier  by ", "config", "history")
	run(cli.ExitFound, "\nold address 203.0.113.20 stays checked in the shadow until ", "config", "rollback", "4", "--dry-run")
	run(cli.ExitFine, "version 6 is in force", "config", "rollback", "4")
	run(cli.ExitFine, "nothing changes", "config", "rollback", "4")
	run(cli.ExitUsage, "is no version", "config", "rollback", "one")
}

// TestNewerForm: a configuration that only a newer sonde can read is not written
// over.
func TestNewerForm(t *testing.T) {
	endpoint := dynamotest.Start(t)
	client, name := dynamotest.Table(t)
	t.Setenv("AWS_REGION", dynamotest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", dynamotest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", dynamotest.SecretKey)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte("monitors:\n  - {id: web, tcp: web.example.com:443}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	where := []string{"--table", name, "--endpoint-url", endpoint}
	var out bytes.Buffer
	if code := cli.Run(context.Background(), append([]string{"apply", "-f", file}, where...), &out, &out); code != cli.ExitFine {
		t.Fatal(out.String())
	}
	if _, err := client.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: &name, UpdateExpression: aws.String("SET form = :form"),
		Key:                       map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "CONFIG"}, "sk": &types.AttributeValueMemberS{Value: "CURRENT"}},
		ExpressionAttributeValues: map[string]types.AttributeValue{":form": &types.AttributeValueMemberN{Value: "99"}},
	}); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := cli.Run(context.Background(), append([]string{"apply", "-f", file}, where...), &out, &out); code != cli.ExitFailed || !strings.Contains(out.String(), "is not written over") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}
