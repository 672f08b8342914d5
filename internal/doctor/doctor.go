// Package doctor judges a deployment: it takes what was found of it and says,
// line by line, what is in order, what is not, and what to do. It asks nothing
// itself; the command does.
package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Level is how a line is to be taken.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Bad     Level = "bad"
)

// Line is one thing that was looked at.
type Line struct {
	Level Level  `json:"level"`
	What  string `json:"what"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what to do about it
}

// Findings are what was found. A part that is nil was not asked for, since no
// stack was named; one with an error could not be read.
type Findings struct {
	Now        time.Time
	Stack      *Stack
	Table      Table
	Config     Config
	Topics     []Topic
	SMS        *SMS // nil: not asked for, since no subscription that was seen is for SMS
	Locations  []Location
	Queues     []Queue
	Outbox     Outbox
	SetAside   SetAside
	ServerTime time.Time // what AWS says the time is; zero: it did not say
}

// Stack is the CloudFormation stack.
type Stack struct{ Name, Status string }

// Total is how many have confirmed, by whatever protocol.
func (t Topic) Total() (n int) {
	for _, of := range t.Confirmed {
		n += of
	}
	return n
}

// IsDeserted reports whether it is known that what is published there reaches nobody.
func (t Topic) IsDeserted() bool { return t.ARN != "" && t.Err == nil && t.Total() == 0 }

// Table is the DynamoDB table.
type Table struct {
	Name, Status string
	Stream       bool
	TTL          bool
	TTLErr       error // whether rows expire could not be asked
	Missing      bool  // there is none of that name
	Err          error
}

// Config is the configuration in force.
type Config struct {
	Version int64
	Applied time.Time
	By      string
	Unread  string // why this program cannot read it; empty: it can
	Err     error
}

// Topic is the topic of a tier, or of those who run Sonde.
type Topic struct {
	Tier      string
	Public    bool           // anybody may write an address into the page, and never confirm it
	For       string         // whom: people, chat or machines; empty: not known
	ARN       string         // empty: there is none
	Confirmed map[string]int // by protocol
	Pending   int
	Err       error
}

// SMS is the account's state for text messages.
type SMS struct {
	Sandbox bool
	Limit   string // dollars a month
	Err     error
}

// Location is where checks run from.
type Location struct {
	ID       monitor.Location
	Last     time.Time     // scheduled time of the last result; zero: none yet
	Interval time.Duration // the shortest of its monitors; 0: all are paused
	Err      error         // part of what was heard could not be read
}

// Queue is a dead-letter queue.
type Queue struct {
	Name string
	N    int
	Err  error
}

// Outbox is what is not delivered.
type Outbox struct {
	N         int
	Oldest    time.Time // when the oldest was due
	LastError string
	Err       error
}

// SetAside is what could not be read.
type SetAside struct {
	N     int
	First string
	Err   error
}

// What counts as late.
const (
	patience  = 2 * time.Minute // a sweep delivers what notify did not
	clockSlip = 30 * time.Second
	schedules = 3 * time.Minute // the schedule's minute, and a sweep that notices
)

// Judge says what the findings mean, in the order in which things depend on each
// other.
func Judge(f Findings) []Line {
	lines := []Line{stack(f.Stack)}
	lines = append(lines, table(f.Table)...)
	lines = append(lines, config(f.Config, f.Now))
	for _, l := range f.Locations {
		lines = append(lines, location(l, f.Now))
	}
	if len(f.Locations) == 0 {
		lines = append(lines, Line{Warning, "locations", "not looked at: there is no configuration that can be read", ""})
	}
	if f.Stack == nil {
		lines = append(lines, Line{Warning, "topics, queues", "not looked at", "name the stack with --stack"})
	} else {
		lines = append(lines, ofStack(f)...)
	}
	return append(lines, outbox(f.Outbox, f.Now), setAside(f.SetAside), clock(f.Now, f.ServerTime))
}

// ofStack judges what only the stack's outputs name.
func ofStack(f Findings) (lines []Line) {
	lines = Paths(f)
	for _, q := range f.Queues {
		lines = append(lines, queue(q))
	}
	if len(f.Queues) == 0 {
		lines = append(lines, Line{Warning, "dead letters", "not looked at: the stack has no output that ends in FailuresUrl", "deploy the template again: an older one lacks it"})
	}
	return lines
}

// Paths judges the ways to people: topics, their subscriptions, text messages.
func Paths(f Findings) (lines []Line) {
	hidden := false
	for _, t := range f.Topics {
		lines = append(lines, topic(t)...)
		hidden = hidden || t.Err != nil
	}
	switch {
	case f.SMS != nil:
		lines = append(lines, sms(*f.SMS))
	case hidden:
		lines = append(lines, Line{Warning, "SMS", "not looked at: whether anybody gets SMS could not be asked", ""})
	}
	return lines
}

// Worst is the worst level of lines.
func Worst(lines []Line) Level {
	worst := OK
	for _, l := range lines {
		if l.Level == Bad || l.Level == Warning && worst == OK {
			worst = l.Level
		}
	}
	return worst
}

func unasked(what string, err error) Line {
	return Line{Warning, what, "could not be asked: " + err.Error(), "let these credentials read it, or ask with others"}
}

func stack(s *Stack) Line {
	switch {
	case s == nil:
		return Line{Warning, "stack", "not looked at", "name it with --stack"}
	case strings.Contains(s.Status, "ROLLBACK"), strings.Contains(s.Status, "FAILED"):
		return Line{Bad, "stack", fmt.Sprintf("%s is %s: the last deployment failed", s.Name, s.Status), "see its events: `aws cloudformation describe-stack-events`"}
	case !strings.HasSuffix(s.Status, "_COMPLETE"):
		return Line{Warning, "stack", fmt.Sprintf("%s is %s", s.Name, s.Status), "wait for the deployment to end"}
	}
	return Line{OK, "stack", fmt.Sprintf("%s is %s", s.Name, s.Status), ""}
}

func table(t Table) []Line {
	switch {
	case t.Missing:
		return []Line{{Bad, "table", "there is no table " + t.Name, "is it the right name, and the right Region?"}}
	case t.Err != nil:
		return []Line{unasked("table", t.Err)}
	case t.Status != "ACTIVE":
		return []Line{{Bad, "table", fmt.Sprintf("%s is %s", t.Name, t.Status), "wait, or see the console"}}
	case !t.Stream:
		return []Line{{Bad, "table", t.Name + " has no stream: nothing is detected and nobody told", "deploy the template again"}}
	case t.TTLErr != nil:
		return []Line{{OK, "table", t.Name + " is active, with stream", ""}, unasked("time to live", t.TTLErr)}
	case !t.TTL:
		return []Line{{Warning, "table", t.Name + " keeps expired rows for ever", "enable time to live on the attribute expires: deploy the template again"}}
	}
	return []Line{{OK, "table", t.Name + " is active, with stream and time to live", ""}}
}

func config(c Config, now time.Time) Line {
	switch {
	case c.Err != nil:
		return unasked("configuration", c.Err)
	case c.Unread != "":
		return Line{Warning, "configuration", fmt.Sprintf("version %d cannot be read here: %s", c.Version, c.Unread), "use the sonde that applied it; functions that cannot read it either set it aside, see below"}
	case c.Version == 0:
		return Line{Bad, "configuration", "none was ever applied: nothing is checked", "`sonde apply -f monitors.yaml`"}
	}
	by := ""
	if c.By != "" {
		by = " by " + c.By
	}
	return Line{OK, "configuration", fmt.Sprintf("version %d, applied %s ago%s", c.Version, span(now.Sub(c.Applied)), by), ""}
}

func location(l Location, now time.Time) Line {
	what := "location " + string(l.ID)
	switch {
	case l.Interval == 0:
		return Line{OK, what, "all its monitors are paused", ""}
	case l.Err != nil:
		return unasked(what, l.Err)
	}
	do := "see its dispatch and probe functions, and its queue; a further Region needs infra/location.yaml"
	if l.Last.IsZero() {
		return Line{Bad, what, "no result yet", do}
	}
	age := now.Sub(l.Last)
	if age > 3*l.Interval+schedules {
		return Line{Bad, what, fmt.Sprintf("the last result is of %s ago, and its shortest interval %s", span(age), span(l.Interval)), do}
	}
	return Line{OK, what, fmt.Sprintf("last result of %s ago", span(age)), ""}
}

func topic(t Topic) []Line {
	what := "tier " + t.Tier
	switch {
	case t.Err != nil:
		return []Line{unasked(what, t.Err)}
	case t.ARN == "" && t.Tier == "operations":
		return []Line{{Bad, what, "has no topic: Sonde's own alarms reach nobody", "deploy the template again: an older one lacks it"}}
	case t.ARN == "":
		return []Line{{Bad, what, "has no topic: its messages cannot be sent", "name the tier oncall, administrators, customers, chat or machines, or give it a topic in the template (SONDE_TOPICS)"}}
	}
	total := 0
	var by []string
	for protocol, n := range t.Confirmed {
		total += n
		by = append(by, fmt.Sprintf("%d %s", n, protocol))
	}
	slices.Sort(by)
	var lines []Line
	if total == 0 {
		lines = append(lines, Line{Bad, what, "nobody is subscribed: its messages reach nobody", "subscribe somebody to " + t.ARN})
	} else {
		lines = append(lines, Line{OK, what, strings.Join(by, ", "), ""})
	}
	if t.Confirmed["http"]+t.Confirmed["https"]+t.Confirmed["sqs"]+t.Confirmed["lambda"] > 0 && t.For == "people" {
		lines = append(lines, Line{Warning, what, "programs get digests, too, of which no end closes the alarm", "subscribe them to the topic of a tier with machine: true, such as machines"})
	}
	if t.Confirmed["email"]+t.Confirmed["sms"] > 0 && t.For == "machines" {
		lines = append(lines, Line{Warning, what, "people hear of each incident apart, of a hundred in a minute, too", "subscribe them to the topic of a tier without machine: true"})
	}
	if t.Pending > 0 {
		lines = append(lines, Line{Warning, what, fmt.Sprintf("%d not confirmed: SNS waits for the link in its e-mail, for two days", t.Pending), "ask them to confirm, or subscribe them again"})
	}
	return lines
}

// isCapped reports whether the account spends on text messages what a new one does:
// one dollar a month (SNS Developer Guide, on the spending quota for SMS).
func (s SMS) isCapped() bool { return s.Limit == "" || s.Limit == "1" }

func sms(s SMS) Line {
	switch {
	case s.Err != nil:
		return unasked("SMS", s.Err)
	case s.Sandbox:
		return Line{Bad, "SMS", "the account is in the sandbox: only verified numbers get messages", "ask AWS to move it out: SNS console, Text messaging"}
	case s.isCapped():
		return Line{Warning, "SMS", "the account spends one dollar a month at most: beyond it messages stop without a word", "ask AWS for a higher spend limit, and set it"}
	}
	return Line{OK, "SMS", "out of the sandbox, spend limit " + s.Limit + " dollars a month", ""}
}

func queue(q Queue) Line {
	what := "dead letters"
	switch {
	case q.Err != nil:
		return unasked(what+" in "+q.Name, q.Err)
	case q.N > 0:
		return Line{Bad, what, fmt.Sprintf("%d in %s", q.N, q.Name), "read them, mend the cause, then redrive or purge them: infra/README.md"}
	}
	return Line{OK, what, "none in " + q.Name, ""}
}

func outbox(o Outbox, now time.Time) Line {
	switch {
	case o.Err != nil:
		return unasked("outbox", o.Err)
	case o.N == 0:
		return Line{OK, "outbox", "everything is delivered", ""}
	case now.Sub(o.Oldest) < patience:
		return Line{OK, "outbox", fmt.Sprintf("%d on their way", o.N), ""}
	}
	text := fmt.Sprintf("notifications not delivered: %d, the oldest due %s ago", o.N, span(now.Sub(o.Oldest)))
	if o.LastError != "" {
		text += ", last error: " + o.LastError
	}
	return Line{Bad, "outbox", text, "see the log of the notify function; they are tried again for a day"}
}

func setAside(s SetAside) Line {
	switch {
	case s.Err != nil:
		return unasked("set aside", s.Err)
	case s.N > 0:
		return Line{Bad, "set aside", fmt.Sprintf("rows that cannot be read: %d, the first: %s", s.N, s.First), "was it written by a newer sonde? Deploy the functions again"}
	}
	return Line{OK, "set aside", "every row can be read", ""}
}

func clock(now, server time.Time) Line {
	if server.IsZero() {
		return Line{Warning, "clock", "AWS did not say what time it is", ""}
	}
	slip := now.Sub(server).Abs()
	if slip > clockSlip {
		return Line{Warning, "clock", fmt.Sprintf("this machine's differs from AWS's by %s: times shown here are wrong by that", span(slip)), "set the clock, such as with NTP"}
	}
	return Line{OK, "clock", "agrees with AWS's", ""}
}

// span is a duration for people, in its two largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
