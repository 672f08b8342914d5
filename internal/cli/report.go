package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	figures "github.com/sondehq/sonde/internal/report"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

func reportCommand() *cobra.Command {
	var where storeFlags
	var month, window, format string
	var internal, monitors bool
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Uptime of a month, or another window, for people outside",
		Long: `Prints the uptime of every service, with how long it was down, in maintenance and
observed, and the incidents that lasted in the time: the figures of the page and the
API, with planned maintenance and corrections by people, and what was measured
without them. Services that were taken out of monitors.yaml since are listed where
they were observed. A month is one of the site's time zone; a day after its end its
figures are frozen: they stay as they are, unless somebody corrects them, and then it
says so. Of what is older than 400 days only frozen months are known.`,
		Example: `  sonde report --month 2019-05 --stack sonde
  sonde report --window 30d --format md
  sonde report --format csv > uptime.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if !slices.Contains(figures.Formats(), format) {
				return usage(fmt.Errorf("there is no format %q", format), "one of "+strings.Join(figures.Formats(), ", "))
			}
			if month != "" && window != "" {
				return usage(errors.New("--month and --window are both given"), "give one of them")
			}
			if month != "" && slices.Contains(uptime.Names(), month) {
				return usage(fmt.Errorf("--month is %q", month), "a month is such as 2019-05; --window "+month+" is the time up to now")
			}
			if window != "" && !slices.Contains(uptime.Names(), window) {
				return usage(fmt.Errorf("--window is %q", clean(window)), "one of "+strings.Join(uptime.Names(), ", ")+"; for a calendar month give --month")
			}
			s, closed, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer closed()
			cfg, err := s.Config(ctx)
			if err != nil || cfg == nil {
				return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
			}
			at, name := now(), month+window
			if name == "" {
				name = at.In(cfg.Zone()).Format("2006-01")
			}
			span, err := uptime.ParseWindow(name, at, cfg.Zone())
			if err != nil {
				return usage(err, "--month takes a month such as 2019-05, --window one of "+strings.Join(uptime.Names(), ", "))
			}
			done, err := s.FrozenUpTo(ctx)
			if err != nil {
				return awsError("read what is frozen", err)
			}
			r := figures.Report{
				Site: cfg.Site.Name, Window: name, From: span.From, To: span.To, Zone: cfg.Zone().String(), Over: window != "" || span.To.Before(at), Month: window == "",
				Freezes: freezes(name, done, at, cfg.Zone()), Services: []figures.Service{}, Incidents: []figures.IncidentRef{},
			}
			if err := reportServices(ctx, s, cfg, &r, internal, monitors); err != nil {
				return err
			}
			if r.Incidents, err = reportIncidents(ctx, s, uptime.Window{From: r.From, To: r.To}, internal); err != nil {
				return err
			}
			r.Sort()
			return r.Write(cmd.OutOrStdout(), format)
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&month, "month", "", "a month of the site's time zone, such as 2019-05 (default: this one)")
	cmd.Flags().StringVar(&window, "window", "", "24h, 7d, 30d or 90d instead")
	cmd.Flags().StringVar(&format, "format", "text", strings.Join(figures.Formats(), ", "))
	cmd.Flags().BoolVar(&monitors, "monitors", false, "every monitor too")
	cmd.Flags().BoolVar(&internal, "internal", false, "internal services too: not for the public")
	return cmd
}

// freezes reports whether a month is going to be frozen, where it is not.
func freezes(name, done string, at time.Time, zone *time.Location) bool {
	if _, last := uptime.Finished(at, zone); name > last {
		return true
	}
	for _, w := range uptime.Due(done, at, zone) {
		if uptime.MonthName(w.From.Add(12*time.Hour), zone) == name {
			return true
		}
	}
	return false
}

// reportServices puts in the figures of the services of the configuration, and of
// those that were taken out of it and were observed in the time. A frozen month is
// that of the zone which the site had then.
func reportServices(ctx context.Context, s *store.Store, cfg *monitor.Config, r *figures.Report, internal, monitors bool) error {
	span := uptime.Window{From: r.From, To: r.To}
	known, err := s.ServicesIn(ctx, cfg, span)
	if err != nil {
		return awsError("read the configurations of the time", err)
	}
	if !internal {
		known = slices.DeleteFunc(known, func(k store.Known) bool { return k.Internal })
	}
	found := make([]uptime.Figures, len(known))
	read := func(wanted func(uptime.Figures) bool) error {
		adjustments, err := s.Adjustments(ctx, r.From, r.To)
		if err != nil {
			return awsError("read maintenance and corrections", err)
		}
		for i, k := range known {
			if !wanted(found[i]) {
				continue
			}
			if found[i], err = figuresIn(ctx, s, k, r, adjustments, monitors); err != nil {
				return awsError("read the history of "+string(k.ID), err)
			}
		}
		return nil
	}
	if err := read(func(uptime.Figures) bool { return true }); err != nil {
		return err
	}
	if i := slices.IndexFunc(found, func(f uptime.Figures) bool { return !f.Frozen.IsZero() }); i >= 0 && found[i].Window != span {
		r.From, r.To, r.Zone = found[i].From, found[i].To, cmp.Or(found[i].Zone, r.Zone)
		if err := read(func(f uptime.Figures) bool { return f.Frozen.IsZero() }); err != nil {
			return err
		}
	}
	for i, f := range found {
		if !known[i].Gone.IsZero() && f.Frozen.IsZero() && f.Raw.Observed()+f.Adjusted.Observed() == 0 {
			continue
		}
		of := figures.Of(known[i].Name, f)
		if !f.From.Equal(r.From) || !f.To.Equal(r.To) {
			of.From, of.To = f.From, f.To
		}
		if monitors {
			for _, m := range f.Monitors {
				m.Frozen = f.Frozen
				of.Monitors = append(of.Monitors, figures.OfMonitor(m.Monitor, cmp.Or(m.Name, string(m.Monitor)), m))
			}
		}
		r.Services = append(r.Services, of)
	}
	return nil
}

// figuresIn is a service's figures in the report's window: of a month as they were
// frozen, if they were.
func figuresIn(ctx context.Context, s *store.Store, k store.Known, r *figures.Report, a store.Adjustments, monitors bool) (uptime.Figures, error) {
	span := uptime.Window{From: r.From, To: r.To}
	if !r.Month {
		return s.WindowFigures(ctx, k, span, a, monitors)
	}
	f, err := s.Month(ctx, k, r.Window, span, a, monitors)
	if err != nil || !monitors || f.Frozen.IsZero() || len(f.Monitors) > 0 || now().Sub(f.From) > store.HistoryKept {
		return f, err
	}
	// Frozen by a version that did not freeze those of monitors.
	fresh, err := s.WindowFigures(ctx, k, f.Window, a, monitors)
	f.Monitors = fresh.Monitors
	return f, err
}

// maxReported is how many incidents a report lists.
const maxReported = 1000

// reportIncidents lists the incidents that lasted in a window, also those that
// began before it or are not over.
func reportIncidents(ctx context.Context, s *store.Store, w uptime.Window, internal bool) ([]figures.IncidentRef, error) {
	list, err := s.Incidents(ctx, w.From, w.To, maxReported)
	if err != nil {
		return nil, awsError("list the incidents", err)
	}
	before, err := s.Incidents(ctx, w.From.Add(-store.HistoryKept), w.From, 10*maxReported)
	if err != nil {
		return nil, awsError("list the incidents", err)
	}
	for _, l := range before {
		if over := cmp.Or(l.Restored, l.Resolved); over.IsZero() || over.After(w.From) {
			list = append(list, l)
		}
	}
	refs := []figures.IncidentRef{}
	for _, l := range list {
		inc, _, err := s.Incident(ctx, l.ID)
		if err != nil {
			return nil, awsError("read incident "+l.ID, err)
		}
		if !internal && !inc.IsPublic() {
			continue
		}
		if ref := refOf(inc, internal); ref.In(w) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// refOf names an incident, whole or as the public sees it.
func refOf(inc incident.Incident, internal bool) figures.IncidentRef {
	title, seen := inc.Title, inc
	since, restored := inc.Lasted()
	if !internal {
		title, seen = inc.PublicTitle(), inc.Public()
		since, restored = inc.PubliclyLasted()
	}
	return figures.IncidentRef{ID: inc.ID, Title: title, Worst: seen.Worst, Opened: seen.Opened, Since: since, Restored: restored, Resolved: inc.Resolved}
}
