package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.etcd.io/bbolt"

	"github.com/sondehq/sonde/internal/cloud/secrets"
	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/echotest"
)

// TestSecretsGoNowhere: targets repeat the secrets that they were sent, wherever
// one can be put. None is in the table, in a message, or in the log.
func TestSecretsGoNowhere(t *testing.T) {
	text, ids := echotest.File(t)
	cfg, err := config.Load("monitors.yaml", text, config.Options{Home: monitor.Local})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, cfg)
	var logged bytes.Buffer
	w.stages.Log = slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.stages.Engine = echoEngine(t, w.stages.Log)
	w.run(15 * time.Second)
	down := map[monitor.ID]bool{}
	batches, err := w.store.Batches(context.Background(), 0, start, w.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		for _, r := range b.Results {
			down[r.Monitor] = r.Outcome == monitor.OutcomeDown
			if r.Outcome == monitor.OutcomeNotRun {
				t.Errorf("%s: %+v", r.Monitor, r.Failure)
			}
		}
	}
	for _, id := range ids {
		if !down[monitor.ID(id)] {
			t.Errorf("%s is not down: what it repeats was not seen", id)
		}
	}
	if len(w.sent) == 0 || logged.Len() == 0 {
		t.Errorf("%d messages and %d bytes of log: nothing was looked at", len(w.sent), logged.Len())
	}
	sent, err := json.Marshal(w.sent)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"messages": string(sent), "log": logged.String()} {
		if leak := echotest.Leak(text); leak != "" {
			t.Errorf("the %s hold %s", name, leak)
		}
	}
	for _, m := range w.sent {
		if leak := echotest.Leak(m.Subject + m.Email + m.SMS + m.Machine); leak != "" {
			t.Errorf("a message holds %s", leak)
		}
	}
	searchTable(t, w)
}

func echoEngine(t *testing.T, log *slog.Logger) *probe.Engine {
	t.Helper()
	endpoint := echotest.SSM(t)
	getenv := func(name string) string { return map[string]string{"AWS_ENDPOINT_URL_SSM": endpoint}[name] }
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example"}, nil
	})
	resolver := secrets.New(secrets.Deps{
		LookupEnv:  func(name string) (string, bool) { return echotest.EnvSecret, name == echotest.Variable },
		Parameters: secrets.NewSSM(aws.Config{Region: "eu-west-1", Credentials: credentials}, getenv), Now: time.Now, Log: log,
	})
	return probe.New(probe.Env{Now: time.Now, Secret: resolver.Secret}, probe.Options{})
}

// inflated is what is compressed within a row.
func inflated(row []byte) string {
	at := bytes.Index(row, []byte{0x1f, 0x8b, 8}) // RFC 1952, 2.3.1
	if at < 0 {
		return ""
	}
	z, err := gzip.NewReader(bytes.NewReader(row[at:]))
	if err != nil {
		return ""
	}
	z.Multistream(false)
	text, _ := io.ReadAll(z)
	return string(text)
}

// searchTable looks through every byte of every row, whatever kind it is, and of
// the file that they stand in.
func searchTable(t *testing.T, w *world) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy")
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	if leak := echotest.Leak(string(file)); leak != "" {
		t.Errorf("the file of the table holds %s", leak)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows := 0
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(key, value []byte) error {
				rows++
				if leak := echotest.Leak(string(key) + " " + string(value) + " " + inflated(value)); leak != "" {
					t.Errorf("the row %q holds %s", key, leak)
				}
				return nil
			})
		})
	})
	if err != nil || rows < 10 {
		t.Errorf("%d rows were looked at: %v", rows, err)
	}
}
