package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/uptime"
)

// Exclusion is planned maintenance, which is in no uptime.
type Exclusion struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

// Correction is what people say that a service was, in place of what was
// measured.
type Correction struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	As     string    `json:"as"` // up, down, maintenance or unknown
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Amended is what frozen figures were before a correction.
type Amended struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Known  bool      `json:"known"`

	Withdrawn bool `json:"withdrawn,omitempty"` // it was a correction that was taken back

	Before float64 `json:"before"` // uptime, 0 to 1
}

// adjust lists why a service's figures are not what was measured.
func (s *Service) adjust(f uptime.Figures) {
	s.Exclusions, s.Corrections = []Exclusion{}, []Correction{}
	for _, e := range f.Exclusions {
		s.Exclusions = append(s.Exclusions, Exclusion{e.From, e.To, e.Reason})
	}
	for _, c := range f.Corrections {
		s.Corrections = append(s.Corrections, Correction{c.From, c.To, c.Word(), c.Reason, author(c.By), c.At})
	}
	s.Frozen = f.Frozen
	for _, a := range f.Amended {
		before, known := a.Before.Uptime()
		s.Amended = append(s.Amended, Amended{a.At, author(a.By), a.Reason, known, a.Withdrawn, before})
	}
}

// author is who made a correction, without the account of AWS that an ARN names:
// of arn:aws:sts::123456789012:assumed-role/Admin/anna it is anna.
func author(by string) string {
	if strings.HasPrefix(by, "arn:") {
		by = by[strings.LastIndexAny(by, "/:")+1:]
	}
	return oneLine(by)
}

// notes are the lines below a service's figures, beyond its outages.
func (r Report) notes(s Service) []string {
	var out []string
	for _, e := range s.Exclusions {
		out = append(out, fmt.Sprintf("maintenance %s to %s, %s: %s", r.when(e.From), r.when(e.To), incident.Span(e.To.Sub(e.From)), oneLine(e.Reason)))
	}
	for _, c := range s.Corrections {
		out = append(out, fmt.Sprintf("corrected to %s, %s to %s: %s (%s, %s)", c.As, r.when(c.From), r.when(c.To), oneLine(c.Reason), orNobody(c.By), r.when(c.At)))
	}
	if !s.From.IsZero() {
		out = append(out, fmt.Sprintf("frozen as %s to %s", r.when(s.From), r.when(s.To)))
	}
	if s.isAdjusted() {
		out = append(out, "as measured, without maintenance and corrections: "+percent(s.Raw, s.RawKnown))
	}
	for _, a := range s.Amended {
		what := "correction"
		if a.Withdrawn {
			what = "withdrawal"
		}
		out = append(out, fmt.Sprintf("was %s until the %s of %s (%s): %s", percent(a.Before, a.Known), what, r.when(a.At), orNobody(a.By), oneLine(a.Reason)))
	}
	return out
}

// markdownNotes is why figures are not what was measured.
func (r Report) markdownNotes(b *strings.Builder) {
	heading := "\n## Maintenance and corrections\n\n"
	for _, s := range r.Services {
		for _, note := range r.notes(s) {
			_, _ = fmt.Fprintf(b, "%s- %s: %s\n", heading, escapeMarkdown(s.Name), escapeMarkdown(note))
			heading = ""
		}
	}
	if standing := r.standing(); standing != "" {
		_, _ = fmt.Fprintf(b, "\n%s\n", standing)
	}
}

func orNobody(by string) string {
	if by == "" {
		return "not known who"
	}
	return by
}

// isAdjusted reports whether the figures are not what was measured.
func (s Service) isAdjusted() bool { return len(s.Exclusions)+len(s.Corrections) > 0 }

// standing says whether the figures may still change.
func (r Report) standing() string {
	var first time.Time
	frozen := 0
	for _, s := range r.Services {
		if s.Frozen.IsZero() {
			continue
		}
		if frozen++; first.IsZero() || s.Frozen.Before(first) {
			first = s.Frozen
		}
	}
	switch {
	case r.Over && len(r.Services) > 0 && !slices.ContainsFunc(r.Services, func(s Service) bool { return s.Coverage > 0 || s.Known }):
		return "Nothing was observed in this time."
	case frozen == 0 && r.Over && r.Month:
		if !r.Freezes {
			return "The figures of this month were not frozen, and are not going to be."
		}
		return "This month is not frozen yet: a day after its end its figures are kept for good."
	case frozen > 0 && frozen < len(r.Services):
		return fmt.Sprintf("The figures of %d of %d services were frozen on %s; the others had none then.", frozen, len(r.Services), r.when(first))
	case frozen > 0:
		return "The figures were frozen on " + r.when(first) + "."
	}
	return ""
}

// excluded is a service's maintenance in one cell: from/to reason; …
func (s Service) excluded() string {
	var parts []string
	for _, e := range s.Exclusions {
		parts = append(parts, interval(e.From, e.To)+" "+oneLine(e.Reason))
	}
	return strings.Join(parts, "; ")
}

// corrected is its corrections in one cell: from/to up by anna: reason; … A cell
// that is not empty begins with a digit, and so is no formula.
func (s Service) corrected() string {
	var parts []string
	for _, c := range s.Corrections {
		parts = append(parts, fmt.Sprintf("%s %s by %s: %s", interval(c.From, c.To), c.As, orNobody(c.By), oneLine(c.Reason)))
	}
	return strings.Join(parts, "; ")
}

func interval(from, to time.Time) string {
	return from.UTC().Format(time.RFC3339) + "/" + to.UTC().Format(time.RFC3339)
}
