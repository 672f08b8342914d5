package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// shotsOf is how many pictures of one monitor are written.
const shotsOf = 20

// saveShots writes the pictures that browser journeys of an incident's services
// took while it was open.
func saveShots(ctx context.Context, s *store.Store, inc incident.Incident, dir string, stderr io.Writer) error {
	cfg, err := s.Config(ctx)
	if err != nil || cfg == nil {
		return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
	}
	to := inc.Resolved
	if to.IsZero() {
		to = now()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed(err, "")
	}
	n := 0
	for _, a := range inc.Services {
		svc, _ := cfg.Service(a.ID)
		for _, m := range cfg.Members(svc) {
			if m.Kind() != monitor.KindBrowser {
				continue
			}
			shots, err := s.Shots(ctx, m.ID, inc.Opened, to.Add(time.Minute), shotsOf)
			if err != nil {
				return awsError("read the pictures", err)
			}
			for _, shot := range shots {
				name := fmt.Sprintf("%s-%s-%s-%d.jpg", m.ID, shot.Scheduled.UTC().Format("20060102T150405Z"), shot.Location, shot.Attempt)
				if err := os.WriteFile(filepath.Join(dir, name), shot.JPEG, 0o600); err != nil {
					return failed(err, "")
				}
				n++
			}
		}
	}
	_, _ = fmt.Fprintf(stderr, "%s in %s\n", plural(n, "picture"), dir)
	return nil
}
