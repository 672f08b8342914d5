package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// shownIncident is what `sonde incident show --json` prints.
type shownIncident struct {
	incident.Incident
	Updates  []incident.Update   `json:"updates"`  // oldest first
	Receipts []store.Receipt     `json:"receipts"` // the same
	Evidence []incident.Evidence `json:"evidence"` // what the first failing checks saw
}

func incidentShowCommand() *cobra.Command {
	var where oneFlags
	var asJSON, evidence bool
	var shots string
	cmd := &cobra.Command{
		Use:   "show [ID]",
		Short: "Show an incident: services, time line, who was told what and when",
		Long: `Shows an incident. --evidence adds what the first failing checks of its services
saw, as it was kept: failure, status, address, phases, certificate, and the first part
of the answer. Secrets of the configuration were hidden when it was kept. Times are
in the site's zone; those of --json are UTC.`,
		Example: `  sonde incident show nk5h4flc56mk --stack sonde
  sonde incident show nk5h4flc56mk --evidence --stack sonde`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
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
				return printQuoted(cmd.OutOrStdout(), shown)
			}
			cfg, err := configOrNone(ctx, s)
			if err != nil {
				return err
			}
			p := &incidentPrinter{w: cmd.OutOrStdout(), cfg: cfg, shownIncident: shown}
			p.print(evidence)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with the evidence")
	cmd.Flags().BoolVar(&evidence, "evidence", false, "what the first failing checks saw")
	cmd.Flags().StringVar(&shots, "screenshots", "", "write the pictures of its browser journeys into this directory, as JPEG")
	return cmd
}

// whole reads an incident with all that belongs to it.
func whole(ctx context.Context, s *store.Store, id string) (shown shownIncident, err error) {
	inc, err := incidentOf(ctx, s, id)
	if err != nil {
		return shown, err
	}
	shown = shownIncident{Incident: inc, Updates: []incident.Update{}, Receipts: []store.Receipt{}, Evidence: []incident.Evidence{}}
	updates, err := s.Updates(ctx, id)
	if err != nil {
		return shown, awsError("read the time line", err)
	}
	receipts, err := s.Receipts(ctx, id)
	if err != nil {
		return shown, awsError("read the receipts", err)
	}
	evidence, err := s.EvidenceOf(ctx, inc, now())
	if err != nil {
		return shown, awsError("read the evidence", err)
	}
	shown.Updates, shown.Receipts, shown.Evidence = append(shown.Updates, updates...), append(shown.Receipts, receipts...), append(shown.Evidence, evidence...)
	slices.SortStableFunc(shown.Receipts, func(a, b store.Receipt) int { return a.Sent.Compare(b.Sent) })
	return shown, nil
}

func incidentOf(ctx context.Context, s *store.Store, id string) (incident.Incident, error) {
	inc, version, err := s.Incident(ctx, id)
	if err != nil {
		return inc, awsError("read the incident", err)
	}
	if version == 0 {
		return inc, noIncident(id)
	}
	return inc, nil
}

