// Package inbox is the carrier of one machine: it keeps the latest messages of
// every tier and shows them as SNS would carry them, each e-mail with its
// subject, each SMS with its length, each machine body, or what a chat or a program
// gets instead, a column for each tier.
// Its page is for the operator of that machine, not for the public.
//
//	in := inbox.New(200, inbox.Now(clock), inbox.Print(log.Println))
//	mux.Handle("/inbox", in)
//	mux.Handle("/inbox.json", in)
//
// An Inbox may be used from several goroutines. What has been published is shown
// once it has been stored, where there is a store, and a message that comes again
// is shown again, as SNS would send it again. It leaves out files: whoever wants
// messages to outlive the process stores them (Store) and brings them back (Add).
package inbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/notify"
)

// Entry is a message that has arrived.
type Entry struct {
	At      time.Time      `json:"at"`
	Message notify.Message `json:"message"`

	Septets int `json:"sms_septets,omitempty"` // of the SMS, of notify.MaxSMS; 0 if there is none
}

// Inbox keeps the latest messages of every tier.
type Inbox struct {
	keep  int
	now   func() time.Time
	print func(line string)
	store func(Entry) error
	note  func(context.Context) []string

	mu      sync.Mutex
	fail    func(notify.Message) error
	entries []Entry // in the order of arrival, oldest first
}

var _ notify.Publisher = (*Inbox)(nil)

// Option is something that an inbox does besides.
type Option func(*Inbox)

// Now gives the inbox its clock; the system's by default.
func Now(now func() time.Time) Option { return func(i *Inbox) { i.now = now } }

// Print has a line printed for each message that is published, when it has
// arrived.
func Print(line func(string)) Option { return func(i *Inbox) { i.print = line } }

// Store has each message that is published stored before it is shown. If that
// fails, the message has not arrived and Publish returns the error.
func Store(store func(Entry) error) Option { return func(i *Inbox) { i.store = store } }

// Note has lines shown above the messages on the page, such as which tiers can be
// reached. They are asked for each time that it is shown.
func Note(lines func(context.Context) []string) Option { return func(i *Inbox) { i.note = lines } }

// New returns an inbox that keeps so many messages of each tier, at least one.
func New(keep int, options ...Option) *Inbox {
	i := &Inbox{keep: max(keep, 1), now: time.Now}
	for _, option := range options {
		option(i)
	}
	return i
}

// Fail makes Publish fail with what f returns for a message, until Fail(nil): an
// outage of the carrier, for demos and tests. A message for which f returns nil
// arrives.
func (i *Inbox) Fail(f func(notify.Message) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = f
}

// Publish implements notify.Publisher. The message has arrived when it returns
// without an error.
func (i *Inbox) Publish(ctx context.Context, m notify.Message) (string, error) {
	err := ctx.Err()
	i.mu.Lock()
	fail := i.fail
	i.mu.Unlock()
	if err == nil && fail != nil {
		err = fail(m)
	}
	e := entry(i.now(), m)
	if err == nil && i.store != nil {
		err = i.store(e)
	}
	if err != nil {
		return "", fmt.Errorf("publish to tier %s: %w", m.Tier, err)
	}
	i.add(e)
	if i.print != nil {
		i.print(line(m))
	}
	return Carrier + m.ID, nil
}

// Carrier is how the ids of messages begin that stand in the inbox of a machine and
// went nowhere else.
const Carrier = "local-"

// line is a message in a line of a log, with the forms in which it is carried.
func line(m notify.Message) string {
	forms := "e-mail"
	switch {
	case m.Chat != "":
		forms = "chat"
	case m.Program:
		forms = "machine"
	case m.SMS != "":
		forms = "e-mail, SMS"
	}
	return fmt.Sprintf("told %s: %s (%s)", m.Tier, m.Subject, forms)
}

// Add shows a message that arrived at another time, such as in an earlier run.
// It neither stores nor prints it.
func (i *Inbox) Add(at time.Time, m notify.Message) { i.add(entry(at, m)) }

func entry(at time.Time, m notify.Message) Entry {
	septets, _ := notify.GSM7(m.SMS)
	return Entry{At: at, Message: m, Septets: septets}
}

func (i *Inbox) add(e Entry) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.entries = append(i.entries, e)
	of, oldest := 0, -1
	for at, old := range i.entries {
		if old.Message.Tier != e.Message.Tier {
			continue
		}
		of++
		if oldest < 0 {
			oldest = at
		}
	}
	if of > i.keep {
		i.entries = slices.Delete(i.entries, oldest, oldest+1)
	}
}

// List returns the messages, newest first; of the same time, the last that
// arrived first.
func (i *Inbox) List() []Entry {
	i.mu.Lock()
	list := slices.Clone(i.entries)
	i.mu.Unlock()
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b Entry) int { return b.At.Compare(a.At) })
	return list
}
