package functions_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sondehq/sonde/internal/cloud/platformtest"
	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

var emulators = flag.Bool("emulators", false, "run the whole system on AWS's emulators (make emulators)")

const home = "eu-west-1"

// platform is shared by all scenarios: one DynamoDB Local, one moto.
var platform = struct {
	sync.Once
	p *platformtest.Platform
}{}

// system is the project's template, deployed, with targets that can break.
type system struct {
	t       *testing.T
	stack   *platformtest.Stack
	store   *store.Store
	raw     *dynamodb.Client
	table   string
	cfg     *monitor.Config
	version int64
	targets map[string]*target
	far     map[monitor.Location]*platformtest.Stack // the other locations
}

// policyYAML is what the scenarios watch: two balancers of which one must be
// up, an application behind them, and three tiers.
const policyYAML = `
site: {name: Intervals, time_zone: America/Los_Angeles}
defaults: {every: 5s, timeout: 2s, confirm: 2, recover: 2, recheck: 1s, private: true}
monitors:
  - {id: lb-primary, http: %s, expect: [status == 200], confirm: 3} # the application is confirmed first, and waits
  - {id: lb-secondary, http: %s, expect: [status == 200], confirm: 3}
  - {id: app, http: %s, expect: [status == 200]}
services:
  - {id: balancers, name: Load balancers, monitors: [lb-primary, lb-secondary], needs: 1}
  - {id: app, name: Web application, monitors: [app], depends_on: [balancers]}
tiers:
  - {id: oncall, impact: minor}
  - {id: administrators, after: 4s, impact: major}
  - {id: customers, after: 8s, impact: major, public: true}
`

func newSystem(t *testing.T, opts platformtest.Options, others ...platformtest.Options) *system {
	t.Helper()
	return newSystemOf(t, "", opts, others...)
}

// newSystemOf is newSystem with a configuration of its own.
func newSystemOf(t *testing.T, policy string, opts platformtest.Options, others ...platformtest.Options) *system {
	t.Helper()
	return newSystemIn(t, monitor.Operational, policy, opts, others...)
}

// newSystemIn is newSystemOf for one that begins with all services in another
// status.
func newSystemIn(t *testing.T, status monitor.Status, policy string, opts platformtest.Options, others ...platformtest.Options) *system {
	t.Helper()
	if !*emulators {
		t.Skip("run with -emulators (make emulators)")
	}
	t.Parallel()
	opts.Region, opts.Template = home, "template.yaml"
	opts.Name = "sonde-" + t.Name()[strings.Index(t.Name(), "/")+1:]
	if opts.Beat == nil {
		opts.Beat = map[string]time.Duration{"SweepFunction": 2 * time.Second, "RollupFunction": 10 * time.Second}
	}
	if opts.Visibility == 0 {
		opts.Visibility = 4 * time.Second
	}
	s := &system{t: t, targets: map[string]*target{}, table: opts.Name + "-Table", far: map[monitor.Location]*platformtest.Stack{}}
	for _, name := range []string{"lb-primary", "lb-secondary", "app"} {
		s.targets[name] = newTarget(t)
	}
	s.raw = dynamotest.Client(t)
	s.stack = platform.p.Deploy(t, opts)
	t.Cleanup(func() { actions.add(s.stack.Unused()) })
	s.store = store.New(dynamo.New(s.raw, s.table, now), now)
	if policy == "" {
		policy = fmt.Sprintf(policyYAML, s.targets["lb-primary"].url, s.targets["lb-secondary"].url, s.targets["app"].url)
	}
	locations := home
	for _, other := range others {
		other.Name, other.Template, other.Visibility = opts.Name, "infra/location.yaml", opts.Visibility
		other.Parameters = map[string]string{"HomeRegion": home, "TableName": s.table}
		locations += ", " + other.Region
		s.far[monitor.Location(other.Region)] = platform.p.Deploy(t, other)
	}
	s.apply("locations: [" + locations + "]\n" + policy)
	s.stack.Start()
	for _, stack := range s.far {
		stack.Start()
	}
	s.await("all services "+string(status), time.Minute, func() bool { return s.all(status) })
	return s
}

// apply puts a configuration in force.
func (s *system) apply(yaml string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cfg, err := config.Read(path, config.Options{Home: home})
	if err != nil {
		s.t.Fatal(err)
	}
	if s.cfg, err = s.store.PutConfig(context.Background(), cfg, s.version, "test"); err != nil {
		s.t.Fatal(err)
	}
	s.version = s.cfg.Version
}

