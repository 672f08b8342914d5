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
when. ID may be left out while only one incident is open.`,
		Example: `  sonde incident list --stack sonde
  sonde incident ack --stack sonde
  sonde incident update "New balancers are being set up." --phase identified --next 30m --stack sonde
  sonde incident publish --tier customers --stack sonde`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(incidentListCommand(), incidentShowCommand(), incidentOpenCommand(), incidentResolveCommand(), incidentAckCommand(), incidentUpdateCommand(),
		incidentPublishCommand(), incidentDeclineCommand(), incidentPostmortemCommand())
	for _, c := range cmd.Commands() {
		c.Args = asUsage(c.Args)
	}
	return cmd
}

// listedFor is how far back incidents are listed.
const listedFor = 90 * 24 * time.Hour

func incidentListCommand() *cobra.Command {
	var where storeFlags
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the incidents of the last 90 days, newest first",
		Example: `  sonde incident list --stack sonde --limit 5`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, done, err := where.open(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			list, err := s.Incidents(cmd.Context(), now().Add(-listedFor), now().Add(time.Minute), limit)
			if err != nil {
				return awsError("list the incidents", err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), append([]store.Listed{}, list...))
			}
			printIncidents(cmd.OutOrStdout(), list)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}

func printIncidents(w io.Writer, list []store.Listed) {
	if len(list) == 0 {
		_, _ = fmt.Fprintln(w, "no incident in the last 90 days")
	}
	for _, l := range list {
		ended := string(l.State)
		if l.State == incident.Resolved {
			ended = "after " + incident.Span(l.Lasted(l.Resolved))
		}
		_, _ = fmt.Fprintf(w, "%s  %s  %-8s  %-14s  %s\n", l.ID, l.Opened.UTC().Format("2006-01-02 15:04 UTC"), l.Worst, ended, clean(l.Title))
	}
}

// shownIncident is what `sonde incident show --json` prints.
type shownIncident struct {
	incident.Incident
	Updates  []incident.Update `json:"updates"` // oldest first
	Receipts []store.Receipt   `json:"receipts"`
}

func incidentShowCommand() *cobra.Command {
	var where storeFlags
	var asJSON bool
	var shots string
	cmd := &cobra.Command{
		Use:     "show [ID]",
		Short:   "Show an incident: services, time line, who was told what and when",
		Example: `  sonde incident show nk5h4flc56mk --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
			id, err := chosen(ctx, s, args)
			if err != nil {
				return err
			}
			shown, err := whole(ctx, s, id)
			if err != nil {
				return err
			}
			if shots != "" {
				if err := saveShots(ctx, s, shown.Incident, shots, cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			printIncident(cmd.OutOrStdout(), shown)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&shots, "screenshots", "", "write the pictures of its browser journeys into this directory, as JPEG")
	return cmd
}

// whole reads an incident with all that belongs to it.
func whole(ctx context.Context, s *store.Store, id string) (shown shownIncident, err error) {
	inc, version, err := s.Incident(ctx, id)
	if err != nil {
		return shown, awsError("read the incident", err)
	}
	if version == 0 {
		return shown, noIncident(id)
	}
	shown.Incident = inc
	if shown.Updates, err = s.Updates(ctx, id); err != nil {
		return shown, awsError("read the time line", err)
	}
	if shown.Receipts, err = s.Receipts(ctx, id); err != nil {
		return shown, awsError("read the receipts", err)
	}
	return shown, nil
}

func incidentPostmortemCommand() *cobra.Command {
	var where storeFlags
	cmd := &cobra.Command{
		Use:   "postmortem [ID]",
		Short: "Draft the follow-up, in Markdown, as far as Sonde knows it",
		Long: `Prints a draft of the follow-up of an incident: time line, how long each service was
affected, who was told what and when. What only people know is marked to be filled
in. It names internal services: read it before it goes out.`,
		Example: `  sonde incident postmortem nk5h4flc56mk --stack sonde > postmortem.md`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
			id, err := chosen(ctx, s, args)
			if err != nil {
				return err
			}
			cfg, err := s.Config(ctx)
			if err != nil || cfg == nil {
				return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
			}
			shown, err := whole(ctx, s, id)
			if err != nil {
				return err
			}
			var sent []incident.Sent
			for _, r := range shown.Receipts {
				sent = append(sent, incident.Sent{Tier: r.Tier, Event: r.Event, At: r.Sent, Failed: r.GaveUp})
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), incident.Draft(cfg, shown.Incident, shown.Updates, sent, now()))
			return err
		},
	}
	where.add(cmd)
	return cmd
}

