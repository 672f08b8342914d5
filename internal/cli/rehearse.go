package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/doctor"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// rehearsed is what `sonde rehearse --json` prints.
type rehearsed struct {
	store.Rehearsal
	Reached []store.Reached `json:"reached"`
	Doctor  []doctor.Line   `json:"doctor"`            // what is amiss with topics and phones
	Unasked bool            `json:"unasked,omitempty"` // whether anybody is subscribed was not asked
}

func rehearseCommand() *cobra.Command {
	var where storeFlags
	var tiers []string
	var wait time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rehearse",
		Short: "Send a marked test to people, and see whether it gets away",
		Long: `Sends a message that is marked as a test through the way that every message takes,
to each tier that is not the public, or to those named with --tier, and waits for the
receipts. With --stack it also says who has not confirmed a subscription, and what is
known of text messages. Phones ring: that is the test.
Exit code: 0 all tiers can be reached, 1 one cannot.`,
		Example: `  sonde rehearse --stack sonde
  sonde rehearse --tier customers --stack sonde`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
			last, err := rehearse(ctx, s, where.caller(ctx), tiers)
			if err != nil {
				return err
			}
			out := rehearsed{Rehearsal: last, Doctor: []doctor.Line{}}
			if out.Reached, err = await(ctx, s, last, wait); err != nil {
				return awsError("read the receipts", err)
			}
			out.ask(ctx, where)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), out)
			} else {
				printRehearsal(cmd.OutOrStdout(), out)
			}
			if err == nil && !out.isFine() {
				return errFound
			}
			return err
		},
	}
	where.add(cmd)
	cmd.Flags().StringArrayVar(&tiers, "tier", nil, "a tier; may be given several times (default: all that are not the public)")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the receipts")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// rehearse begins one.
func rehearse(ctx context.Context, s *store.Store, by string, names []string) (store.Rehearsal, error) {
	cfg, err := s.Config(ctx)
	if err != nil || cfg == nil {
		return store.Rehearsal{}, awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
	}
	var tiers []monitor.TierID
	for _, name := range names {
		tiers = append(tiers, monitor.TierID(name))
	}
	p := pipeline.New(pipeline.Deps{Store: s, Now: now, Log: slog.New(slog.DiscardHandler)})
	for range conflictTries {
		before, version, readErr := s.Rehearsal(ctx)
		if readErr != nil {
			return store.Rehearsal{}, awsError("read the last rehearsal", readErr)
		}
		if err = p.Rehearse(ctx, cfg, store.Rehearsal{At: now(), By: by}, tiers, before, version); !errors.Is(err, table.ErrConflict) {
			break
		}
	}
	switch {
	case errors.Is(err, incident.ErrNoTier):
		return store.Rehearsal{}, usage(err, hintFor(incident.ErrNoTier))
	case err != nil:
		return store.Rehearsal{}, awsError("write the test messages", err)
	}
	last, _, err := s.Rehearsal(ctx)
	if err != nil {
		return last, awsError("read the rehearsal", err)
	}
	return last, nil
}

// await reads what became of a rehearsal until every message has got away, or it
// has waited long enough.
func await(ctx context.Context, s *store.Store, r store.Rehearsal, wait time.Duration) (reached []store.Reached, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for until := now().Add(wait); ; {
		if reached, err = s.Reached(ctx, r); err != nil || (rehearsed{Reached: reached}).isFine() || now().After(until) {
			return reached, err
		}
		select {
		case <-ctx.Done():
			return reached, ctx.Err()
		case <-tick.C:
		}
	}
}

// ask finds out what doctor knows of topics, subscriptions and text messages; nothing
// on one machine. What was sent where nobody is subscribed has reached nobody.
func (r *rehearsed) ask(ctx context.Context, where storeFlags) {
	if !where.aws.isGiven() || where.local {
		return
	}
	r.Unasked = slices.ContainsFunc(r.Reached, func(one store.Reached) bool { return !one.Sent.IsZero() && !one.Asked })
	d, err := where.aws.open(ctx)
	if err != nil || d.outputs == nil {
		return
	}
	cfg, _ := d.store.Config(ctx)
	f := doctor.Findings{Now: now()}
	examineTopics(ctx, d, cfg, &f)
	r.Unasked = slices.ContainsFunc(f.Topics, func(t doctor.Topic) bool { return t.Err != nil })
	for i, one := range r.Reached {
		is := func(t doctor.Topic) bool { return t.Tier == string(one.Tier) && t.IsDeserted() }
		if !one.Sent.IsZero() && slices.ContainsFunc(f.Topics, is) {
			r.Reached[i].Why = store.Deserted
		}
	}
	for _, l := range doctor.Paths(f) {
		if l.Level != doctor.OK {
			r.Doctor = append(r.Doctor, l)
		}
	}
}

func (r rehearsed) isFine() bool {
	for _, t := range r.Reached {
		if !t.OK() {
			return false
		}
	}
	return true
}

// reachable says how many tiers can be reached. Where it is not known who is
// subscribed, it does not say that anybody is.
func reachable(r rehearsed) string {
	n := 0
	for _, t := range r.Reached {
		if t.OK() {
			n++
		}
	}
	text := fmt.Sprintf("%d of %d tiers reachable", n, len(r.Reached))
	if r.Unasked {
		text += ", as far as is known without --stack: who is subscribed was not asked"
	}
	return text
}

// outcome is what became of one test.
func outcome(one store.Reached) string {
	switch {
	case one.At.IsZero():
		return "never tried"
	case one.Sent.IsZero():
		return "NOT sent: " + clean(one.Why)
	case !one.OK():
		return "sent, but " + clean(one.Why)
	}
	return fmt.Sprintf("sent after %s, as %s", incident.Span(one.Sent.Sub(one.At)), clean(one.Carrier))
}

func printRehearsal(w io.Writer, r rehearsed) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range r.Reached {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", one.Tier, outcome(one))
	}
	_ = t.Flush()
	_, _ = fmt.Fprintln(w, reachable(r))
	printDoctor(w, r.Doctor)
}