// await waits until something is so.
func (s *system) await(what string, limit time.Duration, so func() bool) {
	s.t.Helper()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for end := now().Add(limit); now().Before(end); <-ticker.C {
		if so() {
			return
		}
	}
	s.t.Fatalf("not within %s: %s\n%s", limit, what, s.describe())
}

func (s *system) describe() string {
	var b strings.Builder
	for _, svc := range s.cfg.Services {
		state, err := s.store.State(context.Background(), svc.ID)
		_, _ = fmt.Fprintf(&b, "%s: %s alive %d of %d, %v\n", svc.ID, state.Status, state.Alive, state.Total, err)
	}
	for _, inc := range s.incidents() {
		_, _ = fmt.Fprintf(&b, "incident %s %s %s opened %s\n", inc.ID, inc.State, inc.Impact, inc.Opened)
	}
	outbox, err := s.store.Outbox(context.Background(), 100)
	_, _ = fmt.Fprintf(&b, "outbox %d %v\n", len(outbox), err)
	batches, err := s.store.Batches(context.Background(), 0, now().Add(-time.Hour), now().Add(time.Hour))
	_, _ = fmt.Fprintf(&b, "%d batches written %v, %d wait in the queue\n", len(batches), err, s.stack.QueueDepth("ProbeQueue"))
	for _, tier := range tiers {
		for _, m := range s.stack.Mail(topicOf(tier)) {
			_, _ = fmt.Fprintf(&b, "%s %s: %s\n", m.At.Format(time.TimeOnly), tier, m.Subject)
		}
	}
	return b.String()
}