// printQuoted is printJSON with everything escaped that a terminal would not just
// show: what is read from it is the same.
func printQuoted(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := printJSON(&b, v); err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range b.String() {
		switch {
		case r == '\n' || unicode.IsGraphic(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			_, _ = fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			_, _ = fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

type incidentPrinter struct {
	w   io.Writer
	cfg *monitor.Config
	shownIncident
}

// line prints one line; its arguments are clean.
func (p *incidentPrinter) line(format string, args ...any) {
	_, _ = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func (p *incidentPrinter) when(t time.Time) string {
	return t.In(p.cfg.Zone()).Format("2006-01-02 15:04:05 MST")
}

func (p *incidentPrinter) print(evidence bool) {
	p.line("%s: %s", legible(p.ID), legible(p.Title))
	p.standing()
	for _, a := range p.Services {
		role := "affected"
		if a.Cause {
			role = "cause"
		}
		of := ""
		if a.Total > 0 {
			of = fmt.Sprintf(", %d of %d up", a.Alive, a.Total)
		}
		p.line("  %s: %s: %s%s", role, legible(a.Name), incident.Words(a.Status), of)
	}
	if failing := p.Failing(); failing != "" {
		p.line("\nWhat failed:")
		for text := range strings.Lines(failing) {
			p.line("  %s", legible(text))
		}
	}
	if p.Old != "" {
		p.line("\n%s", legible(p.Old))
	}
	if evidence {
		p.evidence()
	}
	p.line("\nTime line:")
	for _, u := range p.Updates {
		by := ""
		if u.By != "" {
			by = " (by " + legible(incident.Person(u.By)) + ")"
		}
		p.line("  %s  %s  %s%s", p.when(u.At), u.Phase, legible(cmp.Or(u.Text, u.Detail)), by)
	}
	p.told()
}

// standing is since when, until when, and who is on it.
func (p *incidentPrinter) standing() {
	p.line("%s, %s, impact %s, at worst %s", p.State, p.Phase, p.Impact, p.Worst)
	text := "opened " + p.when(p.Opened)
	if p.Manual {
		text = "opened by hand " + p.when(p.Opened)
	}
	from, to := p.Lasted()
	if p.Opened.Before(from) {
		text += ", broken since " + p.when(from)
	}
	if !to.IsZero() {
		text += ", restored " + p.when(to) + " after " + incident.Span(to.Sub(from))
	}
	if !p.Resolved.IsZero() && !p.Resolved.Equal(to) {
		text += ", over " + p.when(p.Resolved)
	}
	p.line("%s", text)
	if p.State == incident.Draining {
		p.line("old DNS answers may last until %s", p.when(p.Drain))
	}
	if !p.Acked.IsZero() {
		p.line("acknowledged %s by %s", p.when(p.Acked), legible(incident.Person(p.By)))
	}
	if !p.Next.IsZero() {
		p.line("next update promised for %s", p.when(p.Next))
	}
}

// told is who was told what and when.
func (p *incidentPrinter) told() {
	for i, r := range p.Receipts {
		if i == 0 {
			p.line("\nTold:")
		}
		text := incident.Heard(p.cfg, r.Event)
		if subject := strings.TrimSuffix(r.Subject, " - "+p.ID); subject != "" {
			text += " (" + subject + ")"
		}
		if r.GaveUp != "" {
			text += ", never delivered: " + r.GaveUp
		}
		p.line("  %s  %s: %s", p.when(r.Sent), legible(incident.TierName(p.cfg, r.Tier)), legible(text))
	}
}

// shownBody is how many characters of an answer are shown.
const shownBody = 500

// evidence is what the first failing checks saw.
func (p *incidentPrinter) evidence() {
	p.line("\nWhat the first failing checks saw:")
	if len(p.Evidence) == 0 {
		p.line("  nothing was kept")
	}
	for _, e := range p.Evidence {
		name := string(e.Service)
		if a, in := p.Affects(e.Service); in {
			name = a.Name
		}
		p.line("  %s  %s: %s from %s", p.when(e.Scheduled), legible(name), e.Monitor, e.Location)
		for _, f := range seen(e.Result) {
			p.line("    %s: %s", legible(f.name), legible(f.value))
		}
	}
}

type fact struct{ name, value string }

// seen is what a check saw, as far as it saw anything.
func seen(r monitor.Result) (all []fact) {
	add := func(name, format string, args ...any) { all = append(all, fact{name, fmt.Sprintf(format, args...)}) }
	if r.Failure != nil {
		add("failure", "%s", r.Failure)
	}
	if r.Status != 0 {
		add("status", "%d", r.Status)
	}
	if r.Address != "" {
		add("address", "%s", r.Address)
	}
	var took []string
	for _, phase := range phases(r.Timing) {
		took = append(took, fmt.Sprintf("%s %.1f ms", phase.name, monitor.MS(phase.took)))
	}
	add("phases", "%s", strings.Join(took, ", "))
	if c := r.Certificate; c != nil {
		add("certificate", "%s, by %s, ends %s (%d days)", c.Subject, c.Issuer, c.NotAfter.UTC().Format("2006-01-02"), c.Days)
	}
	for _, e := range r.Expectations {
		add(verdict(e), "%s (%s)", e.Expr, e.Shown)
	}
	for i, s := range r.Steps {
		add(fmt.Sprintf("step %d", i+1), "%s", outcomeOf(s.Name, s.Outcome, monitor.MS(s.Timing.Total), s.Failure))
	}
	for _, a := range r.Addresses {
		add("at "+a.Address, "%s", outcomeOf("", a.Outcome, a.TotalMS, a.Failure))
	}
	if len(r.Answers) > 0 {
		add("answers", "%s", strings.Join(r.Answers, ", "))
	}
	if body := []rune(legible(r.Body)); len(body) > shownBody {
		add("body", "%s …", string(body[:shownBody]))
	} else if len(body) > 0 {
		add("body", "%s", string(body))
	}
	return all
}
