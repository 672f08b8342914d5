package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/doctor"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/reach"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// rehearsed is what `sonde rehearse --json` prints.
type rehearsed struct {
	store.Rehearsal
	Reachable int              `json:"reachable"` // of Total tiers
	Total     int              `json:"total"`
	Reached   []store.Reached  `json:"reached"`
	LeftOut   []monitor.TierID `json:"left_out,omitempty"` // public tiers, of which it is not known whether anybody hears
	Cuts      []doctor.Cut     `json:"cuts"`               // who else cannot be reached
	Doctor    []doctor.Line    `json:"doctor"`             // what is amiss with topics and phones
	Unasked   bool             `json:"unasked,omitempty"`  // whether anybody is subscribed was not asked
}

func newRehearsed(r store.Rehearsal, reached []store.Reached) *rehearsed {
	return &rehearsed{Rehearsal: r, Reached: reached, Reachable: reach.Count(reached), Total: len(reached), Cuts: []doctor.Cut{}, Doctor: []doctor.Line{}}
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
receipts. With --stack it also says who has not confirmed a subscription, what is known
of text messages, and how many are subscribed to public tiers, which are sent nothing.
Phones ring: that is the test. On one machine all stays in its inbox.
Exit code: 0 everybody can be reached as far as is known, 1 somebody cannot: a tier,
addresses that are not confirmed, phones while text messages are in the sandbox or
limited to a dollar a month.`,
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
			last, cfg, err := rehearse(ctx, s, where.caller(ctx), tiers)
			if err != nil {
				return err
			}
			if where.stopped {
				wait = 0 // nothing comes of it while this command has the store
			}
			reached, err := await(ctx, s, last, wait)
			if err != nil {
				return awsError("read the receipts", err)
			}
			out := newRehearsed(last, reached)
			if len(tiers) == 0 {
				out.addPublic(cfg)
			}
			out.ask(ctx, where, tiers)
			out.leaveOut()
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), out)
			} else {
				printRehearsal(cmd.OutOrStdout(), *out)
			}
			switch {
			case err != nil:
				return err
			case where.stopped:
				return &exitError{code: ExitFound, hint: waits(where)}
			case !out.isFine():
				return errFound
			}
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().StringArrayVar(&tiers, "tier", nil, "a tier; may be given several times (default: all that are not the public)")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the receipts")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// rehearse begins one.
func rehearse(ctx context.Context, s *store.Store, by string, names []string) (store.Rehearsal, *monitor.Config, error) {
	cfg, err := s.Config(ctx)
	if err != nil || cfg == nil {
		return store.Rehearsal{}, nil, awsError("read the configuration", errors.Join(err, errNoConfig(cfg)))
	}
	if len(names) == 0 && !slices.ContainsFunc(cfg.Tiers, func(t monitor.Tier) bool { return !t.Public }) {
		return store.Rehearsal{}, nil, usage(errors.New("every tier is public, and a test would go to customers"), "name one with --tier to send it all the same")
	}
	var tiers []monitor.TierID
	for _, name := range names {
		tiers = append(tiers, monitor.TierID(name))
	}
	p := pipeline.New(pipeline.Deps{Store: s, Now: now, Log: slog.New(slog.DiscardHandler)})
	for range conflictTries {
		before, version, readErr := s.Rehearsal(ctx)
		if readErr != nil {
			return store.Rehearsal{}, nil, awsError("read the last rehearsal", readErr)
		}
		if err = p.Rehearse(ctx, cfg, store.Rehearsal{At: now(), By: by}, tiers, before, version); !errors.Is(err, table.ErrConflict) {
			break
		}
	}
	switch {
	case errors.Is(err, incident.ErrNoTier):
		return store.Rehearsal{}, nil, usage(err, hintFor(incident.ErrNoTier))
	case err != nil:
		return store.Rehearsal{}, nil, awsError("write the test messages", err)
	}
	last, _, err := s.Rehearsal(ctx)
	if err != nil {
		return last, nil, awsError("read the rehearsal", err)
	}
	return last, cfg, nil
}

// await reads what became of a rehearsal until every message has got away, or it
// has waited long enough.
func await(ctx context.Context, s *store.Store, r store.Rehearsal, wait time.Duration) (reached []store.Reached, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for until := now().Add(wait); ; {
		if reached, err = s.Reached(ctx, r); err != nil || reach.Count(reached) == len(reached) || now().After(until) {
			return reached, err
		}
		select {
		case <-ctx.Done():
			return reached, ctx.Err()
		case <-tick.C:
		}
	}
}

// addPublic adds the public tiers that no test was sent to, with those who were
// counted last.
func (r *rehearsed) addPublic(cfg *monitor.Config) {
	for _, t := range cfg.Tiers {
		if !t.Public {
			continue
		}
		one := store.Reached{Tier: t.ID}
		for _, c := range r.Counted {
			if c.Tier == t.ID {
				one.Count(c.N, c.At)
			}
		}
		r.Reached = append(r.Reached, one)
	}
}

// leaveOut takes those away of which it is not known whether anybody is subscribed.
func (r *rehearsed) leaveOut() {
	r.Reached = slices.DeleteFunc(r.Reached, func(one store.Reached) bool {
		unknown := one.At.IsZero() && one.Counted.IsZero()
		if unknown {
			r.LeftOut = append(r.LeftOut, one.Tier)
		}
		return unknown
	})
	r.Reachable, r.Total = reach.Count(r.Reached), len(r.Reached)
}

// ask finds out what doctor knows of topics, subscriptions and text messages of some
// tiers, or of all and of those who run Sonde; nothing on one machine. What was sent
// where nobody is subscribed has reached nobody.
func (r *rehearsed) ask(ctx context.Context, where storeFlags, names []string) {
	if where.isLocal() {
		return
	}
	r.Unasked = slices.ContainsFunc(r.Reached, func(one store.Reached) bool { return !one.Sent.IsZero() && !one.Asked })
	d, err := where.aws.open(ctx)
	if err != nil || d.outputs == nil {
		return
	}
	cfg, _ := d.store.Config(ctx)
	f := doctor.Findings{Now: now()}
	examineTopics(ctx, d, cfg, names, &f)
	r.Unasked = slices.ContainsFunc(f.Topics, func(t doctor.Topic) bool { return t.Err != nil })
	for i := range r.Reached {
		r.Reached[i] = counted(r.Reached[i], f)
	}
	r.Reachable = reach.Count(r.Reached)
	r.Cuts = doctor.Cuts(f)
	for _, l := range doctor.Paths(f) {
		if l.Level != doctor.OK {
			r.Doctor = append(r.Doctor, l)
		}
	}
}

// counted is what is known of a tier, with those who are subscribed to its topic.
func counted(one store.Reached, f doctor.Findings) store.Reached {
	at := slices.IndexFunc(f.Topics, func(t doctor.Topic) bool { return t.Tier == string(one.Tier) && t.ARN != "" && t.Err == nil })
	if at < 0 {
		return one
	}
	switch t := f.Topics[at]; {
	case t.Public:
		one.Count(t.Total(), f.Now)
	case !one.Sent.IsZero() && t.IsDeserted():
		one.Why = store.Deserted
	}
	return one
}

// isFine reports whether everybody can be reached, as far as is known.
func (r *rehearsed) isFine() bool {
	return reach.Count(r.Reached) == len(r.Reached) && len(r.Cuts) == 0
}

// reachable says how many tiers can be reached. Where it is not known who is
// subscribed, it does not say that anybody is.
func reachable(r rehearsed) string {
	text := reach.Summary(r.Reached)
	if r.Unasked {
		text += ", as far as is known without --stack: who is subscribed was not asked"
	}
	return text
}

func printRehearsal(w io.Writer, r rehearsed) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range r.Reached {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", one.Tier, clean(reach.Outcome(one)))
	}
	for _, tier := range r.LeftOut {
		_, _ = fmt.Fprintf(t, "%s\tleft out: it is the public (--tier %s sends it a test)\n", tier, tier)
	}
	_ = t.Flush()
	_, _ = fmt.Fprintln(w, reachable(r))
	printCuts(w, r.Cuts)
	printDoctor(w, r.Doctor)
}

// printCuts says who cannot be reached besides whole tiers.
func printCuts(w io.Writer, cuts []doctor.Cut) {
	if len(cuts) == 0 {
		return
	}
	all := make([]string, len(cuts))
	for i, c := range cuts {
		all[i] = c.What + ": " + c.Why
	}
	_, _ = fmt.Fprintln(w, "Not everybody can be reached: "+strings.Join(all, "; "))
}