func (s *system) status(id monitor.ServiceID) monitor.Status {
	state, err := s.store.State(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return state.Status
}

func (s *system) all(status monitor.Status) bool {
	return !slices.ContainsFunc(s.cfg.Services, func(svc monitor.Service) bool { return s.status(svc.ID) != status })
}

// incidents are all incidents, with what is in them.
func (s *system) incidents() (all []incident.Incident) {
	listed, err := s.store.Incidents(context.Background(), now().Add(-time.Hour), now().Add(time.Minute), 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range listed {
		inc, _, err := s.store.Incident(context.Background(), l.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, inc)
	}
	return all
}

var tiers = []monitor.TierID{"oncall", "administrators", "customers"}

func topicOf(tier monitor.TierID) string {
	return strings.ToUpper(string(tier[:1])) + string(tier[1:]) + "Topic"
}

// told are the beginnings, escalations and ends that reached a tier, in order, by
// the bodies that machines get. Updates and reminders are text for all.
func (s *system) told(tier monitor.TierID) (all []incident.Notification) {
	s.t.Helper()
	for _, m := range s.stack.Mail(topicOf(tier)) {
		if !strings.HasPrefix(m.Message, "{") {
			continue
		}
		var body struct {
			Sonde struct{ Notifications []incident.Notification } `json:"sonde"`
		}
		if err := json.Unmarshal([]byte(m.Message), &body); err != nil || len(body.Sonde.Notifications) == 0 {
			s.t.Fatalf("a message to %s is no alarm: %v\n%s", tier, err, m.Message)
		}
		all = append(all, body.Sonde.Notifications...)
	}
	return all
}

// arrived reports whether what SNS took under an id has reached a tier, also as
// text only, such as an update when the cause has moved.
func (s *system) arrived(tier monitor.TierID, carrier string) bool {
	return slices.ContainsFunc(s.stack.Mail(topicOf(tier)), func(m platformtest.Mail) bool { return m.ID == carrier })
}

func (s *system) heard(tier monitor.TierID, event incident.Event) bool {
	return slices.ContainsFunc(s.told(tier), func(n incident.Notification) bool { return n.Event == event })
}

// breakBoth kills both balancers and, with them, the application.
func (s *system) breakBoth() {
	for _, t := range s.targets {
		t.down()
	}
}

func (s *system) mend() {
	for _, t := range s.targets {
		t.up(s.t)
	}
}

// outage breaks and mends everything, and waits until everybody has heard both.
func (s *system) outage() {
	s.t.Helper()
	s.breakBoth()
	s.await("customers hear of the outage", 90*time.Second, func() bool { return s.heard("customers", incident.EventOpened) })
	s.mend()
	s.over()
}

// over waits for the end of an outage.
func (s *system) over() {
	s.t.Helper()
	s.await("customers hear of the end", 2*time.Minute, func() bool { return s.heard("customers", incident.EventResolved) })
	s.await("all services operational, and no incident open", time.Minute, func() bool {
		board, err := s.store.Board(context.Background())
		return err == nil && len(board.Open) == 0 && s.all(monitor.Operational)
	})
	s.await("everybody has heard", time.Minute, func() bool {
		outbox, err := s.store.Outbox(context.Background(), 100)
		return err == nil && len(outbox) == 0
	})
}

// expected is what must hold after a scenario.
type expected struct {
	incidents  int
	twice      int  // how many notifications may have been told twice
	setAside   bool // stream records were set aside
	batches    int  // batches that may have been set aside
	replayable bool
}

// check is the invariants: no notification lost, none doubled beyond what is
// explained, one incident an outage, state equal to a replay of the results,
// nothing set aside that is in order.
func (s *system) check(want expected) {
	s.t.Helper()
	ctx := context.Background()
	incidents := s.incidents()
	if len(incidents) != want.incidents {
		s.t.Errorf("%d incidents, want %d\n%s", len(incidents), want.incidents, s.describe())
	}
	told := map[string]int{}
	for _, tier := range tiers {
		for _, n := range s.told(tier) {
			told[n.ID]++
		}
	}
	twice := 0
	for id, n := range told {
		if n > 1 {
			twice += n - 1
			s.t.Logf("told %d times: %s", n, id)
		}
	}
	if twice > want.twice {
		s.t.Errorf("%d notifications were told again, want at most %d", twice, want.twice)
	}
	for _, inc := range incidents {
		if inc.State != incident.Resolved {
			s.t.Errorf("incident %s is %s", inc.ID, inc.State)
		}
		receipts, err := s.store.Receipts(ctx, inc.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		opened, resolved := map[monitor.TierID]int{}, map[monitor.TierID]int{}
		for _, r := range receipts {
			if told[r.Notification] == 0 && !s.arrived(r.Tier, r.Carrier) {
				s.t.Errorf("%s has a receipt and reached nobody", r.Notification)
			}
			switch incident.Event(r.Event) {
			case incident.EventOpened:
				opened[r.Tier]++
			case incident.EventResolved:
				resolved[r.Tier]++
			}
		}
		for _, tier := range tiers {
			due := tier == "oncall" || inc.Worst.AtLeast(monitor.ImpactMajor)
			if opened[tier] != resolved[tier] || due != (opened[tier] == 1) {
				s.t.Errorf("incident %s: %s heard of %d beginnings and %d ends", inc.ID, tier, opened[tier], resolved[tier])
			}
		}
	}
	if n := s.stack.QueueDepth("StreamFailures"); n > 0 != want.setAside {
		s.t.Errorf("%d stream records were set aside; to be so: %t", n, want.setAside)
	}
	if n := s.stack.QueueDepth("ProbeFailures"); n > want.batches {
		s.t.Errorf("%d batches were set aside, want at most %d", n, want.batches)
	}
	if want.replayable {
		s.replay()
	}
}

// replay runs the stored results through the stages on a virtual clock, and
// compares what comes out.
func (s *system) replay() {
	s.t.Helper()
	ctx := context.Background()
	// The last results may have been counted in another order than they are in
	// here: some more settle it.
	since := now()
	s.await("two more batches", time.Minute, func() bool {
		n := 0
		for _, b := range s.batches() {
			if b.Scheduled.After(since) && b.Location == home {
				n++
			}
		}
		return n >= 2
	})
	batches := s.batches()
	slices.SortStableFunc(batches, func(a, b store.Batch) int { return a.Finished.Compare(b.Finished) })
	clock := batches[0].Finished
	virtual := func() time.Time { return clock }
	db, err := bolt.Open(filepath.Join(s.t.TempDir(), "replay"), virtual, bolt.NoSync())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	again := store.New(db, virtual)
	if _, err := again.PutConfig(ctx, s.cfg, 0, "replay"); err != nil {
		s.t.Fatal(err)
	}
	stages := pipeline.New(pipeline.Deps{Store: again, Now: virtual, Location: home, Queue: nowhere{}, Fresh: time.Minute})
	for _, b := range batches {
		clock = b.Finished
		if err := stages.Detect(ctx, []store.Batch{b}); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, svc := range s.cfg.Services {
		live, err := s.store.State(ctx, svc.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		replayed, err := again.State(ctx, svc.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		if live.Status != replayed.Status || live.Alive != replayed.Alive || live.Total != replayed.Total {
			s.t.Errorf("%s is %s (%d of %d), its results replayed say %s (%d of %d)", svc.ID,
				live.Status, live.Alive, live.Total, replayed.Status, replayed.Alive, replayed.Total)
		}
		for id, d := range live.Details {
			if r := replayed.Details[id]; r.Settled != d.Settled {
				s.t.Errorf("%s is %s, its results replayed say %s", id, d.Settled, r.Settled)
			}
		}
	}
}

type nowhere struct{}

func (nowhere) Send(context.Context, []schedule.Batch) error { return nil }

// target is an HTTP server whose port can be closed.
type target struct {
	address, url string
	mu           sync.Mutex
	server       *http.Server
}

// hostAddress is an address of this machine that is not loopback: in Lambda
// loopback is forbidden to every monitor.
func hostAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, is := a.(*net.IPNet); is && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address besides loopback: add one, such as `ip address add 10.255.255.1/32 dev lo`")
	return ""
}

func newTarget(t *testing.T) *target {
	t.Helper()
	tg := &target{address: net.JoinHostPort(hostAddress(t), "0")}
	tg.up(t)
	tg.url = "http://" + tg.address + "/health"
	t.Cleanup(tg.down)
	return tg
}

func (g *target) up(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.server != nil {
		return
	}
	l, err := net.Listen("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	g.address = l.Addr().String()
	g.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) }), ReadHeaderTimeout: time.Minute}
	go func(server *http.Server) { _ = server.Serve(l) }(g.server)
}

func (g *target) down() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.server != nil {
		_ = g.server.Close()
		g.server = nil
	}
}

// TestSystem runs the scenarios of the whole system side by side.
func TestSystem(t *testing.T) {
	if !*emulators {
		t.Skip("run with -emulators (make emulators)")
	}
	platform.p = platformtest.New(t, "..")
	if !strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		t.Cleanup(func() { actions.check(t) }) // after all of them
	}
	for _, scenario := range []struct { // those that last longest first
		name string
		test func(*testing.T)
	}{
		{"configured", testConfigured}, {"healthy-wide", testHealthyWide}, {"newer", testNewer}, {"healthy", testHealthy}, {"throttled", testThrottled},
		{"notify-dies", testNotifyDies}, {"skewed", testSkewed}, {"sns-fails", testSNSFails}, {"schedules-fail", testSchedulesFail}, {"waits", testWaits},
		{"notify-fails", testNotifyFails}, {"outage", testOutage}, {"silent", testSilent}, {"poison", testPoison}, {"copied", testCopied},
		{"duplicates", testDuplicates}, {"conflicts", testConflicts}, {"probe-dies", testProbeDies}, {"secret", testSecret}, {"subscribed", testSubscribed},
	} {
		t.Run(scenario.name, scenario.test)
	}
}

