package sim_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var mutations = flag.Int("mutations", 0, "build each deliberate bug and play so many seeds until it is found")

// mutation is a deliberate bug: a patch of a shipped source.
type mutation struct {
	name     string
	file     string // below internal
	old, new string // old stands there exactly once
}

// late is where seeds are known to find bugs that the first do not: there they are
// looked for before all seeds are.
var late = map[string]int{
	"re-checks are not asked for":                                 181,
	"the state is written without its condition":                  211,
	"a vote counts results from before it":                        449,
	"the list of open incidents is written without its condition": 458,
	"an incident does not wait for old DNS answers":               142,
	"the public is told by the time of what it does not see":      136,
	"services that break at one address are told apart":           173,
}

var bugs = []mutation{
	{"the state is written without its condition", "store/state.go",
		`return put(stateKey(state.Service), "state", version, state)`,
		`return always(put(stateKey(state.Service), "state", version, state))`},
	{"an incident is written without its condition", "store/incident.go",
		`b.add(put(headKey(inc.ID), "incident", board.Versions[inc.ID], inc))`,
		`b.add(always(put(headKey(inc.ID), "incident", board.Versions[inc.ID], inc)))`},
	{"sent before it is claimed", "pipeline/notify.go",
		`	claimed, missed := p.claim(ctx, group)
	if len(claimed) == 0 {
		return 0, missed
	}`,
		`	early := make([]incident.Notification, len(group))
	for i, c := range group {
		early[i] = c.Notification
	}
	carrier, sending := p.Publisher.Publish(ctx, notify.Compose(early))
	claimed, missed := p.claim(ctx, group)
	if len(claimed) == 0 {
		return 0, missed
	}
	if sending == nil {
		return len(claimed), inParts(claimed, func(some []store.Pending) error { return p.receipt(ctx, some, pace, store.Receipt{Sent: p.Now(), Carrier: carrier}) })
	}`},
	{"two senders may claim one notification", "store/outbox.go",
		`		op, err := put(p.key, kindClaimed, p.version, p)
		b.add(op, err)`,
		`		op, err := put(p.key, kindClaimed, p.version, p)
		op.If = table.Condition{}
		b.add(op, err)`},
	{"a vote counts results from before it", "detect/vote.go",
		`if r.Scheduled.Before(v.Opened) || spoke && !b.Last.Before(markOf(r)) {`,
		`if spoke && !b.Last.Before(markOf(r)) {`},
	{"a repeat counts as a result of its own", "detect/vote.go",
		`if r.Scheduled.Before(v.Opened) || spoke && !b.Last.Before(markOf(r)) {`,
		`if r.Scheduled.Before(v.Opened) || spoke && markOf(r).Before(b.Last) {`},
	{"a batch that comes twice is written twice", "store/batch.go",
		`op, err := put(table.Key{PK: batchPK(key.Shard), SK: key.Key()}, KindBatch, 0, b)`,
		`op, err := always(put(table.Key{PK: batchPK(key.Shard), SK: key.Key()}, KindBatch, 0, b))`},
	{"the receipt is not written", "store/outbox.go",
		`"receipt", 0, sent)))
	}`,
		`"receipt", 0, sent)))
		b.all = b.all[:len(b.all)-1]
	}`},
	{"a notification's id is not derived from its event", "incident/tell.go",
		`ID: digest("notification", inc.ID, receipt, string(tier.ID))`,
		`ID: digest("notification", inc.ID, string(tier.ID))`},
	{"what was sent stays in the outbox", "store/outbox.go",
		`b.add(table.Op{Verb: table.Delete, Row: table.Row{Key: p.key}, If: table.VersionIs(p.version)}, nil)`,
		`b.add(table.Op{Verb: table.Check, Row: table.Row{Key: p.key}, If: table.VersionIs(p.version)}, nil)`},
	{"re-checks are not asked for", "pipeline/detect.go",
		`	return p.Queue.Send(ctx, batches)
}

// reconsiderBelow`,
		`	return nil
}

// reconsiderBelow`},
	{"one location ends an outage", "detect/vote.go",
		`ending := needGood(need, locations)`,
		`ending := min(1, needGood(need, locations))`},
	{"one location begins an outage", "monitor/monitor.go",
		`	return n/2 + 1
}`,
		`	return 1
}`},
	{"a tier is told of the end that never heard of the beginning", "incident/tell.go",
		`	case !heard || told.Ended:
		return "", ""`,
		`	case !heard && inc.State != Resolved || told.Ended:
		return "", ""`},
	{"a tier that heard of the beginning hears of the end only while it is bad enough", "incident/tell.go",
		`	case inc.State == Resolved:
		return EventResolved, "resolved"`,
		`	case inc.State == Resolved && inc.Impact.AtLeast(tier.Impact):
		return EventResolved, "resolved"`},
	{"tiers do not wait for their time", "incident/people.go",
		`return published || !now.Before(i.dueAt(tier))`,
		`return published || !now.Before(i.reached(tier).Add(tier.Hold))`},
	{"what depends on a broken service is alerted apart", "incident/cause.go",
		`return cause.IsOutage() || cause == monitor.DegradedPerf && effect == monitor.DegradedPerf`,
		`return cause == effect && cause == monitor.NotKnown`},
	{"sweep leaves incidents alone", "pipeline/sweep.go",
		`		fx, due := incident.Tick(cfg, board.Open[at], p.Now())
		if !due {`,
		`		fx, due := incident.Tick(cfg, board.Open[at], p.Now())
		if true || !due {`},
	{"votes have no deadline", "detect/tick.go",
		`case d.Vote != nil && !now.Before(d.Vote.Deadline(m)):`,
		`case d.Vote != nil && now.IsZero():`},
	{"an outage begins when it is noticed", "detect/vote.go",
		`		if out.since.IsZero() || run.First.Before(out.since) {
			out.since, out.failure = run.First, b.Failure`,
		`		if out.since.IsZero() || run.First.Before(out.since) {
			out.since, out.failure = run.First.Add(time.Minute), b.Failure`},
	{"maintenance mutes nobody", "incident/maintenance.go",
		`func (c Change) isMuted(now time.Time) bool { return now.Before(c.Muted) }`,
		`func (c Change) isMuted(now time.Time) bool { return now.IsZero() }`},
	{"a window never ends", "detect/maintenance.go",
		`|| !now.Before(s.Window.To) {`,
		`|| s.Window.To.IsZero() {`},
	{"maintenance counts as downtime", "uptime/timeline.go",
		`	case c.excluded && c.status != monitor.NotKnown:`,
		`	case c.excluded && c.status == "":`},
	{"who heard that maintenance began does not hear that it is over", "maintenance/tell.go",
		`		case heard && r.IsOver():`,
		`		case heard && r.IsOver() && r.EndedBy != "":`},
	{"a location that was set aside stays so", "detect/sanity.go",
		`func (a Alone) IsSane() bool { return 4*a.Down <= a.Of }`,
		`func (a Alone) IsSane() bool { return 4*a.Down < 0 }`},
	{"quiet hours spare nobody", "incident/policy.go",
		`if tier.Quiet == nil || impact.AtLeast(tier.Quiet.Below) {`,
		`if tier.Quiet == nil || impact != "" {`},
	{"what quiet hours put off is sent at once", "pipeline/notify.go",
		`!now.Before(c.NotBefore) && !now.Before(c.Notification.At) &&`,
		`!now.Before(c.NotBefore) &&`},
	{"what follows something that waits does not wait for it", "pipeline/turn.go",
		`		return held[of]
	})`,
		`		return !ready(p)
	})`},
	{"what is over by now is told apart from its beginning", "pipeline/turn.go",
		`		g, to := of[lineOf(p)], &people`,
		`		g, to := group{n.Tier, n.Event == incident.EventResolved || n.Event == incident.EventRenewed, n.Event.IsMaintenance(), n.Event == incident.EventTest, ""}, &people`},
	{"a tier hears of a service that it is never to hear of", "incident/policy.go",
		`		if o.Never {
			continue`,
		`		if o.Never && tier.ID == "" {
			continue`},
	{"a service's own time for a tier is not looked at", "incident/policy.go",
		`		if o.After != nil {
			own.After = *o.After`,
		`		if o.After != nil && tier.ID == "" {
			own.After = *o.After`},
	{"each change of what flaps is told", "incident/step.go",
		`a.Cause && !unknown && !same && !a.Flapping))`,
		`a.Cause && !unknown && !same))`},
	{"what flaps is never steady again", "detect/flapping.go",
		`return !d.Flaps.IsZero() && d.Vote == nil && now.Sub(d.Since) >= m.Flapping.Within`,
		`return !d.Flaps.IsZero() && d.Vote == nil && now.IsZero()`},
	{"a monitor in the shadow counts", "detect/service.go",
		`return !m.Shadow`,
		`return !m.Shadow || m.ID != ""`},
	{"an incident does not wait for old DNS answers", "incident/drain.go",
		`	case inc.Drain.After(s.now):`,
		`	case inc.Drain.After(s.now) && inc.Manual:`},
	{"the public is told by the time of what it does not see", "incident/seen.go",
		`	if !tier.Public || i.Seen == nil {`,
		`	if !tier.Public || i.Seen == nil || i.Manual == i.Manual {`},
	{"the public does not hear that what it sees works", "incident/seen.go",
		`	return !at.IsZero() && (told.Calm || !now.Before(at))`,
		`	return !at.IsZero() && told.Calm`},
	{"what waits for old DNS answers is never over", "incident/drain.go",
		`return inc.State == Draining && !now.Before(drainEnd(cfg, inc))`,
		`return inc.State == Draining && inc.Manual && !now.Before(drainEnd(cfg, inc))`},
	{"what breaks again while it waits for old DNS answers is not open", "incident/step.go",
		`		inc.State, inc.Phase = Open, Investigating
	}
	if inc.Detail == ""`,
		`		inc.Phase = Investigating
	}
	if inc.Detail == ""`},
	{"services that break at one address are told apart", "incident/together.go",
		`	if !c.Status.IsOutage() || len(c.Shared) == 0 {`,
		`	if c.Status != monitor.NotKnown {`},
	{"the list of open incidents is written without its condition", "store/incident.go",
		`b.add(put(openKey, "open", board.Version, openList{open}))`,
		`b.add(always(put(openKey, "open", board.Version, openList{open})))`},
}

