package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/reach"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
	"github.com/sondehq/sonde/internal/table/socket"
)

// storeFlags say which store a command works on.
type storeFlags struct {
	data  string
	local bool // --data was given, and holds even where $SONDE_TABLE is set
	aws   awsFlags

	stopped bool // set by open: it is a store of this machine, and nothing runs on it
}

// isLocal reports whether a store of this machine is meant.
func (f *storeFlags) isLocal() bool { return !f.aws.isGiven() || f.local }

func now() time.Time { return time.Now().UTC() }

func (f *storeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.data, "data", ".sonde", "the store of sonde up or sonde demo in this directory, running or not")
	f.aws.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("data", "table")
	cmd.MarkFlagsMutuallyExclusive("data", "stack")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { f.local = cmd.Flags().Changed("data") }
}

// open opens the store. A running system's is used through its socket.
func (f *storeFlags) open(ctx context.Context) (s *store.Store, done func(), err error) {
	if !f.isLocal() {
		d, err := f.aws.open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return d.store, func() {}, nil
	}
	if remote, err := socket.Dial(local.SocketFile(f.data)); err == nil {
		return store.New(remote, now), func() { _ = remote.Close() }, nil
	}
	if _, err := os.Stat(local.TableFile(f.data)); errors.Is(err, os.ErrNotExist) {
		return nil, nil, usage(fmt.Errorf("there is no store in %s", f.data), "give its directory with --data, or a deployment with --stack or --table; `sonde up` makes one")
	}
	db, err := bolt.Open(local.TableFile(f.data), now)
	if err != nil {
		return nil, nil, failed(err, "")
	}
	f.stopped = true
	return store.New(db, now), func() { _ = db.Close() }, nil
}

// caller is who does this, for the record.
func (f *storeFlags) caller(ctx context.Context) string {
	if !f.isLocal() {
		if d, err := f.aws.open(ctx); err == nil {
			return caller(ctx, d)
		}
	}
	return caller(ctx, nil)
}

// waits is why nothing in a store that nothing runs on is delivered.
func waits(where storeFlags) string {
	return "nothing is delivered until `sonde up` runs on " + where.data
}

// statusReport is what `sonde status --json` prints.
type statusReport struct {
	At          time.Time           `json:"at"`
	Config      int64               `json:"config"`
	Services    []serviceReport     `json:"services"`
	Incidents   []incident.Incident `json:"incidents"`   // open ones
	Undelivered []undelivered       `json:"undelivered"` // notifications
	Rehearsed   *rehearsed          `json:"rehearsed"`   // null: nobody ever has
}

type serviceReport struct {
	ID       monitor.ServiceID `json:"id"`
	Name     string            `json:"name"`
	Status   monitor.Status    `json:"status"`
	Since    time.Time         `json:"since"`
	Until    time.Time         `json:"until,omitzero"`     // of planned maintenance
	Measured monitor.Status    `json:"measured,omitempty"` // what it is underneath
	Alive    int               `json:"alive"`
	Total    int               `json:"total"`
	Monitors []monitorReport   `json:"monitors"`
}

type monitorReport struct {
	ID      monitor.ID                           `json:"id"`
	Type    monitor.Kind                         `json:"type"`
	Target  string                               `json:"target"`
	State   monitor.State                        `json:"state"`
	Since   time.Time                            `json:"since"`
	Reason  string                               `json:"reason"`
	Failure *monitor.Failure                     `json:"failure"`
	Only    map[monitor.Location]monitor.Outcome `json:"only,omitempty"`
	Shadow  bool                                 `json:"shadow,omitempty"` // it counts for nothing
	Until   time.Time                            `json:"until,omitzero"`   // of one at an old address: it is checked so long
}

type undelivered struct {
	Tier      monitor.TierID `json:"tier"`
	Event     incident.Event `json:"event"`
	Title     string         `json:"title"`
	Due       time.Time      `json:"due"`
	Attempts  int            `json:"attempts"`
	LastError string         `json:"last_error,omitempty"`
}