// used collects which actions that the policies allow were never needed, in any
// scenario.
type used struct {
	mu     sync.Mutex
	unused map[string][]string
}

var actions = &used{unused: map[string][]string{}}

func (u *used) add(unused map[string][]string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for function, now := range unused {
		before, known := u.unused[function]
		if !known {
			u.unused[function] = now
			continue
		}
		u.unused[function] = slices.DeleteFunc(before, func(action string) bool { return !slices.Contains(now, action) })
	}
}

// elsewhere are actions that no scenario needs, and why they are allowed.
var elsewhere = map[string][]string{
	"DetectFunction": {"dynamodb:DeleteItem"}, // moves an incident that a cause dates back in the list (store.IncidentOps)
}

func (u *used) check(t *testing.T) {
	for function, left := range u.unused {
		left = slices.DeleteFunc(left, func(action string) bool { return slices.Contains(elsewhere[function], action) })
		if len(left) > 0 {
			t.Errorf("%s: its policy allows what no scenario needed: %v", function, left)
		}
	}
}

// An outage and its end, with nothing wrong in between.
func testOutage(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	s.outage()
	s.check(expected{incidents: 1, replayable: true})
	s.page()
	s.rehearse()
}

// rehearse sends a test to the tiers that are not public, and waits until who is
// subscribed has been asked: moto always says that nobody is.
func (s *system) rehearse() {
	s.t.Helper()
	ctx := context.Background()
	stages := pipeline.New(pipeline.Deps{Store: s.store, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err := stages.Rehearse(ctx, s.cfg, store.Rehearsal{At: now(), By: "test"}, nil, store.Rehearsal{}, 0); err != nil {
		s.t.Fatal(err)
	}
	s.await("the tests are sent, and SNS was asked who hears them", time.Minute, func() bool {
		last, _, err := s.store.Rehearsal(ctx)
		if err != nil {
			return false
		}
		reached, err := s.store.Reached(ctx, last)
		return err == nil && len(reached) == 2 && !slices.ContainsFunc(reached, func(r store.Reached) bool { return r.Sent.IsZero() || !r.Asked })
	})
}

// page asks the API for what a browser asks, and pings a heartbeat.
func (s *system) page() {
	s.t.Helper()
	ctx := context.Background()
	token, err := s.store.NewToken(ctx, "backup")
	if err != nil {
		s.t.Fatal(err)
	}
	const gone = "/api/v1/incidents/aaaaaaaaaaaa" // looked for among those that have left the snapshot
	for path, want := range map[string]string{
		gone: "there is no incident", "/": "Intervals", "/api/v1/status": "Load balancers", "/ping/" + token: "", "/healthz": "",
		"/api/v2/summary.json": "Load balancers", "/docs": "/api/v1/status",
		"/api/v1/monitors/lb-primary/results?hours=3": "lb-primary", "/api/v1/services/balancers/uptime?window=" + time.Now().UTC().Format("2006-01"): "balancers",
	} {
		path, query, _ := strings.Cut(path, "?")
		status := http.StatusOK
		if path == gone {
			status = http.StatusNotFound
		}
		event, err := json.Marshal(events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, RawQueryString: query, RequestContext: events.APIGatewayV2HTTPRequestContext{
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodGet, Path: path},
		}})
		if err != nil {
			s.t.Fatal(err)
		}
		answer, err := s.stack.Invoke("ApiFunction", event)
		if err != nil {
			s.t.Fatal(err)
		}
		var out events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(answer, &out); err != nil || out.StatusCode != status || !strings.Contains(out.Body, want) {
			s.t.Errorf("%s: %d %v, want %q in\n%.300s", path, out.StatusCode, err, want, out.Body)
		}
	}
	if ping, err := s.store.LastPing(ctx, "backup"); err != nil || ping.At.IsZero() {
		s.t.Errorf("ping: %+v, %v", ping, err)
	}
}

