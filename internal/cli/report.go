package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	figures "github.com/sondehq/sonde/internal/report"
	"github.com/sondehq/sonde/internal/uptime"
)

func reportCommand() *cobra.Command {
	var where storeFlags
	var month, window, format string
	var internal bool
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Uptime of a month, or another window, for people outside",
		Long: `Prints the uptime of every service, with how long it was down, in maintenance and
observed, and the incidents of the time: the figures of the page and the API. A
month is one of the site's time zone. What is older than 400 days is not known any
more.`,
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
			r := figures.Report{Site: cfg.Site.Name, Window: name, From: span.From, To: span.To, Zone: cfg.Site.TimeZone, Over: over, Services: []figures.Service{}, Incidents: []figures.IncidentRef{}}
			shown := map[string]bool{}
			for _, svc := range cfg.Services {
				if svc.Internal && !internal {
					continue
				}
				line, err := s.Timeline(ctx, svc.ID, span.From, span.To)
				if err != nil {
					return awsError("read the history of "+string(svc.ID), err)
				}
				r.Services = append(r.Services, figures.Of(svc.ID, svc.Name, line, span))
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
				title := inc.Title
				if !internal {
					title = inc.PublicTitle()
				}
				r.Incidents = append(r.Incidents, figures.IncidentRef{ID: inc.ID, Title: title, Worst: inc.Worst, Opened: inc.Opened, Resolved: inc.Resolved})
			}
			r.Sort()
			return r.Write(cmd.OutOrStdout(), format)
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&month, "month", "", "a month of the site's time zone, such as 2019-05 (default: this one)")
	cmd.Flags().StringVar(&window, "window", "", "24h, 7d, 30d or 90d instead")
	cmd.Flags().StringVar(&format, "format", "text", strings.Join(figures.Formats(), ", "))
	cmd.Flags().BoolVar(&internal, "internal", false, "internal services too: not for the public")
	return cmd
}

// maxReported is how many incidents a report lists.
const maxReported = 1000
