package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

func incidentOpenCommand() *cobra.Command {
	var where storeFlags
	var text, impact string
	var services []string
	var next time.Duration
	cmd := &cobra.Command{
		Use:   "open TITLE",
		Short: "Open an incident that no monitor sees",
		Long: `Opens an incident by hand. Tiers hear of it as of any other; it ends when somebody
says so with ` + "`sonde incident resolve`" + `, and grows if what is measured is worse.
Uptime is what is measured: ` + "`sonde correct`" + ` corrects it.`,
		Example: `  sonde incident open "payments are delayed" --service shop --impact major --text "Our bank is looking into it." --next 30m --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
			cfg, err := s.Config(ctx)
			if err != nil || cfg == nil {
				return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
			}
			d := incident.Declaration{By: where.caller(ctx), Title: args[0], Text: text, Impact: monitor.Impact(impact)}
			for _, id := range services {
				d.Services = append(d.Services, monitor.ServiceID(id))
			}
			if next != 0 {
				d.Next = now().Add(next)
			}
			var id string
			for range conflictTries {
				if id, err = declare(ctx, s, cfg, d); !errors.Is(err, table.ErrConflict) {
					break
				}
			}
			if err != nil {
				return err
			}
			renewPage(cmd, s)
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: opened\n", id)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&text, "text", "", "what is known, for everybody")
	cmd.Flags().StringVar(&impact, "impact", "", "minor, major or critical")
	cmd.Flags().StringArrayVar(&services, "service", nil, "a service that is affected; may be given several times")
	cmd.Flags().DurationVar(&next, "next", 0, "how long until the next update")
	return cmd
}

func declare(ctx context.Context, s *store.Store, cfg *monitor.Config, d incident.Declaration) (string, error) {
	board, err := s.Board(ctx)
	if err != nil {
		return "", awsError("read the open incidents", err)
	}
	fx, err := incident.Declare(cfg, board.Open, d, now())
	if err != nil {
		return "", usage(err, hintFor(err))
	}
	return fx.Incidents[0].ID, write(ctx, s, board, fx)
}

func incidentResolveCommand() *cobra.Command {
	var where storeFlags
	var text string
	cmd := &cobra.Command{
		Use:   "resolve [ID]",
		Short: "End an incident that does not end by itself",
		Long: `Ends an incident that was opened by hand, or waits for old DNS answers to run out, or
is about a service that keeps changing. One whose services do not work ends when
they do.`,
		Example: `  sonde incident resolve --text "All payments have gone through." --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return perform(cmd, where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Resolve(cfg, inc, nil, incident.Note{By: by, Text: text}, now())
			}, "resolved; everybody who heard of it hears that")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&text, "text", "", "what to tell everybody")
	return cmd
}
