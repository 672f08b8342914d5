package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		Long: `Opens an incident by hand. It needs a --text, which everybody reads. Tiers hear of it
as of any other; it ends when somebody says so with ` + "`sonde incident resolve`" + `,
and grows if what is measured is worse.
Uptime is what is measured: ` + "`sonde correct`" + ` corrects it.`,
		Example: `  sonde incident open "payments are delayed" --service shop --impact major --text "Our bank is looking into it." --next 30m --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			title, err := needed(cmd, args[0], "title", incident.ErrNoTitle)
			if err != nil {
				return err
			}
			text, err := needed(cmd, text, "text", errNoOpenText)
			if err != nil {
				return err
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
			d := incident.Declaration{By: where.who(cmd), Title: title, Text: text, Impact: monitor.Impact(impact)}
			for _, id := range services {
				if !slices.Contains(d.Services, monitor.ServiceID(id)) {
					d.Services = append(d.Services, monitor.ServiceID(id))
				}
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
			warnNamed(cmd, cfg, title+"\n"+text)
			renewPage(cmd, s)
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: opened\n", id)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&text, "text", "", "what is known, for everybody: required; - reads standard input")
	cmd.Flags().StringVar(&impact, "impact", "", "minor, major or critical")
	cmd.Flags().StringArrayVar(&services, "service", nil, "a service that is affected; may be given several times")
	cmd.Flags().DurationVar(&next, "next", 0, "how long until the next update")
	return cmd
}

// errNoOpenText is incident.ErrNoText where the text is a flag.
var errNoOpenText = errors.New("an incident needs a text for everybody")

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
	var where oneFlags
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
			text, err := given(cmd, text, "text")
			if err != nil {
				return err
			}
			return performOn(cmd, &where, args, func(s *store.Store, cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				measured, err := statuses(cmd.Context(), s, inc)
				if err != nil {
					return incident.Effects{}, err
				}
				fx, err := incident.Resolve(cfg, inc, measured, incident.Note{By: by, Text: text}, now())
				if err == nil {
					warnNamed(cmd, cfg, text)
				}
				return fx, err
			}, "resolved; everybody who heard of it hears that")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&text, "text", "", "what to tell everybody; - reads standard input")
	return cmd
}

// statuses is how an incident's services are, as measured.
func statuses(ctx context.Context, s *store.Store, inc incident.Incident) (map[monitor.ServiceID]monitor.Status, error) {
	measured := map[monitor.ServiceID]monitor.Status{}
	for _, a := range inc.Services {
		state, err := s.State(ctx, a.ID)
		if err != nil {
			return nil, awsError("read the state of "+string(a.ID), err)
		}
		if state.Version > 0 {
			measured[a.ID] = state.Status
		}
	}
	return measured, nil
}
