package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
observed, and the incidents of the time: the figures of the page and the API, with
planned maintenance and corrections by people, and what was measured without them.
A month is one of the site's time zone; a day after its end its figures are frozen:
they stay as they are, unless somebody corrects them, and then it says so. Of what
is older than 400 days only frozen months are known.`,
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
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
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
				return usage(err, "a month such as 2019-05, or 24h, 7d, 30d, 90d")
			}
			over := window != "" || span.To.Before(at)
			r := figures.Report{Site: cfg.Site.Name, Window: name, From: span.From, To: span.To, Zone: cfg.Site.TimeZone, Over: over, Month: window == "", Services: []figures.Service{}, Incidents: []figures.IncidentRef{}}
			adjustments, err := s.Adjustments(ctx, span.From, span.To)
			if err != nil {
				return awsError("read maintenance and corrections", err)
			}
			shown := map[string]bool{}
			for _, svc := range cfg.Services {
				if svc.Internal && !internal {
					continue
				}
				f, err := figuresOf(ctx, s, svc.ID, name, span, adjustments)
				if err != nil {
					return awsError("read the history of "+string(svc.ID), err)
				}
				of := figures.Of(svc.Name, f)
				if monitors {
					if of.Monitors, err = monitorsOf(ctx, s, cfg, svc, span, adjustments); err != nil {
						return awsError("read the history of "+string(svc.ID), err)
					}
				}
				r.Services = append(r.Services, of)
				shown[string(svc.ID)] = true
			}
			list, err := s.Incidents(ctx, span.From, span.To, maxReported)
			if err != nil {
				return awsError("list the incidents", err)
			}
			for _, l := range list {
				inc, _, err := s.Incident(ctx, l.ID)
				if err != nil {
					return awsError("read incident "+l.ID, err)
				}
				if !internal && !inc.IsPublic() {
					continue
				}
				r.Incidents = append(r.Incidents, refOf(inc, internal))
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

// figuresOf is the frozen figures of a month, if it has some, and else what they
// are by what is known now.
func figuresOf(ctx context.Context, s *store.Store, id monitor.ServiceID, name string, span uptime.Window, a store.Adjustments) (uptime.Figures, error) {
	frozen, version, err := s.Figures(ctx, id, name)
	if err != nil || version > 0 {
		return frozen, err
	}
	line, err := s.History(ctx, id, span.From, span.To, a)
	if err != nil {
		return uptime.Figures{}, err
	}
	return line.Figures(id, span), nil
}

// monitorsOf is the figures of a service's monitors, by what is known now.
func monitorsOf(ctx context.Context, s *store.Store, cfg *monitor.Config, svc monitor.Service, span uptime.Window, a store.Adjustments) ([]figures.Service, error) {
	lines, err := s.MonitorHistories(ctx, svc, span.From, span.To, a)
	if err != nil {
		return nil, err
	}
	var out []figures.Service
	for _, m := range cfg.Members(svc) {
		out = append(out, figures.OfMonitor(m.ID, m.Name, lines[m.ID].Figures(svc.ID, span)))
	}
	return out, nil
}

// maxReported is how many incidents a report lists.
const maxReported = 1000

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