// Stream records come twice, shuffled, and apart from those of their
// transaction: only the records of one item keep their order.
func testDuplicates(t *testing.T) {
	s := newSystem(t, platformtest.Options{Stream: shuffled(1)})
	s.outage()
	s.check(expected{incidents: 1, replayable: true})
}

func shuffled(seed uint64) platformtest.Mangle {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, seed))
	return func(_ string, records []platformtest.Record) (plan []platformtest.Together) {
		mu.Lock()
		defer mu.Unlock()
		byItem := map[string][]platformtest.Record{}
		var turns []string
		for _, r := range append(slices.Clone(records), records...) {
			byItem[r.Key()] = append(byItem[r.Key()], r)
			turns = append(turns, r.Key())
		}
		random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		var batch []platformtest.Record
		for _, key := range turns {
			batch = append(batch, byItem[key][0])
			byItem[key] = byItem[key][1:]
			if random.IntN(3) == 0 {
				plan, batch = append(plan, platformtest.Together{batch}), nil
			}
		}
		return append(plan, platformtest.Together{batch})
	}
}

// Records that nobody can read stand between the others.
func testPoison(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	s.breakBoth()
	text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	for i, kind := range []string{"batch", "notification"} {
		pk := []string{"BATCH#000", "OUTBOX"}[i]
		if _, err := s.raw.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: map[string]types.AttributeValue{
			"pk": text(pk), "sk": text(now().Format("2006-01-02T15:04:05.000Z") + "#poison"), "kind": text(kind), "version": &types.AttributeValueMemberN{Value: "1"},
			"notification": text("this is none"), "failures": text("nor is this"),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	s.await("customers hear of the outage", 90*time.Second, func() bool { return s.heard("customers", incident.EventOpened) })
	s.mend()
	s.over()
	asides, err := s.store.Asides(context.Background(), 10)
	if err != nil || len(asides) != 2 {
		t.Errorf("set aside: %+v, %v, want both", asides, err)
	}
	s.check(expected{incidents: 1, replayable: true})
}

// The probe dies in the middle of batches: before it writes, and after.
func testProbeDies(t *testing.T) {
	var calls atomic.Int64
	s := newSystem(t, platformtest.Options{Fault: func(c platformtest.Call) platformtest.Verdict {
		if c.Function == "ProbeFunction" && c.Operation == "PutItem" {
			switch calls.Add(1) % 6 {
			case 2:
				return platformtest.Verdict{Kill: true}
			case 5:
				return platformtest.Verdict{Kill: true, After: true}
			}
		}
		return platformtest.Verdict{}
	}})
	s.outage()
	if calls.Load() < 6 {
		t.Errorf("only %d batches were written: the probe hardly died", calls.Load())
	}
	// A batch whose probe died three times is set aside; the next ones come.
	s.check(expected{incidents: 1, batches: 3, replayable: true})
}

// Notify dies after SNS has taken a message and before the receipt is written:
// the one case in which a message may come twice.
func testNotifyDies(t *testing.T) {
	var died atomic.Int64
	s := newSystem(t, platformtest.Options{Fault: func(c platformtest.Call) platformtest.Verdict {
		if c.Function == "NotifyFunction" && c.Operation == "Publish" && died.Add(1) == 1 {
			return platformtest.Verdict{Kill: true, After: true}
		}
		return platformtest.Verdict{}
	}})
	s.outage()
	if died.Load() == 0 {
		t.Error("notify never published")
	}
	s.check(expected{incidents: 1, twice: 1, replayable: true})
}

// SNS fails while tiers become due, and takes everything when it is back.
func testSNSFails(t *testing.T) {
	var failing atomic.Bool
	var refused atomic.Int64
	failing.Store(true)
	s := newSystem(t, platformtest.Options{Fault: func(c platformtest.Call) platformtest.Verdict {
		if c.Service == "sns" && failing.Load() {
			refused.Add(1)
			return platformtest.Verdict{Error: "InternalError"}
		}
		return platformtest.Verdict{}
	}})
	s.breakBoth()
	s.await("SNS has refused all three tiers", 2*time.Minute, func() bool {
		outbox, err := s.store.Outbox(context.Background(), 10)
		return err == nil && len(outbox) == 3 && !slices.ContainsFunc(outbox, func(p store.Pending) bool { return p.LastError == "" })
	})
	failing.Store(false)
	s.await("customers hear of the outage", 2*time.Minute, func() bool { return s.heard("customers", incident.EventOpened) })
	s.mend()
	s.over()
	s.check(expected{incidents: 1, replayable: true})
}

// DynamoDB throttles every third call for as long as the outage lasts.
func testThrottled(t *testing.T) {
	var calls, throttled atomic.Int64
	s := newSystem(t, platformtest.Options{})
	s.stack.SetFault(func(c platformtest.Call) platformtest.Verdict {
		if c.Service == "dynamodb" && calls.Add(1)%3 == 0 {
			throttled.Add(1)
			return platformtest.Verdict{Error: "ThrottlingException"}
		}
		return platformtest.Verdict{}
	})
	s.outage()
	t.Logf("%d of %d calls were throttled", throttled.Load(), calls.Load())
	s.check(expected{incidents: 1, replayable: true})
}

// Two detects work on the same records at the same time.
func testConflicts(t *testing.T) {
	s := newSystem(t, platformtest.Options{Stream: func(_ string, records []platformtest.Record) (plan []platformtest.Together) {
		for batch := range slices.Chunk(records, 10) {
			plan = append(plan, platformtest.Together{batch, batch})
		}
		return plan
	}})
	s.outage()
	s.check(expected{incidents: 1, replayable: true})
}

// A new configuration comes in the middle of an outage: it adds a monitor and
// takes one away.
func testConfigured(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	s.breakBoth()
	s.await("on-call hears of the outage", time.Minute, func() bool { return s.heard("oncall", incident.EventOpened) })
	other := newTarget(t)
	text := fmt.Sprintf(policyYAML, s.targets["lb-primary"].url, s.targets["lb-secondary"].url, s.targets["app"].url)
	text = strings.Replace(text, "services:\n", "  - {id: shop, http: "+other.url+"}\nservices:\n  - {id: shop, name: Shop, monitors: [shop]}\n", 1)
	text = strings.Replace(text, "monitors: [lb-primary, lb-secondary]", "monitors: [lb-primary]", 1)
	text = strings.Replace(text, "  - {id: lb-secondary, http: "+s.targets["lb-secondary"].url+", expect: [status == 200], confirm: 3}\n", "", 1)
	s.apply(text)
	s.await("the new monitor is checked", 2*time.Minute, func() bool { return s.status("shop") == monitor.Operational })
	s.await("customers hear of the outage", 90*time.Second, func() bool { return s.heard("customers", incident.EventOpened) })
	s.mend()
	s.over()
	s.check(expected{incidents: 1, replayable: true})
}

// A configuration comes that only a newer program can read: the one before it
// stays in force.
func testNewer(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "CONFIG"}, "sk": &types.AttributeValueMemberS{Value: "CURRENT"}}
	if _, err := s.raw.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: aws.String(s.table), Key: key, UpdateExpression: aws.String("SET form = :form, version = :next, #number = :next"),
		ExpressionAttributeNames: map[string]string{"#number": "number"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":form": &types.AttributeValueMemberN{Value: "99"}, ":next": &types.AttributeValueMemberN{Value: "2"},
		},
	}); err != nil {
		t.Fatal(err)
	}
	s.await("it is set aside", 2*time.Minute, func() bool {
		asides, err := s.store.Asides(context.Background(), 10)
		return err == nil && len(asides) == 1 && strings.Contains(asides[0].Reason, "form 99")
	})
	s.await("the location and the probe have met it", 2*time.Minute, func() bool {
		return s.stack.Usage("DispatchFunction")["dynamodb Query"] > 0 && s.stack.Usage("ProbeFunction")["dynamodb Query"] > 0
	})
	s.outage()
	s.check(expected{incidents: 1, replayable: true})
}

