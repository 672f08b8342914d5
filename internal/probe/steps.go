package probe

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// maxSaved is the longest value that a step may save, in bytes.
const maxSaved = 8 << 10

var (
	errElsewhere = errors.New("what was saved would lead the URL to another host")
	errSavedURL  = errors.New("what was saved makes no URL")
)

// steps makes the requests in a row. The first that is down ends the check; what
// is left is not tried. Phases are sums over the steps, everything else is of
// the last one made.
func (v *visit) steps(ctx context.Context) Observation {
	var all Observation
	v.saved = map[string]string{}
	for i, step := range v.m.HTTP.Steps {
		o, m := v.step(ctx, step)
		all = joined(all, o, step)
		label := stepLabel(i, step)
		if f := o.Failure; f != nil && o.Outcome == monitor.OutcomeDegraded && all.warned == nil {
			all.warned = fail(f.Kind, "%s: %s", label, f.Detail)
			all.warned.Warn = f.Warn
		}
		if o.Failure == nil || o.Outcome == monitor.OutcomeDegraded {
			continue
		}
		all.Failure = fail(o.Failure.Kind, "%s: %s", label, o.Failure.Detail)
		all.part = &part{monitor: m, seen: o}
		break
	}
	all.secrets = v.secrets
	return all
}

// stepLabel is "step 2 (login)".
func stepLabel(i int, step monitor.Step) string {
	if step.Name == "" {
		return fmt.Sprintf("step %d", i+1)
	}
	return fmt.Sprintf("step %d (%s)", i+1, step.Name)
}

// step makes one request, judges it and saves what is wanted of it. It returns
// the monitor with the expectations that it was judged by.
func (v *visit) step(ctx context.Context, step monitor.Step) (Observation, monitor.Monitor) {
	m := v.m
	m.Expect, m.Warn = step.Expect, step.Warn
	start := time.Now()
	var o Observation
	if r, err := v.fill(step.Request); err != nil {
		o.Failure = fail(monitor.FailHTTP, "%s", err)
	} else {
		o = v.ask(ctx, r, v.wanted(step))
	}
	o.Timing.Total = time.Since(start)
	// Saving comes first, so that what is judged knows the secrets of the answer.
	var unsaved *monitor.Failure
	if o.Failure == nil {
		unsaved = v.save(step, &o)
	}
	if slices.ContainsFunc(step.Save, isSecretSave) {
		o.Body = "" // an answer that grants something is nobody's business
	}
	v.env.judge(m, &o, hiding(v.m, slices.Concat(v.env.secrets, v.secrets)))
	if unsaved != nil && (o.Outcome == monitor.OutcomeUp || o.Outcome == monitor.OutcomeDegraded) {
		o.Outcome, o.Failure = monitor.OutcomeDown, unsaved
	}
	return o, m
}

// wanted is all expressions that may look at the answer to a step.
func (v *visit) wanted(step monitor.Step) []string {
	out := slices.Concat(step.Expect, step.Warn, v.m.Expect, v.m.Warn)
	for _, s := range step.Save {
		out = append(out, s.From)
	}
	return out
}

// joined puts one step's observation behind those before it.
func joined(all, o Observation, step monitor.Step) Observation {
	t, sum := o.Timing, all.Timing
	next := o
	next.Outcome, next.Failure, next.Expectations = "", nil, nil
	next.warned, next.Hops = all.warned, all.Hops+o.Hops
	next.Timing = monitor.Timing{
		Token: sum.Token + t.Token, DNS: sum.DNS + t.DNS, Connect: sum.Connect + t.Connect, TLS: sum.TLS + t.TLS,
		Request: sum.Request + t.Request, TTFB: sum.TTFB + t.TTFB, Transfer: sum.Transfer + t.Transfer,
	}
	if next.Certificate == nil {
		next.Certificate = all.Certificate
	}
	next.Steps = append(all.Steps, monitor.StepResult{
		Name: step.Name, Outcome: o.Outcome, Failure: o.Failure, Timing: t, Address: o.Address, Status: o.Status, Expectations: o.Expectations,
	})
	return next
}