const minute = "2006-01-02 15:04:05 UTC"

func printIncident(w io.Writer, s shownIncident) {
	_, _ = fmt.Fprintf(w, "%s: %s\n%s, %s, impact %s, at worst %s\nopened %s", s.ID, clean(s.Title), s.State, s.Phase, s.Impact, s.Worst, s.Opened.UTC().Format(minute))
	from, to := s.Lasted()
	if s.Opened.Before(from) {
		_, _ = fmt.Fprintf(w, ", broken since %s", from.UTC().Format(minute))
	}
	if !to.IsZero() {
		_, _ = fmt.Fprintf(w, ", restored %s after %s", to.UTC().Format(minute), incident.Span(to.Sub(from)))
	}
	if !s.Resolved.IsZero() && !s.Resolved.Equal(to) {
		_, _ = fmt.Fprintf(w, ", over %s", s.Resolved.UTC().Format(minute))
	}
	_, _ = fmt.Fprintln(w)
	if !s.Acked.IsZero() {
		_, _ = fmt.Fprintf(w, "acknowledged %s by %s\n", s.Acked.UTC().Format(minute), clean(s.By))
	}
	if !s.Next.IsZero() {
		_, _ = fmt.Fprintf(w, "next update promised for %s\n", s.Next.UTC().Format(minute))
	}
	for _, a := range s.Services {
		role := "affected"
		if a.Cause {
			role = "cause"
		}
		_, _ = fmt.Fprintf(w, "  %s: %s: %s, %d of %d up\n", role, clean(a.Name), incident.Words(a.Status), a.Alive, a.Total)
	}
	if s.Detail != "" {
		_, _ = fmt.Fprintln(w, "\nWhat failed:")
		for line := range strings.Lines(s.Detail) {
			_, _ = fmt.Fprintf(w, "  %s\n", clean(line))
		}
	}
	if s.Old != "" {
		_, _ = fmt.Fprintf(w, "\n%s\n", clean(s.Old))
	}
	_, _ = fmt.Fprintln(w, "\nTime line:")
	for _, u := range s.Updates {
		text, by := u.Text, ""
		if text == "" {
			text = u.Detail
		}
		if u.By != "" {
			by = " (" + clean(u.By) + ")"
		}
		_, _ = fmt.Fprintf(w, "  %s  %s  %s%s\n", u.At.UTC().Format(minute), u.Phase, clean(text), by)
	}
	if len(s.Receipts) > 0 {
		_, _ = fmt.Fprintln(w, "\nTold:")
	}
	slices.SortStableFunc(s.Receipts, func(a, b store.Receipt) int { return a.Sent.Compare(b.Sent) })
	for _, r := range s.Receipts {
		what := "told"
		if r.GaveUp != "" {
			what = "never reached: " + clean(r.GaveUp)
		}
		_, _ = fmt.Fprintf(w, "  %s  %s: %s, %s\n", r.Sent.UTC().Format(minute), r.Tier, r.Event, what)
	}
}

func noIncident(id string) error {
	return usage(fmt.Errorf("there is no incident %s", clean(id)), "`sonde incident list` shows them")
}

// chosen is the incident that is meant: the one that is named, or the only one
// that is open.
func chosen(ctx context.Context, s *store.Store, args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
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
func perform(cmd *cobra.Command, where storeFlags, args []string, do act, did string) error {
	ctx := cmd.Context()
	s, done, err := where.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	id, err := chosen(ctx, s, args)
	if err != nil {
		return err
	}
	cfg, err := s.Config(ctx)
	if err != nil || cfg == nil {
		return awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
	}
	by := where.caller(ctx)
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
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "sonde: hint: the page shows it within a minute: %s\n", clean(err.Error()))
		}
	}
}

func errNoConfig(cfg *monitor.Config) error {
	if cfg == nil {
		return errors.New("this store has no configuration yet")
	}
	return nil
}

