package probe

import (
	"context"
	"net"

	"github.com/sondehq/sonde/internal/monitor"
)

// What probes outside of this package are made of: those of Options.More.

// NotRun is an observation without a verdict: Sonde could not check, and why.
func NotRun(why string) Observation { return notRun(printable(why, maxDetail)) }

// Fail makes a failure with a printable detail of one line.
func Fail(kind monitor.FailureKind, format string, args ...any) *monitor.Failure {
	return fail(kind, format, args...)
}

// Classify finds the kind of an error that a target has caused in a phase; what it
// does not know is put down to the kind given.
func Classify(err error, phase string, otherwise monitor.FailureKind) *monitor.Failure {
	return classify(err, phase, otherwise)
}

// Printable makes one line of at most so many bytes, without control characters.
func Printable(text string, most int) string { return printable(text, most) }

// Dial connects under the guard: what a monitor may not speak to, it does not,
// whatever a name resolves to.
func (e *Env) Dial(ctx context.Context, m monitor.Monitor, network, address string) (net.Conn, error) {
	return dialer(m, e, lookups(m, e, "")).DialContext(ctx, network, address)
}
