package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

func maintenanceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maintenance",
		Short: "Plan maintenance: no alerts, and no downtime",
		Long: `Planned maintenance mutes the alerts of its services, and does not count in their
uptime; measuring goes on. The page shows it two weeks ahead, and public tiers hear
when it begins and ends. What is still down when it ends becomes an incident then.
Plans stand in monitors.yaml, under maintenance, or are made here; who made and
ended them is kept.`,
		Example: `  sonde maintenance add "Move to new balancers" --service app --start "2026-12-01 22:00" --for 2h --stack sonde
  sonde maintenance add "Patches" --all --cron "0 3 * * SUN" --for 1h --dry-run --stack sonde
  sonde maintenance list --stack sonde
  sonde maintenance end move-to-new-balancers-k5h2 --stack sonde`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(maintenanceAddCommand(), maintenanceListCommand(), maintenanceShowCommand(),
		maintenanceEndCommand(), maintenanceSkipCommand(), maintenanceExtendCommand())
	for _, c := range cmd.Commands() {
		c.Args = asUsage(c.Args)
	}
	return cmd
}

// planned is what the subcommands look at.
type planned struct {
	store *store.Store
	cfg   *monitor.Config
	at    time.Time
	m     store.Maintenance
}

func (f *storeFlags) planned(ctx context.Context) (p planned, done func(), err error) {
	s, done, err := f.open(ctx)
	if err != nil {
		return p, nil, err
	}
	p = planned{store: s, at: now()}
	if p.cfg, err = s.Config(ctx); err != nil || p.cfg == nil {
		done()
		return p, nil, awsError("read the configuration", errors.Join(err, errNoConfig(p.cfg)))
	}
	if p.m, err = s.Maintenance(ctx, p.at); err != nil {
		done()
		return p, nil, awsError("read the maintenance", err)
	}
	return p, done, nil
}

// plan is the plan of an id, and whether it stands in monitors.yaml.
func (p *planned) plan(id string) (plan monitor.Plan, inFile, found bool) {
	for _, plan := range p.m.All(p.cfg) {
		if string(plan.ID) == id {
			return plan, slices.ContainsFunc(p.cfg.Maintenance, func(c monitor.Plan) bool { return c.ID == plan.ID }), true
		}
	}
	return monitor.Plan{}, false, false
}

// going is the run of a plan that is going on.
func (p *planned) going(id monitor.PlanID) (maintenance.Run, bool) {
	at := slices.IndexFunc(p.m.Runs, func(r maintenance.Run) bool { return r.Plan == id && !r.IsOver() && p.at.Before(r.To) })
	if at < 0 {
		return maintenance.Run{}, false
	}
	return p.m.Runs[at], true
}

// apply writes what was decided, and lets it take effect at once.
func (p *planned) apply(ctx context.Context, stderr io.Writer, ops ...table.Op) error {
	err := p.store.Commit(ctx, ops...)
	if errors.Is(err, table.ErrConflict) {
		return failed(fmt.Errorf("somebody else has changed it meanwhile: %w", err), "look at it again with `sonde maintenance list`")
	}
	if err != nil {
		return awsError("write the maintenance", err)
	}
	refresh(ctx, stderr, p.store, func(stages *pipeline.Pipeline) error { return stages.Maintain(ctx) })
	return nil
}

// refresh does at once what a sweep does within a minute, and renews the page.
func refresh(ctx context.Context, stderr io.Writer, s *store.Store, first func(*pipeline.Pipeline) error) {
	old, _, err := s.Snapshot(ctx)
	stages := pipeline.New(pipeline.Deps{Store: s, Now: now, Fresh: old.Fresh})
	if err == nil {
		err = first(stages)
	}
	if err == nil && old.Fresh > 0 {
		err = stages.Snapshot(ctx)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "sonde: hint: it takes effect within a minute: %s\n", clean(err.Error()))
	}
}

// shownPlan is what list and show print as JSON.
type shownPlan struct {
	monitor.Plan
	Source string               `json:"source"` // monitors.yaml or people
	Going  *maintenance.Run     `json:"going,omitempty"`
	Ended  *maintenance.Run     `json:"ended,omitempty"` // would be going on, but a person ended it
	Next   []maintenance.Window `json:"next"`
	Runs   []maintenance.Run    `json:"runs,omitempty"` // of the last 33 days
}

func (p *planned) show(plan monitor.Plan, n int) (shownPlan, error) {
	_, inFile, _ := p.plan(string(plan.ID))
	shown := shownPlan{Plan: plan, Source: "people", Next: []maintenance.Window{}}
	if inFile {
		shown.Source = "monitors.yaml"
	}
	if r, is := p.going(plan.ID); is {
		shown.Going = &r
	} else if r, is := maintenance.EndedEarly(plan, p.m.Runs, p.at); is && plan.Cancelled.IsZero() {
		shown.Ended = &r
	}
	windows, err := maintenance.Next(plan, p.at, n+1)
	if err != nil {
		return shown, failed(fmt.Errorf("plan %s: %w", plan.ID, err), "")
	}
	for _, w := range windows {
		if w.From.After(p.at) && len(shown.Next) < n {
			shown.Next = append(shown.Next, w)
		}
	}
	return shown, nil
}