// save takes values out of an answer. One that is not there is a failure: the
// steps that need it would fail for another reason than the true one.
func (v *visit) save(step monitor.Step, o *Observation) *monitor.Failure {
	for _, s := range step.Save {
		program, err := v.env.save(s.From)
		if err != nil {
			return fail(monitor.FailInternal, "save %s: %s", s.Name, err)
		}
		value, why := savedText(program.Value(o.values()), s.Match)
		if why != "" {
			return fail(monitor.FailBody, "save %s: %s %s", s.Name, s.From, why)
		}
		v.saved[s.Name] = value
		secret := isSecretSave(s)
		known := hiding(v.m, slices.Concat(v.env.secrets, v.secrets))
		if len(value) >= minSecret && (secret || known.hide(value) != value) {
			v.secrets = append(v.secrets, value)
		}
	}
	return nil
}

func isSecretSave(s monitor.Save) bool {
	return sensitive(s.Name) || sensitive(s.From) || sensitive(s.Match)
}

// savedText is a value as text, or why it cannot be saved, to be read on from
// the expression that gave it.
func savedText(value any, match string) (text, why string) {
	switch value := value.(type) {
	case string:
		text = value
	case bool:
		text = strconv.FormatBool(value)
	case float64:
		text = strconv.FormatFloat(value, 'f', -1, 64)
	case int:
		text = strconv.Itoa(value)
	case nil:
		return "", "gives nothing"
	default:
		return "", "gives a list or an object, which cannot be put into a request"
	}
	if match != "" {
		form, err := regexp.Compile(match)
		if err != nil {
			return "", "has a match that is no regular expression"
		}
		found := form.FindStringSubmatch(text[:min(len(text), textOfBody)])
		if found == nil {
			return "", "does not match " + strconv.Quote(match)
		}
		text = found[min(1, len(found)-1)]
	}
	switch {
	case text == "":
		return "", "is empty"
	case len(text) > maxSaved:
		return "", fmt.Sprintf("is longer than %d bytes", maxSaved)
	}
	return text, ""
}

// fill puts what was saved into a request. What stands in a sensitive place of
// it is a secret from then on.
func (v *visit) fill(r monitor.Request) (monitor.Request, error) {
	out := r.Fill(func(text string) string { return monitor.ExpandSaved(text, v.value) })
	address, err := v.fillURL(r.URL)
	if err != nil {
		return out, err
	}
	out.URL = address
	for name, value := range out.Headers {
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return out, fmt.Errorf("what was saved holds characters that the header %s cannot", name)
		}
	}
	for name, value := range r.Headers {
		if sensitive(name) {
			v.mark(value)
		}
	}
	if a := r.Auth; a != nil {
		v.mark(a.Bearer)
		if a.Basic != nil {
			v.mark(a.Basic.Password)
		}
	}
	return out, nil
}

func (v *visit) value(name string) string { return v.saved[name] }

// mark makes secrets of the saved values that a text uses.
func (v *visit) mark(text string) {
	monitor.ExpandSaved(text, func(name string) string {
		if value := v.saved[name]; len(value) >= minSecret {
			v.secrets = append(v.secrets, value)
		}
		return ""
	})
}

// fillURL puts saved values into a URL, escaped for the place that they have.
// The host stays what the file says: a target may not choose who gets the
// headers of the next step.
func (v *visit) fillURL(template string) (string, error) {
	front, query, asked := strings.Cut(template, "?")
	path := func(name string) string { return (&url.URL{Path: "/" + v.saved[name]}).EscapedPath()[1:] }
	out := monitor.ExpandSaved(front, path)
	if asked {
		out += "?" + monitor.ExpandSaved(query, func(name string) string { return url.QueryEscape(v.saved[name]) })
	}
	own, err := url.Parse(monitor.ExpandSaved(template, func(string) string { return "" }))
	if err != nil {
		return "", errSavedURL
	}
	u, err := url.Parse(out)
	switch {
	case err != nil:
		return "", errSavedURL
	case u.Scheme != own.Scheme || u.Host != own.Host:
		return "", errElsewhere
	}
	return out, nil
}
