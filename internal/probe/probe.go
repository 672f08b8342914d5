package probe

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// UserAgent names Sonde to the targets.
const UserAgent = "Sonde/0.1 (+https://github.com/sondehq/sonde; synthetic)"

// Func runs one check of one kind of monitor and fills the observation in:
// failure, timing, address and what else the kind knows. Key, start, total time
// and the judgement of expectations are the engine's. It never panics on
// anything that a target does, returns soon after ctx ends, and says in the
// failure's detail which phase it was in. A target that fails is an
// observation; there is no error to return.
type Func func(ctx context.Context, m monitor.Monitor, env *Env) Observation

// Observation is what one check saw, before its expectations are judged. A
// failure means down; no failure means that the expectations decide.
type Observation struct {
	monitor.Result
	Values expect.Values // what the kind's expressions may use besides the phases

	secrets []string         // what came to be known that may not be shown
	warned  *monitor.Failure // a part of the check is degraded
	part    *part            // the part that was judged, and failed the check

	// Notes say more of a value, by its name, where an expression uses it.
	Notes map[string]string
}

// part is one of several things that a check judges by itself.
type part struct {
	monitor monitor.Monitor // with the expectations of the part
	seen    Observation
}

// Env is what probes need of their surroundings. It is shared by all checks.
type Env struct {
	// Now is the clock; heartbeats and certificates are judged by it.
	Now func() time.Time

	// LastPing returns the last ping of a heartbeat monitor.
	LastPing func(ctx context.Context, id monitor.ID) (monitor.Ping, error)

	// Secret returns the value of a secret that a monitor refers to. Its error
	// reads on from the secret's name ("is not set: …"), says what to do, and
	// never holds a value; the check is then not run. Nil: there are no secrets.
	Secret func(ctx context.Context, ref Reference) (string, error)

	// InLambda forbids loopback even to private monitors: the runtime API
	// of the function listens there.
	InLambda bool

	// The engine's, set for each check.
	secrets []string // those that were resolved into the monitor
	judge   func(monitor.Monitor, *Observation, *hider)
	save    func(source string) (*expect.Program, error) // compiles what a step saves
	tokens  *tokens

	// nameServer says where the name server with an IP address listens; at its
	// port 53 where nil.
	nameServer func(ip string) string
}

// noted is what the notes say of the values that an expression uses.
func (o *Observation) noted(source string) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(o.Notes)) {
		if o.Notes[name] != "" && holdsWord(source, name) {
			text += "; " + o.Notes[name]
		}
	}
	return text
}