// The application breaks while one balancer is out: it waits until it is known
// that the balancers are not the cause, and has an incident of its own then.
func testWaits(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	s.targets["lb-primary"].down()
	s.await("on-call hears of the lost redundancy", time.Minute, func() bool { return s.heard("oncall", incident.EventOpened) })
	s.targets["app"].down()
	s.await("customers hear of the application", time.Minute, func() bool { return s.heard("customers", incident.EventOpened) })
	s.mend()
	s.over()
	s.check(expected{incidents: 2, replayable: true})
}

// The table fails for notify alone, until Lambda gives its records up: sweep
// delivers what stands in the outbox.
func testNotifyFails(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	s.stack.SetFault(func(c platformtest.Call) platformtest.Verdict {
		if c.Function == "NotifyFunction" && c.Service == "dynamodb" {
			return platformtest.Verdict{Error: "AccessDeniedException"}
		}
		return platformtest.Verdict{}
	})
	s.outage()
	s.await("the records of the outbox are set aside", 2*time.Minute, func() bool { return s.stack.QueueDepth("StreamFailures") > 0 })
	s.check(expected{incidents: 1, setAside: true, replayable: true})
	s.rehearse()
}

// One of three locations falls silent before the outage: the others decide.
func testSilent(t *testing.T) {
	s := newSystem(t, platformtest.Options{}, platformtest.Options{Region: "us-east-1"}, platformtest.Options{Region: "us-west-2"})
	s.await("all locations have checked", 90*time.Second, func() bool {
		locations := map[monitor.Location]bool{}
		for _, b := range s.batches() {
			locations[b.Location] = true
		}
		return len(locations) == 3
	})
	s.far["us-west-2"].SetFault(func(c platformtest.Call) platformtest.Verdict {
		return platformtest.Verdict{Error: "InternalServerError"}
	})
	s.outage()
	asked := false
	for _, b := range s.batches() {
		asked = asked || b.Location == "us-east-1" && b.Attempt > 0
	}
	if !asked {
		t.Error("no re-check was made in another Region")
	}
	s.check(expected{incidents: 1, replayable: true})
}