func maintenanceListCommand() *cobra.Command {
	var where storeFlags
	var asJSON, over bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what is planned, what is going on first",
		Example: `  sonde maintenance list --stack sonde`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, done, err := where.planned(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			list := []shownPlan{}
			for _, plan := range p.m.All(p.cfg) {
				shown, err := p.show(plan, 1)
				if err != nil {
					return err
				}
				if over || shown.Going != nil || shown.Ended != nil || len(shown.Next) > 0 {
					list = append(list, shown)
				}
			}
			slices.SortStableFunc(list, func(a, b shownPlan) int { return a.soon().Compare(b.soon()) })
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			if len(list) == 0 {
				_, _ = fmt.Fprintln(cmd.OutOrStdout(), "no maintenance is planned")
			}
			for _, s := range list {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s  (%s)\n", s.ID, s.when(p.cfg.Zone()), clean(s.Title), s.Source)
			}
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().BoolVar(&over, "over", false, "those that are over or were cancelled too")
	return cmd
}

// soon orders plans: what is going on, then what comes first, then what is over.
func (s shownPlan) soon() time.Time {
	switch {
	case s.Going != nil, s.Ended != nil:
		return time.Time{}
	case len(s.Next) > 0:
		return s.Next[0].From
	}
	return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
}

const planTime = "Mon 2006-01-02 15:04 MST"

func (s shownPlan) when(zone *time.Location) string {
	switch {
	case s.Going != nil:
		return "going on until " + s.Going.To.In(zone).Format(planTime)
	case s.Ended != nil:
		return endedEarly(*s.Ended, zone) + ", and does not begin again"
	case len(s.Next) > 0:
		return "from " + s.Next[0].From.In(zone).Format(planTime) + ", " + incident.Span(s.Next[0].To.Sub(s.Next[0].From))
	case !s.Cancelled.IsZero():
		return "cancelled " + s.Cancelled.In(zone).Format(planTime)
	}
	return "over"
}

// endedEarly says who ended a run, and when.
func endedEarly(r maintenance.Run, zone *time.Location) string {
	return "ended " + r.Ended.In(zone).Format(planTime) + " by " + clean(r.EndedBy)
}

func maintenanceShowCommand() *cobra.Command {
	var where storeFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a plan: its next times, and when it was",
		Example: `  sonde maintenance show patches --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, done, err := where.planned(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			plan, _, found := p.plan(args[0])
			if !found {
				return noPlan(args[0])
			}
			shown, err := p.show(plan, shownWindows)
			if err != nil {
				return err
			}
			for _, r := range p.m.Runs {
				if r.Plan == plan.ID {
					shown.Runs = append(shown.Runs, r)
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			printPlan(cmd.OutOrStdout(), shown, p.cfg.Zone())
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func noPlan(id string) error {
	return usage(fmt.Errorf("there is no maintenance %s", clean(id)), "`sonde maintenance list --over` shows all")
}

// shownWindows is how many windows to come are shown.
const shownWindows = 5

func printPlan(w io.Writer, s shownPlan, zone *time.Location) {
	_, _ = fmt.Fprintf(w, "%s: %s\n", s.ID, clean(s.Title))
	if s.Text != "" {
		_, _ = fmt.Fprintln(w, clean(s.Text))
	}
	of := "all services"
	if len(s.Services) > 0 {
		of = fmt.Sprint(s.Services)
		of = strings.Trim(of, "[]")
	}
	_, _ = fmt.Fprintf(w, "of %s; from %s", of, s.Source)
	if !s.Created.IsZero() {
		_, _ = fmt.Fprintf(w, ", %s by %s", s.Created.In(zone).Format(planTime), clean(cmp.Or(s.By, "somebody")))
	}
	_, _ = fmt.Fprintln(w)
	if s.Recurs() {
		_, _ = fmt.Fprintf(w, "%s (%s), for %s\n", clean(cmp.Or(s.Cron, s.RRule)), s.TimeZone, incident.Span(s.Duration))
	}
	if !s.Cancelled.IsZero() {
		_, _ = fmt.Fprintf(w, "cancelled %s by %s\n", s.Cancelled.In(zone).Format(planTime), clean(cmp.Or(s.CancelledBy, "somebody")))
	}
	if len(s.Except) > 0 {
		_, _ = fmt.Fprintf(w, "not on %s\n", strings.Join(s.Except, ", "))
	}
	if s.Ended != nil {
		_, _ = fmt.Fprintf(w, "%s, and does not begin again\n", endedEarly(*s.Ended, zone))
	}
	printWindows(w, s.Next, zone)
	for _, r := range s.Runs {
		text := "going on, until " + r.To.In(zone).Format(planTime)
		if r.IsOver() {
			text = "until " + r.Ended.In(zone).Format(planTime)
		}
		if r.EndedBy != "" {
			text += ", ended by " + clean(r.EndedBy)
		}
		_, _ = fmt.Fprintf(w, "  was   %s, %s\n", r.From.In(zone).Format(planTime), text)
	}
}

func printWindows(w io.Writer, windows []maintenance.Window, zone *time.Location) {
	for _, next := range windows {
		_, _ = fmt.Fprintf(w, "  next  %s to %s\n", next.From.In(zone).Format(planTime), next.To.In(zone).Format(planTime))
	}
}
