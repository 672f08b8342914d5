package cli

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
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

func correctCommand() *cobra.Command {
	var where storeFlags
	var from, to, as, reason string
	var amend bool
	cmd := &cobra.Command{
		Use:   "correct SERVICE",
		Short: "Correct what a service was: uptime follows, what was measured stays",
		Long: `Says that a service was up, down, in maintenance or unknown for a while, whatever was
measured. The figures of the page, the API and reports follow; what was measured is
kept, and every report lists the correction with its reason and who made it. A later
correction holds over an earlier one. Figures of a finished month are frozen: to
correct one of those, give --amend; reports then say what they were before.`,
		Example: `  sonde correct app --from "2019-05-28 18:00" --to "2019-05-28 18:20" --as up --reason "our own firewall held the probes" --stack sonde`,
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
			c, err := correction(cfg, args[0], from, to, as, reason, now())
			if err != nil {
				return err
			}
			c.By = where.caller(ctx)
			ops, err := corrections(ctx, s, cfg, c, amend)
			if err != nil {
				return err
			}
			return correct(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), s, cfg, c, ops)
		},
	}
	where.add(cmd)
	cmd.Flags().StringVar(&from, "from", "", `from when, such as "2019-05-28 18:00" on the site's clocks`)
	cmd.Flags().StringVar(&to, "to", "", "until when")
	cmd.Flags().StringVar(&as, "as", "", "up, down, maintenance or unknown")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it stands in reports")
	cmd.Flags().BoolVar(&amend, "amend", false, "also where a month is frozen")
	return cmd
}

const maxReason = 500

// correction reads what is to be corrected.
func correction(cfg *monitor.Config, service, from, to, as, reason string, at time.Time) (c uptime.Correction, err error) {
	c = uptime.Correction{Service: monitor.ServiceID(service), Reason: strings.TrimSpace(reason), At: at}
	if _, known := cfg.Service(c.Service); !known {
		return c, usage(fmt.Errorf("there is no service %s", clean(service)), "`sonde status` lists them")
	}
	status, known := uptime.CorrectedAs(as)
	if !known {
		return c, usage(fmt.Errorf("--as is %q", clean(as)), "up, down, maintenance or unknown")
	}
	c.As = status
	if c.From, err = maintenance.ParseTime(from, cfg.Zone()); err != nil {
		return c, usage(fmt.Errorf("--from: %w", err), "")
	}
	if c.To, err = maintenance.ParseTime(to, cfg.Zone()); err != nil {
		return c, usage(fmt.Errorf("--to: %w", err), "")
	}
	switch {
	case !c.To.After(c.From):
		return c, usage(errors.New("--to is not after --from"), "")
	case c.To.After(at):
		return c, usage(errors.New("--to is in the future"), "what is to come is planned: `sonde maintenance add`")
	case c.Reason == "":
		return c, usage(errors.New("a correction needs a reason"), "give it with --reason: it stands in reports")
	case len([]rune(c.Reason)) > maxReason:
		return c, usage(fmt.Errorf("the reason is longer than %d characters", maxReason), "")
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{service, c.From.String(), c.To.String(), as, c.Reason, at.String()}, "\x00")))
	c.ID = strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
	return c, nil
}

// corrections is the correction, and the frozen figures that it amends, for one
// transaction.
func corrections(ctx context.Context, s *store.Store, cfg *monitor.Config, c uptime.Correction, amend bool) ([]table.Op, error) {
	op, err := store.CorrectionOp(c)
	if err != nil {
		return nil, failed(err, "")
	}
	ops := []table.Op{op}
	for _, month := range uptime.MonthsOf(uptime.Window{From: c.From, To: c.To}, cfg.Zone()) {
		f, version, err := s.Figures(ctx, c.Service, month)
		if err != nil {
			return nil, awsError("read the figures of "+month, err)
		}
		if version == 0 {
			continue
		}
		if !amend {
			return nil, usage(fmt.Errorf("the figures of %s are frozen since %s", month, f.Frozen.In(cfg.Zone()).Format(planTime)),
				"--amend corrects them: reports then say what they were before, and why")
		}
		if c.At.Sub(f.From) > store.HistoryKept {
			return nil, usage(fmt.Errorf("of %s only the figures are known any more", month), "history is kept for 400 days")
		}
		fresh, err := amended(ctx, s, f, c)
		if err != nil {
			return nil, awsError("read the history of "+month, err)
		}
		if op, err = store.FiguresOp(fresh, version); err != nil {
			return nil, failed(err, "")
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// amended is frozen figures computed anew with one more correction.
func amended(ctx context.Context, s *store.Store, f uptime.Figures, c uptime.Correction) (uptime.Figures, error) {
	a, err := s.Adjustments(ctx, f.From, f.To)
	if err != nil {
		return f, err
	}
	line, err := s.History(ctx, f.Service, f.From, f.To, a.With(c))
	if err != nil {
		return f, err
	}
	return f.Amend(line.Figures(f.Service, f.Window), c), nil
}

func correct(ctx context.Context, out, stderr io.Writer, s *store.Store, cfg *monitor.Config, c uptime.Correction, ops []table.Op) error {
	err := s.Commit(ctx, ops...)
	if errors.Is(err, table.ErrConflict) {
		return failed(fmt.Errorf("somebody else corrects the same figures: %w", err), "look at `sonde report`, and try again")
	}
	if err != nil {
		return awsError("write the correction", err)
	}
	refresh(ctx, stderr, s, func(stages *pipeline.Pipeline) error {
		if stages.Fresh == 0 {
			return nil // there is no page yet
		}
		return stages.Rollup(ctx)
	})
	_, _ = fmt.Fprintf(out, "%s: %s from %s for %s\n", c.Service, c.Word(), c.From.In(cfg.Zone()).Format(planTime), incident.Span(c.To.Sub(c.From)))
	for range ops[1:] {
		_, _ = fmt.Fprintln(out, "a frozen month was amended: reports say what it was before")
	}
	return nil
}
