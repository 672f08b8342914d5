package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
)

func maintenanceSkipCommand() *cobra.Command {
	var where storeFlags
	var on string
	cmd := &cobra.Command{
		Use:   "skip ID --on DATE",
		Short: "Leave out one time of what comes round",
		Long: `Leaves out the time of a plan that would begin on a day, in the plan's time zone. What
is going on is ended with ` + "`sonde maintenance end`" + `. A plan of monitors.yaml excepts days
there.`,
		Example: `  sonde maintenance skip patches-k5h2 --on 2026-12-25 --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return where.change(cmd, args[0], func(p *planned) (monitor.Plan, string, error) { return p.skip(args[0], on) })
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&on, "on", "", "the day that it would begin on, such as 2026-12-25")
	return cmd
}

func maintenanceExtendCommand() *cobra.Command {
	var where storeFlags
	var until string
	var longer lasting
	cmd := &cobra.Command{
		Use:   "extend ID --until TIME | --for D",
		Short: "Let maintenance take longer, also when it has just ended",
		Long: `Lets maintenance that was planned for once with ` + "`sonde maintenance add`" + ` end later: at a
time on the clocks of its time zone, or after a duration from now. If it has ended by
itself, it goes on from now. Whoever heard that it began hears the new end.`,
		Example: `  sonde maintenance extend move-k5h2 --for 1h --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return where.change(cmd, args[0], func(p *planned) (monitor.Plan, string, error) {
				return p.extend(args[0], until, time.Duration(longer))
			})
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&until, "until", "", `when it ends, such as "2026-12-02 01:00"; or --for`)
	cmd.Flags().Var(&longer, "for", "how long from now it lasts")
	return cmd
}

// change writes a plan of people that was changed.
func (f *storeFlags) change(cmd *cobra.Command, id string, how func(*planned) (monitor.Plan, string, error)) error {
	ctx := cmd.Context()
	p, done, err := f.planned(ctx)
	if err != nil {
		return err
	}
	defer done()
	plan, did, err := how(&p)
	if err != nil {
		return err
	}
	op, err := p.m.PlanOp(plan)
	if err != nil {
		return failed(err, "")
	}
	if err := p.apply(ctx, cmd.ErrOrStderr(), op); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", id, did)
	return nil
}

// skip leaves out the time that begins on a day.
func (p *planned) skip(id, on string) (plan monitor.Plan, did string, err error) {
	plan, inFile, found := p.plan(id)
	day, notDay := time.ParseInLocation(time.DateOnly, on, plan.Zone())
	switch {
	case !found:
		return plan, "", noPlan(id)
	case notDay != nil:
		return plan, "", usage(fmt.Errorf("--on: expected a day such as 2026-12-25, found %q", on), "")
	case inFile:
		return plan, "", usage(fmt.Errorf("%s stands in monitors.yaml", id), "write `except: ["+on+"]` there, then `sonde apply`")
	case !plan.Recurs():
		return plan, "", usage(fmt.Errorf("%s is planned for once", id), "`sonde maintenance end "+id+"` takes it back")
	case slices.Contains(plan.Except, on):
		return plan, "", usage(fmt.Errorf("%s leaves out %s already", id, on), "")
	}
	// Of the day and what is near: it may be as long as clocks make it.
	windows, err := maintenance.Windows(plan, day.Add(-24*time.Hour), day.Add(48*time.Hour))
	if err != nil {
		return plan, "", failed(err, "")
	}
	windows = slices.DeleteFunc(windows, func(w maintenance.Window) bool { return w.From.In(plan.Zone()).Format(time.DateOnly) != on })
	switch {
	case len(windows) == 0:
		return plan, "", usage(fmt.Errorf("%s does not come round on %s", id, on), "`sonde maintenance show "+id+"` says when it does, in the site's time zone")
	case !windows[0].To.After(p.at):
		return plan, "", usage(fmt.Errorf("it is past, %s", windows[0].From.In(p.cfg.Zone()).Format(planTime)), "only what has not begun can be left out")
	case !windows[0].From.After(p.at):
		return plan, "", usage(fmt.Errorf("it has begun, %s", windows[0].From.In(p.cfg.Zone()).Format(planTime)), "`sonde maintenance end "+id+"` ends what is going on")
	}
	plan.Except = append(slices.Clone(plan.Except), on)
	slices.Sort(plan.Except)
	var m *maintenance.Mistake
	if errors.As(maintenance.Check(plan), &m) {
		return plan, "", usage(fmt.Errorf("without %s: %s", on, m.Message), "")
	}
	return plan, "leaves out " + windows[0].From.In(p.cfg.Zone()).Format(planTime), nil
}

