package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// desk is a store in a directory, and who works with it.
type desk struct {
	t   *testing.T
	dir string
	cfg *monitor.Config
}

// newDesk has a public service, an internal one, and three tiers, in Los Angeles.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t, t.TempDir(), &monitor.Config{
		Site: monitor.Site{Name: "Shop", TimeZone: "America/Los_Angeles"}, Locations: []monitor.Location{monitor.Local},
		Monitors: []monitor.Monitor{
			{ID: "web", Service: "web", TCP: &monitor.TCP{Address: "web.example.com:443"}},
			{ID: "db", Service: "db", TCP: &monitor.TCP{Address: "db.example.com:5432"}},
		},
		Services: []monitor.Service{
			{ID: "web", Name: "Web shop", Monitors: []monitor.ID{"web"}, Needs: 1},
			{ID: "db", Name: "Core", Internal: true, Monitors: []monitor.ID{"db"}, Needs: 1},
		},
		Tiers: []monitor.Tier{
			{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor},
			{ID: "customers", Name: "Customers", Impact: monitor.ImpactMajor, Hold: time.Hour, Public: true},
		},
	}}
	d.with(func(s *store.Store) error {
		_, err := s.PutConfig(context.Background(), d.cfg, 0, "test")
		return err
	})
	return d
}

func (d *desk) with(do func(*store.Store) error) {
	d.t.Helper()
	now := func() time.Time { return time.Now().UTC() }
	db, err := bolt.Open(local.TableFile(d.dir), now)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := do(store.New(db, now)); err != nil {
		d.t.Fatal(err)
	}
}

// write commits operations that were made without an error.
func (d *desk) write(ops []table.Op, err error) {
	d.t.Helper()
	d.with(func(s *store.Store) error {
		if err != nil {
			return err
		}
		return s.Commit(context.Background(), ops...)
	})
}

// put stores an incident, as it is.
func (d *desk) put(inc incident.Incident, updates ...incident.Update) {
	d.t.Helper()
	d.write(store.IncidentOps(store.Board{}, incident.Effects{Incidents: []incident.Incident{inc}, Updates: updates}))
}

// run is `sonde incident …` with the store, and what is said on each stream.
func (d *desk) run(want int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	return d.sonde(want, append(append([]string{"incident"}, args...), "--data", d.dir)...)
}

func (d *desk) sonde(want int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	var out, messages bytes.Buffer
	if code := cli.Run(context.Background(), args, &out, &messages); code != want {
		d.t.Errorf("%v: exit %d, want %d\n%s%s", args, code, want, &out, &messages)
	}
	return out.String(), messages.String()
}

func (d *desk) says(text, want string) {
	d.t.Helper()
	if !strings.Contains(text, want) {
		d.t.Errorf("no %q in\n%s", want, text)
	}
}

// outage opens an incident of the web shop by hand, and is its id.
func (d *desk) outage() string {
	d.t.Helper()
	out, _ := d.run(cli.ExitFine, "open", "slow", "--service", "web", "--service", "web", "--impact", "major", "--text", "We look into it.")
	id, _, _ := strings.Cut(out, ":")
	return id
}

// TestTexts: what is no text, and texts from elsewhere.
func TestTexts(t *testing.T) {
	d := newDesk(t)
	_, says := d.run(cli.ExitUsage, "open", "slow", "--service", "web", "--impact", "major", "--text", "\u202e\a")
	d.says(says, "an incident needs a text for everybody")
	_, says = d.run(cli.ExitUsage, "open", "slow", "--service", "web", "--impact", "major")
	d.says(says, "give it with --text")
	_, says = d.run(cli.ExitUsage, "open", "\x1b\u200b", "--service", "web", "--impact", "major", "--text", "x")
	d.says(says, "an incident needs a title")
	d.outage()
	for _, empty := range []string{"", "  \n", "\x1b\a\x7f", "\u202e\u200b", "\u0085"} {
		_, says := d.run(cli.ExitUsage, "update", empty)
		d.says(says, "an update needs a text")
		_, says = d.run(cli.ExitUsage, "decline", "--reason", empty)
		d.says(says, "declining needs a reason")
	}
	_, says = d.run(cli.ExitUsage, "update", strings.Repeat("ä", 4001))
	d.says(says, "the text has 4001 characters: 4000 at most")
	d.run(cli.ExitFine, "update", strings.Repeat("ä", 4000))
	_, says = d.run(cli.ExitUsage, "update", "\xff\xfe")
	d.says(says, "the text is not UTF-8")
	for _, args := range [][]string{{"update", "--", "-text", "--data", d.dir}, {"update", "-text", "--data", d.dir}} {
		_, says := d.sonde(cli.ExitUsage, append([]string{"incident"}, args...)...)
		d.says(says, `flags before it: sonde incident update --next 30m -- "-text"`)
	}
	d.sonde(cli.ExitFine, "incident", "update", "--data", d.dir, "--", "-10 °C in the server room")
	d.stdin("From a file:\nit goes on.\n")
	d.run(cli.ExitFine, "update", "-")
	d.stdin(strings.Repeat("ä", 9000))
	_, says = d.run(cli.ExitUsage, "update", "-")
	d.says(says, "more than 4000 characters")
	out, _ := d.run(cli.ExitFine, "show", "--json")
	d.says(out, `"text": "From a file:\nit goes on."`)
	d.says(out, `"text": "-10 °C in the server room"`)
	d.stdin("It works.")
	d.run(cli.ExitFine, "resolve", "--text", "-")
}

