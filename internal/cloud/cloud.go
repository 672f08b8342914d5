// Package cloud is the stages as Lambda functions: it reads the settings of a
// function from its environment, makes the logger, and turns each kind of event
// into a call of a stage and its outcome into what Lambda expects.
//
// The handlers keep nothing between two calls but what the pipeline keeps. A
// record that cannot be read is logged with its key and reported as failed, so
// that Lambda sets it aside in the dead-letter queue after its few retries; it
// never stops what comes behind it for good.
//
// cloud/sqsqueue is the queue of the stages over SQS, cloud/gateway serves an
// http.Handler behind an API Gateway HTTP API.
package cloud

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
)

// Settings are what the template gives a function in its environment.
type Settings struct {
	Table    string                      // SONDE_TABLE
	Region   string                      // SONDE_TABLE_REGION: where the table is; empty: where the function is
	Location monitor.Location            // SONDE_LOCATION, or AWS_REGION
	Queues   map[monitor.Location]string // SONDE_QUEUES: JSON, location to queue URL; see sqsqueue.New for "*"
	Browsers map[monitor.Location]string // SONDE_BROWSER_QUEUES: the same of browser journeys
	Topics   map[monitor.TierID]string   // SONDE_TOPICS: JSON, tier to topic ARN
	Stack    string                      // SONDE_STACK: the name that metrics bear
}

// Read reads the settings. A variable that is needed and not set is an error
// that names it.
func Read(getenv func(string) string, needed ...string) (Settings, error) {
	for _, name := range needed {
		if getenv(name) == "" {
			return Settings{}, fmt.Errorf("environment: %s is not set", name)
		}
	}
	s := Settings{Table: getenv("SONDE_TABLE"), Location: monitor.Location(getenv("SONDE_LOCATION")), Stack: getenv("SONDE_STACK")}
	s.Region = getenv("SONDE_TABLE_REGION")
	if s.Location == "" {
		s.Location = monitor.Location(getenv("AWS_REGION"))
	}
	if err := readMap(getenv, "SONDE_QUEUES", &s.Queues); err != nil {
		return Settings{}, err
	}
	if err := readMap(getenv, "SONDE_BROWSER_QUEUES", &s.Browsers); err != nil {
		return Settings{}, err
	}
	if err := readMap(getenv, "SONDE_TOPICS", &s.Topics); err != nil {
		return Settings{}, err
	}
	return s, nil
}

func readMap(getenv func(string) string, name string, into any) error {
	text := getenv(name)
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("environment: %s is not a JSON object of strings: %w", name, err)
	}
	return nil
}

// Logger writes structured logs as CloudWatch reads them.
func Logger() *slog.Logger { return slog.New(slog.NewJSONHandler(os.Stdout, nil)) }

// How the stages run in Lambda: Sweep comes every minute, and a new
// configuration is to be in force within a minute.
const (
	fresh     = 3 * time.Minute
	configAge = 30 * time.Second
)

// Deps are the dependencies that every function has; each adds its own.
func (s Settings) Deps(log *slog.Logger) pipeline.Deps {
	deps := pipeline.Deps{Now: now, Log: log, Location: s.Location, Fresh: fresh, ConfigAge: configAge}
	if s.Stack != "" {
		deps.Emit = Emitter(os.Stdout, s.Stack, now)
	}
	return deps
}