// The clocks of two locations are wrong, by two minutes to either side.
func testSkewed(t *testing.T) {
	skewed := func(by string) string {
		return platform.p.Build(t, map[string]string{"internal/cloud/clock.go": "package cloud\n\nimport \"time\"\n\n" +
			"func now() time.Time { return time.Now().UTC().Add(" + by + ") }\n"})
	}
	s := newSystem(t, platformtest.Options{},
		platformtest.Options{Region: "us-east-1", Binaries: skewed("2 * time.Minute")},
		platformtest.Options{Region: "us-west-2", Binaries: skewed("-2 * time.Minute")})
	s.outage()
	s.check(expected{incidents: 1, replayable: true})
}

// batches are all results so far.
func (s *system) batches() (all []store.Batch) {
	s.t.Helper()
	for shard := range s.cfg.Shards() {
		of, err := s.store.Batches(context.Background(), shard, now().Add(-time.Hour), now().Add(10*time.Minute))
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, of...)
	}
	return all
}

// Sweep and rollup fail for a while: their calls are set aside, and the next
// ones make up for them.
func testSchedulesFail(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	s.stack.SetFault(func(c platformtest.Call) platformtest.Verdict {
		if c.Function == "SweepFunction" || c.Function == "RollupFunction" {
			return platformtest.Verdict{Error: "AccessDeniedException"}
		}
		return platformtest.Verdict{}
	})
	s.await("their calls are set aside", 2*time.Minute, func() bool { return s.stack.QueueDepth("ScheduleFailures") > 7 }) // of rollup too: it beats five times slower
	s.stack.SetFault(nil)
	s.outage()
	s.check(expected{incidents: 1, replayable: true})
}