// stdin makes a text what stands on standard input.
func (d *desk) stdin(text string) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "stdin")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	f, err := os.Open(file) //nolint:gosec // just written
	if err != nil {
		d.t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = f
	d.t.Cleanup(func() { os.Stdin = before; _ = f.Close() })
}

// TestNamesInternal: who names what the public does not see, hears that it reads it.
func TestNamesInternal(t *testing.T) {
	d := newDesk(t)
	_, says := d.run(cli.ExitFine, "open", "slow", "--service", "web", "--impact", "major", "--text", "core is busy.")
	d.says(says, "the public does not see Core, and reads the text as it stands")
	for text, named := range map[string]bool{
		"The Core-router is back.": true, "«core»": true, "We restarted (db).": true, "Core": true,
		"The score is corelated with dbs.": false, "hardcore core_x": false, "Encore": false,
	} {
		_, says := d.run(cli.ExitFine, "update", text)
		if got := strings.Contains(says, "the public does not see Core"); got != named {
			t.Errorf("%q: %q", text, says)
		}
	}
	_, says = d.run(cli.ExitFine, "resolve", "--text", "The db is back.")
	d.says(says, "the public does not see Core")
}

// TestWhichIncident: every command takes the incident as --id too.
func TestWhichIncident(t *testing.T) {
	d := newDesk(t)
	id := d.outage()
	for _, args := range [][]string{{"show"}, {"postmortem"}, {"ack"}, {"update", "x"}, {"decline", "--reason", "ours"}, {"publish"}, {"resolve"}} {
		_, says := d.run(cli.ExitUsage, append(args, "--id", "nothere")...)
		d.says(says, "there is no incident nothere")
		d.run(cli.ExitFine, append(args, "--id", id)...)
	}
	_, says := d.run(cli.ExitUsage, "show", "other", "--id", id)
	d.says(says, "two incidents are named, other and "+id)
	d.run(cli.ExitFine, "show", id, "--id", id)
	_, says = d.sonde(cli.ExitUsage, "incident", "lst", "--stack", "x")
	d.says(says, "there is no command \"lst\" of sonde incident\nsonde: hint: did you mean `sonde incident list`?")
	_, says = d.sonde(cli.ExitUsage, "incident", "nothing")
	d.says(says, `there is no command "nothing" of sonde incident`)
	_, says = d.sonde(cli.ExitUsage, "incident", "--nothing")
	d.says(says, "unknown flag: --nothing")
	var shown struct{ Services []struct{ ID string } }
	out, _ := d.run(cli.ExitFine, "show", id, "--json")
	decode(t, out, &shown)
	if len(shown.Services) != 1 {
		t.Errorf("a service that was given twice: %+v", shown.Services)
	}
}

// TestResolveMeasured: what is measured to be broken is not over, whoever says so.
func TestResolveMeasured(t *testing.T) {
	d := newDesk(t)
	d.outage()
	state := detect.Service{Service: "web", Status: monitor.MajorOutage, Since: time.Now().UTC(), Total: 1}
	op, err := store.StateOp(state, 0)
	d.write([]table.Op{op}, err)
	_, says := d.run(cli.ExitUsage, "resolve")
	d.says(says, "it is not over by what is measured")
	state.Status = monitor.Operational
	op, err = store.StateOp(state, 1)
	d.write([]table.Op{op}, err)
	d.run(cli.ExitFine, "resolve")
}
