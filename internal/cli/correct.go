package cli

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
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
	"github.com/sondehq/sonde/internal/uptime"
)

// correctFlags is what is asked of the command.
type correctFlags struct {
	from, to, as, reason, withdraw string
	amend, list, json              bool
}

func correctCommand() *cobra.Command {
	var where storeFlags
	var f correctFlags
	cmd := &cobra.Command{
		Use:   "correct [SERVICE]",
		Short: "Correct what a service was: uptime follows, what was measured stays",
		Long: `Says that a service was up, down, in maintenance or unknown for a while, whatever was
measured. The figures of the page, the API and reports follow, those of its monitors
too; what was measured is kept, and every report lists the correction with its reason
and who made it. The reason is public: the API gives it, without who made it. A later
correction holds over an earlier one.

Figures of a finished month are frozen: to correct one of those, give --amend; only
what the correction says changes then, and reports say what they were before.

--list lists corrections, --withdraw takes one back; it is kept, with who took it back
and why.`,
		Example: `  sonde correct app --from "2019-05-28 18:00" --to "2019-05-28 18:20" --as up --reason "our own firewall held the probes" --stack sonde
  sonde correct --list app
  sonde correct --withdraw k3j5q7x2a9bc --reason "it was the service after all"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
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
			if f.list {
				return listCorrections(ctx, cmd.OutOrStdout(), s, cfg, args, f.json)
			}
			a := adjustment{s: s, cfg: cfg, amend: f.amend}
			if f.withdraw != "" {
				err = a.withdrawal(ctx, f.withdraw, strings.TrimSpace(f.reason), func() string { return where.caller(ctx) })
			} else {
				err = a.correction(ctx, args[0], f, func() string { return where.caller(ctx) })
			}
			if err != nil {
				return err
			}
			return a.commit(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&f.from, "from", "", `from when, such as "2019-05-28 18:00" on the site's clocks`)
	cmd.Flags().StringVar(&f.to, "to", "", "until when")
	cmd.Flags().StringVar(&f.as, "as", "", "up, down, maintenance or unknown")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why: it stands in reports, and in the API")
	cmd.Flags().BoolVar(&f.amend, "amend", false, "also where a month is frozen")
	cmd.Flags().BoolVar(&f.list, "list", false, "list the corrections, of one service or of all")
	cmd.Flags().StringVar(&f.withdraw, "withdraw", "", "take back the correction of this id")
	cmd.Flags().BoolVar(&f.json, "json", false, "with --list: as JSON")
	return cmd
}

// check refuses what cannot be meant.
func (f correctFlags) check(args []string) error {
	spoken := f.from+f.to+f.as != ""
	switch {
	case f.list && (f.withdraw != "" || spoken || f.reason != "" || f.amend):
		return usage(errors.New("--list changes nothing"), "give it alone, or with a service")
	case f.json && !f.list:
		return usage(errors.New("--json is for --list"), "")
	case f.list:
		return nil
	case f.withdraw != "" && (spoken || len(args) > 0):
		return usage(errors.New("--withdraw takes an id and a reason"), "the id names the service and the time; `sonde correct --list` lists them")
	case f.withdraw == "" && len(args) == 0:
		return usage(errors.New("which service is to be corrected must be said"), "`sonde correct SERVICE --from … --to … --as up --reason …`, or --list")
	}
	return checkReason(strings.TrimSpace(f.reason))
}

const maxReason = 500

func checkReason(reason string) error {
	switch {
	case reason == "":
		return usage(errors.New("a correction needs a reason"), "give it with --reason: it stands in reports")
	case len([]rune(reason)) > maxReason:
		return usage(fmt.Errorf("the reason is longer than %d characters", maxReason), "")
	}
	return nil
}

// adjustment is one correction or withdrawal, with all that is written for it.
type adjustment struct {
	s     *store.Store
	cfg   *monitor.Config
	amend bool

	c       uptime.Correction
	ops     []table.Op
	amended int    // frozen months
	said    string // what has been done
}

// correction makes one.
func (a *adjustment) correction(ctx context.Context, service string, f correctFlags, caller func() string) (err error) {
	if a.c, err = correction(a.cfg.Zone(), service, f, now()); err != nil {
		return err
	}
	known, err := a.known(ctx)
	if err != nil {
		return err
	}
	a.c.By = caller()
	op, err := store.CorrectionOp(a.c, 0)
	if err != nil {
		return failed(err, "")
	}
	a.said = fmt.Sprintf("%s: %s from %s for %s (%s)", a.c.Service, a.c.Word(), a.c.From.In(a.cfg.Zone()).Format(planTime), incident.Span(a.c.To.Sub(a.c.From)), a.c.ID)
	return a.prepare(ctx, known, op, func(f uptime.Figures) uptime.Figures { return f.Amend(a.c) })
}

// correction reads what is to be corrected.
func correction(zone *time.Location, service string, f correctFlags, at time.Time) (c uptime.Correction, err error) {
	c = uptime.Correction{Service: monitor.ServiceID(service), Reason: strings.TrimSpace(f.reason), At: at}
	status, known := uptime.CorrectedAs(f.as)
	if !known {
		return c, usage(fmt.Errorf("--as is %q", clean(f.as)), "up, down, maintenance or unknown")
	}
	c.As = status
	if c.From, err = maintenance.ParseTime(f.from, zone); err != nil {
		return c, usage(fmt.Errorf("--from: %w", err), "")
	}
	if c.To, err = maintenance.ParseTime(f.to, zone); err != nil {
		return c, usage(fmt.Errorf("--to: %w", err), "")
	}
	switch {
	case !c.To.After(c.From):
		return c, usage(errors.New("--to is not after --from"), "")
	case c.To.After(at):
		return c, usage(errors.New("--to is in the future"), "what is to come is planned: `sonde maintenance add`")
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{service, c.From.String(), c.To.String(), f.as, c.Reason, at.String()}, "\x00")))
	c.ID = strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
	return c, nil
}

