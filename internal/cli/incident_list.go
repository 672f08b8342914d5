package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// listedFor is how far back incidents are listed; one that is not over is listed
// however old it is.
const listedFor = 90 * 24 * time.Hour

func incidentListCommand() *cobra.Command {
	var where storeFlags
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the incidents of the last 90 days, newest first",
		Long: `Lists the incidents of the last 90 days, newest first, and every one that is not
over, however old it is. Times are in the site's zone; those of --json are UTC.`,
		Example: `  sonde incident list --stack sonde --limit 5`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usage(fmt.Errorf("--limit is %d", limit), "give how many to list: 1 or more")
			}
			s, done, err := where.open(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			list, err := listOf(cmd.Context(), s, limit)
			if err != nil {
				return awsError("list the incidents", err)
			}
			if asJSON {
				return printQuoted(cmd.OutOrStdout(), append([]store.Listed{}, list...))
			}
			cfg, err := configOrNone(cmd.Context(), s)
			if err != nil {
				return err
			}
			printIncidents(cmd.OutOrStdout(), list, cfg.Zone())
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many; those that are not over are listed all the same")
	return cmd
}

// listOf is the newest incidents, and those that are not over.
func listOf(ctx context.Context, s *store.Store, limit int) ([]store.Listed, error) {
	list, err := s.Incidents(ctx, now().Add(-listedFor), now().Add(time.Minute), limit)
	if err != nil {
		return nil, err
	}
	board, err := s.Board(ctx)
	for _, inc := range board.Open {
		if !slices.ContainsFunc(list, func(l store.Listed) bool { return l.ID == inc.ID }) {
			list = append(list, store.ListedOf(inc))
		}
	}
	slices.SortStableFunc(list, func(a, b store.Listed) int { return b.Opened.Compare(a.Opened) })
	return list, err
}

// newest is the id of the incident that was opened last, over or not.
func newest(ctx context.Context, s *store.Store) (string, error) {
	list, err := s.Incidents(ctx, now().AddDate(-10, 0, 0), now().Add(time.Minute), 1)
	if err != nil {
		return "", awsError("list the incidents", err)
	}
	if len(list) == 0 {
		return "", usage(errors.New("there has been no incident"), "")
	}
	return list[0].ID, nil
}

// configOrNone is the configuration, or an empty one.
func configOrNone(ctx context.Context, s *store.Store) (*monitor.Config, error) {
	cfg, err := s.Config(ctx)
	if err != nil {
		return nil, awsError("read the configuration", err)
	}
	if cfg == nil {
		cfg = &monitor.Config{}
	}
	return cfg, nil
}

func printIncidents(w io.Writer, list []store.Listed, zone *time.Location) {
	if len(list) == 0 {
		_, _ = fmt.Fprintln(w, "no incident in the last 90 days")
	}
	for _, l := range list {
		ended := string(l.State)
		if l.State == incident.Resolved {
			ended = "after " + incident.Span(l.Lasted(l.Resolved))
		}
		line := fmt.Sprintf("%s  %s  %-8s  %-14s  %s", legible(l.ID), l.Opened.In(zone).Format("2006-01-02 15:04 MST"), l.Worst, ended, legible(l.Title))
		_, _ = fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}