func statusCommand() *cobra.Command {
	var where storeFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show services, open incidents, who can be reached, and what is not delivered yet",
		Long: `Shows the state of every service and monitor, the open incidents, which tiers the
last rehearsal of each has reached, and the notifications that are not delivered
yet, from the store of a running or stopped sonde, or from a DynamoDB table.`,
		Example: `  sonde status
  sonde status --data /tmp/sonde-demo-1 --json
  sonde status --stack sonde`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, done, err := where.open(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			report, err := gather(cmd.Context(), s)
			if err != nil {
				return failed(err, hintOf(err))
			}
			if report.Rehearsed != nil {
				report.Rehearsed.ask(cmd.Context(), where, nil)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			printStatus(cmd.OutOrStdout(), report)
			if where.stopped && len(report.Undelivered) > 0 {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "sonde: hint: "+waits(where))
			}
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// outboxShown is how many undelivered notifications are listed.
const outboxShown = 200

func gather(ctx context.Context, s *store.Store) (statusReport, error) {
	report := statusReport{At: time.Now().UTC(), Services: []serviceReport{}, Incidents: []incident.Incident{}, Undelivered: []undelivered{}}
	cfg, err := s.Config(ctx)
	if err != nil {
		return report, err
	}
	if cfg == nil {
		return report, errors.New("this store has no configuration yet")
	}
	cfg = cfg.InForce(report.At)
	report.Config = cfg.Version
	ids := make([]monitor.ServiceID, len(cfg.Services))
	for i, svc := range cfg.Services {
		ids[i] = svc.ID
	}
	states, err := s.States(ctx, ids)
	if err != nil {
		return report, err
	}
	for _, svc := range cfg.Services {
		report.Services = append(report.Services, serviceOf(cfg, svc, states[svc.ID]))
	}
	board, err := s.Board(ctx)
	if err != nil {
		return report, err
	}
	report.Incidents = append(report.Incidents, board.Open...)
	pending, err := s.Outbox(ctx, outboxShown)
	if err != nil {
		return report, err
	}
	for _, p := range pending {
		n := p.Notification
		report.Undelivered = append(report.Undelivered, undelivered{n.Tier, n.Event, n.Title, n.At, p.Attempts, p.LastError})
	}
	last, version, err := s.Rehearsal(ctx)
	if err != nil || version == 0 {
		return report, err
	}
	reached, err := s.LastReached(ctx, cfg, last)
	report.Rehearsed = newRehearsed(last, reached)
	return report, err
}

func serviceOf(cfg *monitor.Config, svc monitor.Service, state store.State) serviceReport {
	at := now()
	out := serviceReport{ID: svc.ID, Name: svc.Name, Until: state.InMaintenance(at), Alive: state.Alive, Total: state.Total, Monitors: []monitorReport{}}
	if out.Status, out.Since = state.Shown(at); !out.Until.IsZero() {
		out.Measured = state.Status
	}
	if out.Status == "" {
		out.Status = monitor.NotKnown
	}
	for _, m := range cfg.Members(svc) {
		d, has := state.Details[m.ID]
		line := monitorReport{ID: m.ID, Type: m.Kind(), Target: m.Target(), State: monitor.Unknown, Shadow: m.Shadow}
		if at := slices.IndexFunc(cfg.Retired, func(r monitor.Retired) bool { return r.Monitor.ID == m.ID }); at >= 0 {
			line.Until = cfg.Retired[at].Until
			if m.HTTP != nil {
				line.Target += " at " + cfg.Retired[at].Address
			}
		}
		if has {
			line.State, line.Since, line.Reason, line.Failure = d.State(), d.Since, d.Reason, d.Failure
			for location, dissent := range d.Dissent {
				if line.Only == nil {
					line.Only = map[monitor.Location]monitor.Outcome{}
				}
				line.Only[location] = dissent.Outcome
			}
		}
		out.Monitors = append(out.Monitors, line)
	}
	return out
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// standing is what there is to say of a service: how much of it works, and that it
// is in maintenance.
func standing(at time.Time, svc serviceReport) string {
	if svc.Until.IsZero() {
		return left(svc)
	}
	return strings.TrimSpace(fmt.Sprintf("for %s more; measured: %s %s", incident.Span(svc.Until.Sub(at)), incident.Words(svc.Measured), left(svc)))
}

func printStatus(w io.Writer, r statusReport) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SERVICE\tMONITOR\tSTATE\tSINCE\tWHAT")
	for _, svc := range r.Services {
		_, _ = fmt.Fprintf(t, "%s\t\t%s\t%s\t%s\n", clean(svc.Name), incident.Words(svc.Status), ago(r.At, svc.Since), standing(r.At, svc))
		for _, m := range svc.Monitors {
			_, _ = fmt.Fprintf(t, "\t%s\t%s\t%s\t%s\n", m.ID, stateOf(m), ago(r.At, m.Since), clean(what(m)))
		}
	}
	_ = t.Flush()
	if len(r.Incidents) > 0 {
		_, _ = fmt.Fprintln(w, "\nOpen incidents:")
	}
	for _, inc := range r.Incidents {
		_, _ = fmt.Fprintf(w, "  %s  %s, since %s, impact %s\n", inc.ID, clean(inc.Title), ago(r.At, inc.Opened), inc.Impact)
	}
	if h := r.Rehearsed; h == nil {
		_, _ = fmt.Fprintf(w, "\n%s\n", reach.Never)
	} else {
		_, _ = fmt.Fprintf(w, "\nRehearsed %s ago: %s\n", ago(r.At, h.At), reachable(*h))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, one := range h.Reached {
			if !one.OK() || one.Sent.IsZero() {
				_, _ = fmt.Fprintf(t, "  %s\t%s\n", one.Tier, clean(reach.Outcome(one)))
			}
		}
		_ = t.Flush()
		printCuts(w, h.Cuts)
	}
	if len(r.Undelivered) > 0 {
		_, _ = fmt.Fprintf(w, "\nNot delivered yet: %s\n", plural(len(r.Undelivered), "notification"))
	}
	for _, u := range r.Undelivered {
		_, _ = fmt.Fprintf(w, "  to %s: %s: %s, due %s ago, %s", u.Tier, u.Event, clean(u.Title), incident.Span(r.At.Sub(u.Due)), plural(u.Attempts, "attempt"))
		if u.LastError != "" {
			_, _ = fmt.Fprintf(w, ", last error: %s", clean(u.LastError))
		}
		_, _ = fmt.Fprintln(w)
	}
}

func left(svc serviceReport) string {
	if svc.Alive == svc.Total {
		return ""
	}
	return fmt.Sprintf("%d of %d up", svc.Alive, svc.Total)
}

// stateOf is the state of a monitor, and that it counts for nothing.
func stateOf(m monitorReport) string {
	switch {
	case !m.Until.IsZero():
		return string(m.State) + " (old address, until " + m.Until.UTC().Format("2006-01-02 15:04 UTC") + ")"
	case m.Shadow:
		return string(m.State) + " (shadow)"
	}
	return string(m.State)
}

// what says what a person needs to know of a monitor.
func what(m monitorReport) string {
	if m.Failure != nil {
		return m.Failure.String()
	}
	var only []string
	for location, outcome := range m.Only {
		only = append(only, fmt.Sprintf("%s from %s only", outcome, location))
	}
	slices.Sort(only)
	if len(only) > 0 {
		return fmt.Sprint(only)
	}
	return m.Target
}

func ago(now, then time.Time) string {
	if then.IsZero() {
		return "-"
	}
	return incident.Span(now.Sub(then))
}