// serviceIn is a service, be it in the configuration still or taken out after a window
// began.
func serviceIn(ctx context.Context, s *store.Store, cfg *monitor.Config, id monitor.ServiceID, w uptime.Window) (store.Known, error) {
	services, err := s.ServicesIn(ctx, cfg, w)
	if err != nil {
		return store.Known{}, awsError("read the configurations of the time", err)
	}
	i := slices.IndexFunc(services, func(k store.Known) bool { return k.ID == id })
	if i < 0 {
		return store.Known{}, usage(fmt.Errorf("there is no service %s", clean(string(id))), "`sonde status` lists them, `sonde report` those that were taken out, too")
	}
	return services[i], nil
}

// known is the service, be it in the configuration still or not, if anything is
// known of the time that is to be corrected.
func (a *adjustment) known(ctx context.Context) (store.Known, error) {
	k, err := serviceIn(ctx, a.s, a.cfg, a.c.Service, uptime.Window{From: a.c.From, To: a.c.To})
	if err != nil {
		return k, err
	}
	if !k.Gone.IsZero() && a.c.To.After(k.Gone) {
		return k, usage(fmt.Errorf("%s was taken out of monitors.yaml at %s: nothing was observed after that", k.ID, a.when(k.Gone)), "")
	}
	since, known, err := a.s.KnownSince(ctx, k.ID)
	switch {
	case err != nil:
		return k, awsError("read since when "+string(k.ID)+" is observed", err)
	case !known:
		return k, usage(fmt.Errorf("nothing was observed of %s yet", k.ID), "")
	case a.c.From.Before(since.Truncate(time.Minute)):
		return k, usage(fmt.Errorf("nothing is known of %s before %s", k.ID, a.when(since)), "what was observed can be corrected, and gaps in it")
	}
	return k, nil
}

func (a *adjustment) when(t time.Time) string { return t.In(a.cfg.Zone()).Format(planTime) }

// withdrawal takes a correction back.
func (a *adjustment) withdrawal(ctx context.Context, id, reason string, caller func() string) error {
	c, version, err := a.s.Correction(ctx, id)
	switch {
	case err != nil:
		return awsError("read the corrections", err)
	case version == 0:
		return usage(fmt.Errorf("there is no correction %s", clean(id)), "`sonde correct --list` lists them")
	case c.Withdrawn != nil:
		return usage(fmt.Errorf("%s was withdrawn at %s", id, a.when(c.Withdrawn.At)), "")
	}
	c.Withdrawn = &uptime.Withdrawal{At: now(), By: caller(), Reason: reason}
	a.c = c
	op, err := store.CorrectionOp(c, version)
	if err != nil {
		return failed(err, "")
	}
	services, err := a.s.ServicesIn(ctx, a.cfg, uptime.Window{From: c.From, To: c.To})
	if err != nil {
		return awsError("read the configurations of the time", err)
	}
	known := store.Known{Service: monitor.Service{ID: c.Service}}
	for _, k := range services {
		if k.ID == c.Service {
			known = k
		}
	}
	a.said = fmt.Sprintf("%s: %s from %s is withdrawn (%s)", c.Service, c.Word(), a.when(c.From), c.ID)
	return a.prepare(ctx, known, op, func(f uptime.Figures) uptime.Figures { return f.Withdraw(c) })
}