// patched returns the source with the bug in it.
func (m mutation) patched(t *testing.T) (path, text string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", filepath.FromSlash(m.file)))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s holds what is to be patched %d times: bring the mutation up to date:\n%s", m.file, n, m.old)
	}
	return path, strings.Replace(string(source), m.old, m.new, 1)
}

// TestMutations builds the simulator with each deliberate bug in it, without a line
// of shipped code knowing, and sees that seeds find it. Without -mutations it only
// sees that the bugs still fit the sources, and compile.
func TestMutations(t *testing.T) {
	for _, m := range bugs {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			path, text := m.patched(t)
			dir := t.TempDir()
			replacement, overlay, binary := filepath.Join(dir, "patched.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "sim.test")
			if err := os.WriteFile(replacement, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{path: replacement}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, replaced, 0o600); err != nil {
				t.Fatal(err)
			}
			if *mutations == 0 {
				t.Parallel()
				if out, err := exec.Command("go", "build", "-overlay", overlay, filepath.Dir(path)).CombinedOutput(); err != nil {
					t.Fatalf("the bug does not compile: bring the mutation up to date: %v\n%s", err, out)
				}
				return
			}
			if out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
				t.Fatalf("the bug does not compile: %v\n%s", err, out)
			}
			play := func(first, seeds int) ([]byte, error) {
				return exec.Command(binary, "-test.run", "^TestSeeds$", "-seed", strconv.Itoa(first), "-seeds", strconv.Itoa(seeds), "-shrink=false").CombinedOutput()
			}
			var out []byte
			err = nil
			if at := late[m.name]; at != 0 && at <= *mutations {
				out, err = play(at, 1)
			}
			if err == nil {
				out, err = play(1, *mutations)
			}
			if err == nil {
				t.Fatalf("%d seeds do not find it", *mutations)
			}
			first, _, _ := strings.Cut(string(out), "\n")
			_, rest, _ := strings.Cut(string(out), "seed ")
			found, _, _ := strings.Cut(rest, "\n")
			if found == "" {
				t.Fatalf("it failed otherwise: %s\n%s", first, out)
			}
			t.Logf("found by seed %s", found)
		})
	}
}