// extend lets what is planned for once end later.
func (p *planned) extend(id, until string, longer time.Duration) (plan monitor.Plan, did string, err error) {
	plan, inFile, found := p.plan(id)
	left := "plan what is left with `sonde maintenance add`"
	switch {
	case !found:
		return plan, "", noPlan(id)
	case (until == "") == (longer <= 0):
		return plan, "", usage(errors.New("how long it lasts must be said"), "give --until TIME, or --for D")
	case inFile:
		return plan, "", usage(fmt.Errorf("%s stands in monitors.yaml", id), "change when it ends there, then `sonde apply`: it goes on also if it has ended")
	case plan.Recurs():
		return plan, "", usage(fmt.Errorf("%s comes round: each of its times would be longer", id), left)
	case !plan.Cancelled.IsZero():
		return plan, "", usage(fmt.Errorf("it was ended %s by %s, and does not begin again", plan.Cancelled.In(p.cfg.Zone()).Format(planTime), clean(plan.CancelledBy)), left)
	}
	ends := p.at.Add(longer).Truncate(time.Second)
	if until != "" {
		if ends, err = maintenance.ParseTime(until, plan.Zone()); err != nil {
			return plan, "", usage(fmt.Errorf("--until: %w", err), "")
		}
	}
	switch {
	case !ends.After(p.at):
		return plan, "", usage(fmt.Errorf("--until: %s has passed", ends.In(p.cfg.Zone()).Format(planTime)), "")
	case !ends.After(plan.Ends):
		return plan, "", usage(fmt.Errorf("it is to end %s, not before", plan.Ends.In(p.cfg.Zone()).Format(planTime)), "`sonde maintenance end "+id+"` ends it now")
	}
	plan.Ends = ends
	if !p.at.Before(plan.Starts) {
		plan.Since = p.at // from when it goes on, if it has ended
	}
	var m *maintenance.Mistake
	if errors.As(maintenance.Check(plan), &m) {
		return plan, "", usage(errors.New(m.Message), left)
	}
	return plan, "lasts until " + ends.In(p.cfg.Zone()).Format(planTime), nil
}

// begun is the run of a plan that is going on, or would be if a sweep had come
// through by now: the first minute of a window has none.
func (p *planned) begun(id monitor.PlanID) (maintenance.Run, bool) {
	if r, is := p.going(id); is {
		return r, true
	}
	for _, r := range maintenance.Step(p.cfg, p.m.All(p.cfg), p.m.Runs, p.at).Runs {
		if r.Plan != id || r.IsOver() {
			continue
		}
		r.Told, r.ToldTo = nil, nil // nobody has been, by this
		if at := slices.IndexFunc(p.m.Runs, func(was maintenance.Run) bool { return was.ID == r.ID }); at >= 0 {
			r.Told, r.ToldTo = p.m.Runs[at].Told, p.m.Runs[at].ToldTo
		}
		return r, true
	}
	return maintenance.Run{}, false
}

// noteMaintenance says of plans what is likely not meant: that they are past, and
// which services are down with theirs and not in maintenance.
func noteMaintenance(w io.Writer, cfg *monitor.Config, at time.Time) {
	for _, p := range cfg.Maintenance {
		next, err := maintenance.Next(p, at, 1)
		switch {
		case err != nil:
		case len(next) == 0 && p.Recurs():
			_, _ = fmt.Fprintf(w, "sonde: note: maintenance %s does not come round any more\n", p.ID)
		case len(next) == 0:
			_, _ = fmt.Fprintf(w, "sonde: note: maintenance %s was over %s: what was planned in hindsight is none\n", p.ID, p.Ends.In(cfg.Zone()).Format(planTime))
		default:
			noteDependents(w, cfg, p, "dependents: true")
		}
	}
}

// noteDependents says which services depend on those of a plan and are not in it.
func noteDependents(w io.Writer, cfg *monitor.Config, p monitor.Plan, option string) {
	out := maintenance.Dependents(cfg.Services, p.Services)
	if len(out) == 0 {
		return
	}
	verb, whose, it := "depends", "its", "is"
	if len(out) > 1 {
		verb, whose, it = "depend", "their", "are"
	}
	_, _ = fmt.Fprintf(w, "sonde: note: maintenance %s: %s %s on %s and %s not in it: %s downtime counts (%s takes them in)\n",
		p.ID, listed(out), verb, listed(p.Services), it, whose, option)
}

// maxListed is how many services a sentence names.
const maxListed = 10

// listed is a list as it stands in a sentence: a, b and c.
func listed(ids []monitor.ServiceID) string {
	var names []string
	for _, id := range ids[:min(len(ids), maxListed)] {
		names = append(names, string(id))
	}
	if more := len(ids) - len(names); more > 0 {
		return strings.Join(names, ", ") + " and " + strconv.Itoa(more) + " more"
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// lasting is a flag that is a duration, for people who think in days.
type lasting time.Duration

func (l *lasting) String() string {
	if *l == 0 {
		return "" // no default to show
	}
	return time.Duration(*l).String()
}

func (l *lasting) Type() string { return "duration" }

func (l *lasting) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, is := strings.CutSuffix(text, "d"); err != nil && is {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n < 1e4 {
			return fmt.Errorf("did you mean %sh? days are written as hours", strconv.FormatFloat(n*24, 'f', -1, 64))
		}
	}
	if err != nil {
		return errors.New("expected a duration such as 90m or 2h")
	}
	*l = lasting(d)
	return nil
}