// prepare is one transaction: the record, whose turn it is, and the frozen figures
// that share time with the correction. Whoever freezes or corrects the service
// meanwhile is a conflict.
func (a *adjustment) prepare(ctx context.Context, known store.Known, record table.Op, change func(uptime.Figures) uptime.Figures) error {
	turns, err := a.s.Adjusting(ctx, a.c.Service)
	if err != nil {
		return awsError("read who corrects it", err)
	}
	turn, err := turns[a.c.Service].Op()
	if err != nil {
		return failed(err, "")
	}
	a.ops = []table.Op{record, turn}
	frozen, err := a.s.FrozenFigures(ctx, a.c.Service, uptime.Window{From: a.c.From, To: a.c.To})
	if err != nil {
		return awsError("read what is frozen", err)
	}
	if err := a.reaches(frozen); err != nil {
		return err
	}
	for _, f := range frozen {
		if !a.amend {
			return usage(fmt.Errorf("the figures of %s are frozen since %s", f.Month, a.when(f.Frozen)),
				"--amend corrects them: reports then say what they were before, and why")
		}
		var fresh uptime.Figures
		if f.IsTraced() {
			fresh = change(f.Figures)
		} else if fresh, err = a.anew(ctx, known, f.Figures); err != nil {
			return err
		}
		op, err := store.FiguresOp(fresh, f.Version)
		if err != nil {
			return failed(err, "")
		}
		a.ops = append(a.ops, op)
		a.amended++
	}
	return nil
}

// reaches refuses a correction of a time of which nothing is kept any more, but for
// frozen months.
func (a *adjustment) reaches(frozen []store.Frozen) error {
	at := a.c.From
	for _, f := range frozen {
		if !f.From.After(at) && f.To.After(at) {
			at = f.To
		}
	}
	if at.Before(a.c.To) && now().Sub(at) > store.HistoryKept {
		return usage(fmt.Errorf("nothing is known of %s any more", a.when(at)), "history is kept for 400 days, and then only frozen months")
	}
	return nil
}

// anew is frozen figures of which it was not kept what was measured, computed by
// what is known now.
func (a *adjustment) anew(ctx context.Context, known store.Known, f uptime.Figures) (uptime.Figures, error) {
	if now().Sub(f.From) > store.HistoryKept {
		return f, usage(fmt.Errorf("of %s only the figures are known any more", f.Month), "history is kept for 400 days")
	}
	adjustments, err := a.s.Adjustments(ctx, f.From, f.To)
	if err != nil {
		return f, awsError("read maintenance and corrections", err)
	}
	fresh, err := a.s.WindowFigures(ctx, known, f.Window, adjustments.With(a.c), false)
	if err != nil {
		return f, awsError("read the history of "+f.Month, err)
	}
	change := uptime.Amended{At: a.c.At, By: a.c.By, Reason: a.c.Reason, Correction: a.c.ID}
	if w := a.c.Withdrawn; w != nil {
		change = uptime.Amended{At: w.At, By: w.By, Reason: w.Reason, Correction: a.c.ID, Withdrawn: true}
	}
	return f.Replace(fresh, change), nil
}

func (a *adjustment) commit(ctx context.Context, out, stderr io.Writer) error {
	err := a.s.Commit(ctx, a.ops...)
	if errors.Is(err, table.ErrConflict) {
		return failed(fmt.Errorf("these figures are being corrected or frozen at the same time: %w", err), "look at `sonde report`, and try again")
	}
	if err != nil {
		return awsError("write the correction", err)
	}
	refresh(ctx, stderr, a.s, func(stages *pipeline.Pipeline) error {
		if stages.Fresh == 0 {
			return nil // there is no page yet
		}
		return stages.Rollup(ctx)
	})
	_, _ = fmt.Fprintln(out, a.said)
	for range a.amended {
		_, _ = fmt.Fprintln(out, "a frozen month was amended: reports say what it was before")
	}
	return nil
}

// listCorrections prints corrections, those of the oldest times first.
func listCorrections(ctx context.Context, out io.Writer, s *store.Store, cfg *monitor.Config, services []string, asJSON bool) error {
	all, err := s.Corrections(ctx)
	if err != nil {
		return awsError("read the corrections", err)
	}
	list := []uptime.Correction{}
	for _, c := range all {
		if len(services) == 0 || string(c.Service) == services[0] {
			list = append(list, c)
		}
	}
	if len(list) == 0 && len(services) > 0 {
		if _, err := serviceIn(ctx, s, cfg, monitor.ServiceID(services[0]), uptime.Window{}); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(out, list)
	}
	if len(list) == 0 {
		_, _ = fmt.Fprintln(out, "nothing was corrected")
	}
	when := func(t time.Time) string { return t.In(cfg.Zone()).Format(planTime) }
	for _, c := range list {
		_, _ = fmt.Fprintf(out, "%s  %s  %s from %s for %s: %s (%s, %s)\n", c.ID, c.Service, c.Word(), when(c.From), incident.Span(c.To.Sub(c.From)), clean(c.Reason), clean(c.By), when(c.At))
		if w := c.Withdrawn; w != nil {
			_, _ = fmt.Fprintf(out, "    withdrawn: %s (%s, %s)\n", clean(w.Reason), clean(w.By), when(w.At))
		}
	}
	return nil
}