func performOnce(ctx context.Context, s *store.Store, cfg *monitor.Config, id, by string, do act) error {
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
	fx, err := do(cfg, board.Open[at], by)
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

// hintFor says what to do about what cannot be done.
func hintFor(err error) string {
	for reason, hint := range map[error]string{
		incident.ErrNoText:    "give it as an argument, in quotes",
		incident.ErrNoReason:  "give it with --reason",
		incident.ErrNoTier:    "the tiers stand in monitors.yaml",
		incident.ErrNotHeld:   "only a tier with `public: true` can be told earlier, or not at all",
		incident.ErrPast:      "give a duration from now, such as --next 30m",
		incident.ErrPhase:     "give it with --phase",
		incident.ErrLess:      "they hear of it when it is as bad as their `impact` in monitors.yaml; `sonde incident update` posts to the page",
		incident.ErrForNobody: "its `impact` in monitors.yaml is higher than the incident's",
		incident.ErrNoTitle:   "give it as an argument, in quotes",
		incident.ErrNoService: "name one of monitors.yaml with --service",
		incident.ErrImpact:    "give it with --impact",
		incident.ErrHasOne:    "`sonde incident update` adds to it",
		incident.ErrStillDown: "it ends by itself when its services work; `sonde incident update` says what is being done",
	} {
		if errors.Is(err, reason) {
			return hint
		}
	}
	return ""
}

func incidentAckCommand() *cobra.Command {
	var where storeFlags
	cmd := &cobra.Command{
		Use:     "ack [ID]",
		Short:   "Say that you are on it: reminders stop",
		Example: `  sonde incident ack --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return perform(cmd, where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Acknowledge(cfg, inc, by, now())
			}, "acknowledged; reminders stop")
		},
	}
	where.add(cmd)
	return cmd
}

func incidentUpdateCommand() *cobra.Command {
	var where storeFlags
	var phase, id string
	var next, drain time.Duration
	cmd := &cobra.Command{
		Use:   "update TEXT",
		Short: "Tell the page and everybody who has heard of it what is being done",
		Long: `Adds an update to an incident: the page shows it, and every tier that has heard of
the incident gets it. --next promises the next one: the page says by when, and
on-call is reminded when it is late. A new update ends the promise before it.
--drain says for how long caches may still hold old DNS answers, after a move: once
it works again, the incident waits for that, and says until when.`,
		Example: `  sonde incident update "New balancers are being set up." --phase identified --next 30m --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var which []string
			if id != "" {
				which = []string{id}
			}
			if cmd.Flags().Changed("next") && next <= 0 {
				return usage(incident.ErrPast, hintFor(incident.ErrPast))
			}
			return perform(cmd, where, which, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				at := now()
				note := incident.Note{By: by, Text: args[0], Phase: incident.Phase(phase)}
				if next > 0 {
					note.Next = at.Add(next)
				}
				if drain > 0 {
					note.Drain = at.Add(drain)
				}
				return incident.Post(cfg, inc, note, at)
			}, "updated")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&id, "id", "", "the incident, if more than one is open")
	cmd.Flags().StringVar(&phase, "phase", "", "investigating, identified or monitoring (default: as it is)")
	cmd.Flags().DurationVar(&next, "next", 0, "how long until the next update")
	cmd.Flags().DurationVar(&drain, "drain", 0, "how long old DNS answers may last: the TTL of the record that was moved")
	return cmd
}

func incidentPublishCommand() *cobra.Command {
	var where storeFlags
	var tier string
	cmd := &cobra.Command{
		Use:     "publish [ID]",
		Short:   "Tell a tier now that holds its messages back",
		Example: `  sonde incident publish --tier customers --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return perform(cmd, where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Publish(cfg, inc, holding(cfg, tier), by, now())
			}, "published")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&tier, "tier", "", "the tier (default: the one that holds)")
	return cmd
}

func incidentDeclineCommand() *cobra.Command {
	var where storeFlags
	var tier, reason string
	cmd := &cobra.Command{
		Use:     "decline [ID]",
		Short:   "Keep a tier from hearing of it, with a reason",
		Example: `  sonde incident decline --reason "only our own office is affected" --stack sonde`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return perform(cmd, where, args, func(cfg *monitor.Config, inc incident.Incident, by string) (incident.Effects, error) {
				return incident.Decline(cfg, inc, holding(cfg, tier), by, reason, now())
			}, "declined; `sonde incident publish` takes that back")
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&tier, "tier", "", "the tier (default: the one that holds)")
	cmd.Flags().StringVar(&reason, "reason", "", "why; for operators")
	return cmd
}

// holding is the tier that is meant: the one that is named, or the only one that
// holds its messages back.
func holding(cfg *monitor.Config, named string) monitor.TierID {
	if named != "" {
		return monitor.TierID(named)
	}
	var found monitor.TierID
	for _, t := range cfg.Tiers {
		if t.Public && t.Hold > 0 {
			if found != "" {
				return ""
			}
			found = t.ID
		}
	}
	return found
}