// A secret from Parameter Store reaches the target, which repeats it, and nothing
// else.
func testSecret(t *testing.T) {
	if !*emulators {
		t.Skip("run with -emulators (make emulators)")
	}
	const secret = "open-sesame-4711"
	l, err := net.Listen("tcp", net.JoinHostPort(hostAddress(t), "0"))
	if err != nil {
		t.Fatal(err)
	}
	var known atomic.Int64
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") == secret {
			known.Add(1)
		}
		http.Error(w, "wrong key: "+r.Header.Get("X-Key"), http.StatusForbidden)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	platform.p.PutSecret(t, home, "/sonde/key", secret)
	s := newSystemIn(t, monitor.MajorOutage, `
site: {name: Intervals}
defaults: {every: 5s, timeout: 2s, confirm: 2, recheck: 1s, private: true}
monitors:
  - {id: locked, http: {url: "http://`+l.Addr().String()+`/", headers: {X-Key: "${ssm:/sonde/key}"}}, expect: [status == 200, text contains "right"]}
services: [{id: locked, monitors: [locked]}]
tiers: [{id: oncall}]
`, platformtest.Options{})
	s.await("on-call hears of it", time.Minute, func() bool { return s.heard("oncall", incident.EventOpened) })
	if known.Load() == 0 {
		t.Error("the target never saw the secret")
	}
	for _, name := range []string{"DispatchFunction", "ProbeFunction", "DetectFunction", "NotifyFunction", "SweepFunction", "RollupFunction"} {
		if strings.Contains(s.stack.Log(name), secret) {
			t.Errorf("the log of %s holds the secret", name)
		}
	}
	for _, m := range s.stack.Mail("OncallTopic") {
		if strings.Contains(m.Subject+m.Message, secret) {
			t.Errorf("a message holds the secret: %s", m.Message)
		}
	}
	rows, err := s.raw.Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String(s.table)})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", everything(rows.Items)); strings.Contains(text, secret) || !strings.Contains(text, "wrong key") {
		t.Error("the table holds the secret, or not what the target said")
	}
}

// everything is all values of items, as Go prints them.
func everything(items []map[string]types.AttributeValue) (all []any) {
	var walk func(types.AttributeValue)
	walk = func(v types.AttributeValue) {
		switch of := v.(type) {
		case *types.AttributeValueMemberM:
			for _, e := range of.Value {
				walk(e)
			}
		case *types.AttributeValueMemberL:
			for _, e := range of.Value {
				walk(e)
			}
		case *types.AttributeValueMemberS:
			all = append(all, of.Value)
		case *types.AttributeValueMemberB:
			all = append(all, string(of.Value))
		}
	}
	for _, item := range items {
		for _, v := range item {
			walk(v)
		}
	}
	return all
}
