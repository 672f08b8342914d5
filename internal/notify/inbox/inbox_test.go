package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/notify/inbox"
)

var t0 = time.Date(2019, 5, 29, 1, 0, 7, 0, time.UTC)

func message(id string, tier monitor.TierID) notify.Message {
	return notify.Message{
		ID: id, Tier: tier, Subject: "ALARM: Web: outage - " + id, Email: "Web: down.\n", SMS: "DOWN: Web [€]", Machine: `{"AlarmName":"sonde/` + id + `"}`,
		Attributes: map[string]string{"event": "opened"},
	}
}

// clock gives a second more each time.
func clock() func() time.Time {
	n := 0
	return func() time.Time { n++; return t0.Add(time.Duration(n) * time.Second) }
}

func publish(t *testing.T, in *inbox.Inbox, m notify.Message) {
	t.Helper()
	if id, err := in.Publish(context.Background(), m); err != nil || id != "local-"+m.ID {
		t.Fatalf("publish %s: got %q, %v", m.ID, id, err)
	}
}

func ids(in *inbox.Inbox) (out []string) {
	for _, e := range in.List() {
		out = append(out, string(e.Message.Tier)+"/"+e.Message.ID)
	}
	return out
}

func TestKeepsTheLatestOfEachTier(t *testing.T) {
	in := inbox.New(2, inbox.Now(clock()))
	publish(t, in, message("a", "customers"))
	for i := range 4 {
		publish(t, in, message(fmt.Sprint(i), "oncall"))
	}
	if diff := cmp.Diff([]string{"oncall/3", "oncall/2", "customers/a"}, ids(in)); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
	if e := in.List()[0]; !e.At.Equal(t0.Add(5*time.Second)) || e.Septets != 16 {
		t.Errorf("at %s, %d septets", e.At, e.Septets)
	}
}

// TestAgain: what comes twice is shown twice, as SNS would send it twice.
func TestAgain(t *testing.T) {
	in := inbox.New(10)
	publish(t, in, message("a", "oncall"))
	publish(t, in, message("a", "oncall"))
	if got := len(in.List()); got != 2 {
		t.Errorf("%d messages", got)
	}
}

// TestAdd: messages of an earlier run stand where they belong.
func TestAdd(t *testing.T) {
	in := inbox.New(10, inbox.Print(func(line string) { t.Errorf("printed %q", line) }),
		inbox.Store(func(e inbox.Entry) error { t.Errorf("stored %s", e.Message.ID); return nil }))
	in.Add(t0, message("new", "oncall"))
	in.Add(t0.Add(-time.Hour), message("old", "oncall"))
	in.Add(t0, message("newest", "oncall"))
	if diff := cmp.Diff([]string{"oncall/newest", "oncall/new", "oncall/old"}, ids(in)); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

func TestPrint(t *testing.T) {
	var lines []string
	in := inbox.New(10, inbox.Print(func(line string) { lines = append(lines, line) }))
	m := message("a", "oncall")
	publish(t, in, m)
	m.SMS = ""
	publish(t, in, m)
	m.Program = true
	publish(t, in, m)
	m.Program, m.Chat = false, "{}"
	publish(t, in, m)
	want := []string{
		"told oncall: ALARM: Web: outage - a (e-mail, SMS)", "told oncall: ALARM: Web: outage - a (e-mail)",
		"told oncall: ALARM: Web: outage - a (machine)", "told oncall: ALARM: Web: outage - a (chat)",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

// TestFailures: what has not arrived is neither shown nor printed, and the
// caller knows why.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	var stored, printed []string
	var refuse error
	in := inbox.New(10, inbox.Print(func(line string) { printed = append(printed, line) }), inbox.Store(func(e inbox.Entry) error {
		stored = append(stored, e.Message.ID)
		return refuse
	}))
	in.Fail(func(m notify.Message) error {
		if m.Tier == "oncall" {
			return fmt.Errorf("%w: %w", broken, notify.ErrPermanent)
		}
		return nil
	})
	if _, err := in.Publish(context.Background(), message("a", "oncall")); !errors.Is(err, broken) || !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("failing: got %v", err)
	}
	publish(t, in, message("b", "customers"))
	in.Fail(nil)
	publish(t, in, message("c", "oncall"))
	refuse = broken
	if _, err := in.Publish(context.Background(), message("d", "oncall")); !errors.Is(err, broken) {
		t.Errorf("not stored: got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := in.Publish(ctx, message("e", "oncall")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if diff := cmp.Diff([]string{"oncall/c", "customers/b"}, ids(in)); diff != "" || len(printed) != 2 {
		t.Errorf("messages differ (-want +got):\n%s, printed %q", diff, printed)
	}
	if diff := cmp.Diff([]string{"b", "c", "d"}, stored); diff != "" {
		t.Errorf("stored differ (-want +got):\n%s", diff)
	}
}

func TestConcurrent(t *testing.T) {
	in := inbox.New(5)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if _, err := in.Publish(context.Background(), message(fmt.Sprint(i), monitor.TierID(fmt.Sprint("tier", i%2)))); err != nil {
				t.Error(err)
			}
			in.Fail(nil)
			in.List()
		})
	}
	group.Wait()
	if got := len(in.List()); got != 10 {
		t.Errorf("%d messages", got)
	}
}
