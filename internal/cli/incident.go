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
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

func incidentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incident",
		Short: "Look at incidents, and say what people know of them",
		Long: `Incidents open and end by themselves. People add what machines cannot know: that
somebody is on it, what is being done, when there will be news, and whether a tier
that holds its messages back is to hear of it. Everything is kept with who and
when. ID may be left out while only one incident is open, and given as --id, too.`,
		Example: `  sonde incident list --stack sonde
  sonde incident ack --stack sonde
  sonde incident update "New balancers are being set up." --phase identified --next 30m --stack sonde
  sonde incident publish --tier customers --stack sonde`,
		SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noSubcommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(incidentListCommand(), incidentShowCommand(), incidentOpenCommand(), incidentResolveCommand(), incidentAckCommand(), incidentUpdateCommand(),
		incidentPublishCommand(), incidentDeclineCommand(), incidentPostmortemCommand())
	for _, c := range cmd.Commands() {
		c.Args = asUsage(c.Args)
		c.SetFlagErrorFunc(flagError)
	}
	update, _, _ := cmd.Find([]string{"update"})
	dashed(update)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if args := cmd.Flags().Args(); len(args) > 0 {
			return noSubcommand(cmd, args[0]) // which has no flags, of course
		}
		return flagError(cmd, err)
	})
	return cmd
}

func flagError(cmd *cobra.Command, err error) error {
	return usage(err, "see `"+cmd.CommandPath()+" --help`")
}

func noSubcommand(cmd *cobra.Command, name string) error {
	hint := "see `" + cmd.CommandPath() + " --help`"
	if like := cmd.SuggestionsFor(name); len(like) > 0 {
		hint = "did you mean `" + cmd.CommandPath() + " " + like[0] + "`?"
	}
	return usage(fmt.Errorf("there is no command %q of %s", legible(name), cmd.CommandPath()), hint)
}

// oneFlags say which incident a command is about, and in which store.
type oneFlags struct {
	storeFlags
	id string
}

func (f *oneFlags) add(cmd *cobra.Command) {
	f.storeFlags.add(cmd)
	cmd.Flags().StringVar(&f.id, "id", "", "the incident, if more than one is open")
}

// named is the incident that is named, as an argument or as --id; empty if none is.
func (f *oneFlags) named(args []string) (string, error) {
	switch {
	case len(args) == 0:
		return f.id, nil
	case f.id != "" && f.id != args[0]:
		return "", usage(fmt.Errorf("two incidents are named, %s and %s", legible(args[0]), legible(f.id)), "give one of them")
	}
	return args[0], nil
}

func noIncident(id string) error {
	return usage(fmt.Errorf("there is no incident %s", legible(id)), "`sonde incident list` shows them")
}

// chosen is the incident that is meant: the one that is named, or the only one
// that is open.
func (f *oneFlags) chosen(ctx context.Context, s *store.Store, args []string) (string, error) {
	if id, err := f.named(args); err != nil || id != "" {
		return id, err
	}
	board, err := s.Board(ctx)
	if err != nil {
		return "", awsError("read the open incidents", err)
	}
	switch len(board.Open) {
	case 1:
		return board.Open[0].ID, nil
	case 0:
		return "", usage(errors.New("no incident is open"), "name one: `sonde incident list` shows them")
	}
	var ids []string
	for _, inc := range board.Open {
		ids = append(ids, inc.ID)
	}
	return "", usage(fmt.Errorf("%d incidents are open", len(ids)), "name one: "+strings.Join(ids, ", "))
}

// act is something that a person does to an open incident.
type act func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error)

// conflictTries is how often an act is tried again when Sonde itself changed the
// incident in between.
const conflictTries = 5

// perform does it: everything that follows is written in one transaction, then
// the page is renewed; messages go the way that all messages go.
func perform(cmd *cobra.Command, where *oneFlags, args []string, do act, did string) error {
	return performOn(cmd, where, args, func(_ *store.Store, cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
		return do(cfg, inc, by)
	}, did)
}

// actOn is an act that looks at more than the incident.
type actOn func(s *store.Store, cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error)

// performOn is perform for those.
func performOn(cmd *cobra.Command, where *oneFlags, args []string, do actOn, did string) error {
	ctx := cmd.Context()
	s, done, err := where.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	id, err := where.chosen(ctx, s, args)
	if err != nil {
		return err
	}
	cfg, err := s.Config(ctx)
	if err != nil || cfg == nil {
		return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
	}
	by := where.who(cmd)
	for range conflictTries {
		if err = performOnce(ctx, s, cfg, id, by, do); !errors.Is(err, table.ErrConflict) {
			break
		}
	}
	if err != nil {
		return err
	}
	renewPage(cmd, s)
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", id, did)
	return nil
}

// renewPage shows at once what people have done.
func renewPage(cmd *cobra.Command, s *store.Store) {
	ctx := cmd.Context()
	if old, _, err := s.Snapshot(ctx); err == nil && old.Fresh > 0 {
		page := pipeline.New(pipeline.Deps{Store: s, Now: now, Fresh: old.Fresh})
		if err := page.Snapshot(ctx); err != nil {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "sonde: hint: the page shows it within a minute: %s\n", legible(err.Error()))
		}
	}
}

func errNoConfig(cfg *monitor.Config) error {
	if cfg == nil {
		return errors.New("this store has no configuration yet")
	}
	return nil
}

func performOnce(ctx context.Context, s *store.Store, cfg *monitor.Config, id, by string, do actOn) error {
	board, err := s.Board(ctx)
	if err != nil {
		return awsError("read the open incidents", err)
	}
	at := slices.IndexFunc(board.Open, func(inc incident.Incident) bool { return inc.ID == id })
	if at < 0 {
		if _, version, err := s.Incident(ctx, id); err == nil && version == 0 {
			return noIncident(id)
		}
		return usage(incident.ErrOver, "`sonde incident show "+id+"` says how it ended")
	}
	fx, err := do(s, cfg, board.Open[at], by)
	var known *exitError
	if errors.As(err, &known) {
		return err
	}
	if err != nil {
		return usage(err, hintFor(err))
	}
	return write(ctx, s, board, fx)
}

// write commits what people have done, or says why not; a conflict is
// table.ErrConflict.
func write(ctx context.Context, s *store.Store, board store.Board, fx incident.Effects) error {
	ops, err := store.IncidentOps(board, fx)
	if err != nil {
		return failed(err, "")
	}
	if err := s.Commit(ctx, ops...); errors.Is(err, table.ErrConflict) {
		return failed(fmt.Errorf("somebody else changes this incident all the time: %w", err), "try again")
	} else if err != nil {
		return awsError("write the incident", err)
	}
	return nil
}
