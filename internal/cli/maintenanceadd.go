package cli

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// planFlags are what `sonde maintenance add` takes.
type planFlags struct {
	id, text, starts, ends, cron, rrule, zone string
	services                                  []string
	all, dependents, dryRun, asJSON           bool
	lasts                                     lasting
}

func maintenanceAddCommand() *cobra.Command {
	var where storeFlags
	var f planFlags
	cmd := &cobra.Command{
		Use:   "add TITLE",
		Short: "Plan maintenance, once or again and again",
		Long: `Plans maintenance: once, from --start for --for (or until --end); or again and again
by --cron (five fields) or --rrule (RFC 5545, with its first time in --start), for
--for. Times are on the clocks of the site's time zone, or of --time-zone; without
--start it begins now. The title and the text are for the public. With --dry-run it
prints when it would be, and plans nothing.`,
		Example: `  sonde maintenance add "Move to new balancers" --service app --start "2026-12-01 22:00" --for 2h --stack sonde
  sonde maintenance add "Patches" --all --rrule "FREQ=MONTHLY;BYDAY=2TU" --start "2026-12-08 23:00" --for 2h --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			p, done, err := where.planned(ctx)
			if err != nil {
				return err
			}
			defer done()
			plan, err := f.plan(&p, args[0])
			if err != nil {
				return err
			}
			if !f.dryRun {
				plan.By = where.caller(ctx)
				op, err := p.m.PlanOp(plan)
				if err != nil {
					return failed(err, "")
				}
				op.If = table.Absent
				if err := p.apply(ctx, cmd.ErrOrStderr(), op); err != nil {
					return err
				}
			}
			noteDependents(cmd.ErrOrStderr(), p.cfg, plan, "--with-dependents")
			return f.print(cmd, &p, plan)
		},
	}
	where.add(cmd)
	cmd.Flags().StringSliceVar(&f.services, "service", nil, "a service that it is of; may be given again")
	cmd.Flags().BoolVar(&f.all, "all", false, "it is of all services")
	cmd.Flags().BoolVar(&f.dependents, "with-dependents", false, "it is of the services that depend on these, too")
	cmd.Flags().StringVar(&f.starts, "start", "", `when it begins, such as "2026-12-01 22:00" (default: now)`)
	cmd.Flags().StringVar(&f.ends, "end", "", "when it ends; or --for")
	cmd.Flags().Var(&f.lasts, "for", "how long it lasts")
	cmd.Flags().StringVar(&f.cron, "cron", "", `again and again, such as "0 3 * * SUN"`)
	cmd.Flags().StringVar(&f.rrule, "rrule", "", `again and again, such as "FREQ=MONTHLY;BYDAY=2TU"`)
	cmd.Flags().StringVar(&f.zone, "time-zone", "", "IANA time zone of its times (default: the site's)")
	cmd.Flags().StringVar(&f.text, "text", "", "more about it, for the public")
	cmd.Flags().StringVar(&f.id, "id", "", "what it is called in commands (default: from the title)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print when it would be, and plan nothing")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

var planID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// plan makes a plan of the flags.
func (f *planFlags) plan(p *planned, title string) (monitor.Plan, error) {
	plan := monitor.Plan{
		ID: monitor.PlanID(f.id), Title: strings.TrimSpace(title), Text: strings.TrimSpace(f.text), Cron: f.cron, RRule: f.rrule,
		TimeZone: f.zone, Duration: time.Duration(f.lasts), Since: p.at, Created: p.at,
	}
	if f.id == "" {
		plan.ID = newPlanID(title, p.at)
	} else if !planID.MatchString(f.id) {
		return plan, usage(fmt.Errorf("the id %q is not one", f.id), "a lower-case letter or digit, then up to 62 of these and hyphens")
	}
	if _, _, taken := p.plan(string(plan.ID)); taken {
		return plan, usage(fmt.Errorf("there is a maintenance %s already", plan.ID), "choose another --id")
	}
	if err := f.of(p, &plan); err != nil {
		return plan, err
	}
	return plan, f.when(p, &plan)
}

// of says which services it is of.
func (f *planFlags) of(p *planned, plan *monitor.Plan) error {
	if f.all == (len(f.services) > 0) {
		return usage(errors.New("which services it is of must be said"), "give --service ID, or --all")
	}
	for _, name := range f.services {
		id := monitor.ServiceID(name)
		if _, known := p.cfg.Service(id); !known {
			return usage(fmt.Errorf("there is no service %s", clean(name)), "`sonde status` lists them")
		}
		if !slices.Contains(plan.Services, id) {
			plan.Services = append(plan.Services, id)
		}
	}
	if f.dependents {
		plan.Services = append(plan.Services, maintenance.Dependents(p.cfg.Services, plan.Services)...)
	}
	return nil
}

// when reads the times, and checks that they can be.
func (f *planFlags) when(p *planned, plan *monitor.Plan) error {
	if plan.TimeZone == "" {
		plan.TimeZone = p.cfg.Site.TimeZone
	}
	zone, err := time.LoadLocation(plan.TimeZone)
	if err != nil {
		return usage(fmt.Errorf("there is no time zone %q", plan.TimeZone), "an IANA name such as Europe/Berlin")
	}
	for _, t := range []struct {
		text string
		into *time.Time
		flag string
	}{{f.starts, &plan.Starts, "--start"}, {f.ends, &plan.Ends, "--end"}} {
		if t.text == "" {
			continue
		}
		if *t.into, err = maintenance.ParseTime(t.text, zone); err != nil {
			return usage(fmt.Errorf("%s: %w", t.flag, err), "")
		}
	}
	if f.lasts < 0 {
		return usage(fmt.Errorf("--for: %s is negative", time.Duration(f.lasts)), "a window lasts at least a minute")
	}
	if !plan.Recurs() {
		if plan.Starts.IsZero() {
			plan.Starts = p.at.Truncate(time.Second)
		}
		if plan.Ends.IsZero() && f.lasts > 0 {
			plan.Ends = plan.Starts.Add(time.Duration(f.lasts))
		} else if f.lasts > 0 {
			return usage(errors.New("--end and --for are both given"), "give one of them")
		}
		plan.Duration = 0
	}
	var m *maintenance.Mistake
	if errors.As(maintenance.Check(*plan), &m) {
		flag := map[string]string{"starts": "--start", "ends": "--end or --for", "duration": "--for", "time_zone": "--time-zone", "title": "TITLE"}[m.Field]
		if flag == "" {
			flag = "--" + m.Field
		}
		return usage(fmt.Errorf("%s: %s", flag, m.Message), "")
	}
	if !plan.Recurs() && plan.Starts.Before(p.at.Add(-time.Minute)) {
		return usage(fmt.Errorf("--start: %s has passed", plan.Starts.In(zone).Format(planTime)),
			"what was maintenance in hindsight is a correction: `sonde correct SERVICE --as maintenance`")
	}
	return nil
}

func (f *planFlags) print(cmd *cobra.Command, p *planned, plan monitor.Plan) error {
	shown, err := p.show(plan, shownWindows)
	if err != nil {
		return err
	}
	shown.Source = "people"
	if shown.Next, err = maintenance.Next(plan, p.at, shownWindows); err != nil {
		return failed(err, "")
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), shown)
	}
	did := "planned"
	if f.dryRun {
		did = "would be planned (--dry-run)"
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", plan.ID, did)
	printWindows(cmd.OutOrStdout(), shown.Next, p.cfg.Zone())
	return nil
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// newPlanID makes an id of a title, with an end of its own.
func newPlanID(title string, at time.Time) monitor.PlanID {
	name := strings.Trim(notInID.ReplaceAllString(strings.ToLower(title), "-"), "-")
	name = strings.Trim(name[:min(len(name), 40)], "-")
	if name == "" {
		name = "maintenance"
	}
	sum := sha256.Sum256([]byte(title + at.Format(time.RFC3339Nano)))
	return monitor.PlanID(name + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:4])
}

func maintenanceEndCommand() *cobra.Command {
	var where storeFlags
	var forGood bool
	cmd := &cobra.Command{
		Use:   "end ID",
		Short: "End maintenance now, or take it back before it begins",
		Long: `Ends maintenance that is going on: alerts are sent again from now on. What is planned
for once and has not begun is taken back. Of what comes round, the time that is going
on ends; --for-good ends the plan. A plan of monitors.yaml is taken back there.`,
		Example: `  sonde maintenance end move-to-new-balancers-k5h2 --stack sonde`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			p, done, err := where.planned(ctx)
			if err != nil {
				return err
			}
			defer done()
			op, did, err := p.end(args[0], forGood, where.caller(ctx))
			if err != nil {
				return err
			}
			if err := p.apply(ctx, cmd.ErrOrStderr(), op...); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0], did)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&forGood, "for-good", false, "it does not come round again")
	return cmd
}

// end decides what ending means for a plan.
func (p *planned) end(id string, forGood bool, by string) (ops []table.Op, did string, err error) {
	plan, inFile, found := p.plan(id)
	run, going := p.begun(plan.ID)
	switch {
	case !found:
		return nil, "", noPlan(id)
	case !plan.Cancelled.IsZero():
		return nil, "", usage(fmt.Errorf("it was ended %s already", plan.Cancelled.In(p.cfg.Zone()).Format(planTime)), "")
	case inFile && forGood, inFile && !going:
		return nil, "", usage(fmt.Errorf("%s stands in monitors.yaml", id), "take it out there, then `sonde apply`")
	case !plan.Recurs() && !p.at.Before(plan.Ends):
		return nil, "", usage(fmt.Errorf("it was over %s", plan.Ends.In(p.cfg.Zone()).Format(planTime)), "")
	case plan.Recurs() && !forGood && !going:
		return nil, "", usage(fmt.Errorf("%s is not going on now", id), "--for-good ends the plan")
	}
	did = "ended"
	if going {
		run.Ended, run.EndedBy, run.Updated = p.at, by, p.at
		if ops, err = p.m.RunOps(run, nil); err != nil {
			return nil, "", failed(err, "")
		}
	} else {
		did = "taken back"
	}
	if !inFile && (forGood || !plan.Recurs()) {
		plan.Cancelled, plan.CancelledBy = p.at, by
		op, err := p.m.PlanOp(plan)
		if err != nil {
			return nil, "", failed(err, "")
		}
		ops = append(ops, op)
	}
	return ops, did, nil
}
