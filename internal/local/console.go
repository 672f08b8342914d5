package local

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Console writes the log of the stages for a person who watches a terminal:
// a time, a mark, and one readable line for each thing that matters. It is a
// slog.Handler, so that the stages log the same things on one machine as in
// Lambda.
type Console struct {
	mu     *sync.Mutex
	out    io.Writer
	colour bool
	level  slog.Level
}

// NewConsole returns a console. Colour is for terminals only.
func NewConsole(out io.Writer, colour bool, level slog.Level) *Console {
	return &Console{mu: new(sync.Mutex), out: out, colour: colour, level: level}
}

// Enabled implements slog.Handler.
func (c *Console) Enabled(_ context.Context, level slog.Level) bool { return level >= c.level }

// WithAttrs implements slog.Handler; the stages do not use it.
func (c *Console) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler; the stages do not use it.
func (c *Console) WithGroup(string) slog.Handler { return c }

// Handle implements slog.Handler.
func (c *Console) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]string{}
	var order []string
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		order = append(order, a.Key)
		return true
	})
	mark, text := line(r.Message, attrs, order)
	if text == "" {
		return nil
	}
	if r.Level >= slog.LevelWarn {
		mark = "!"
	}
	c.write(r.Time, mark, text, paint(r.Level, attrs))
	return nil
}

// Say writes a line that is no log record.
func (c *Console) Say(mark, text string) { c.write(time.Now(), mark, text, bold) }

func (c *Console) write(at time.Time, mark, text, colour string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp, indent := at.Format("15:04:05.000"), strings.Repeat(" ", 16)
	text = strings.ReplaceAll(printable(text), "\n", "\n"+indent)
	if c.colour && colour != "" {
		text = colour + text + reset
	}
	_, _ = fmt.Fprintf(c.out, "%s  %s %s\n", stamp, mark, text)
}

const (
	reset  = "\x1b[0m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

// paint chooses a colour: what is bad is red, what is good again green.
func paint(level slog.Level, attrs map[string]string) string {
	switch attrs["to"] {
	case "down", "partial_outage", "major_outage":
		return red
	case "degraded", "at_risk", "unknown":
		return yellow
	case "up", "operational":
		return green
	}
	switch {
	case level >= slog.LevelError:
		return red
	case level >= slog.LevelWarn:
		return yellow
	}
	return ""
}

// line words one record. Records that a person need not see are empty.
func line(message string, a map[string]string, order []string) (mark, text string) {
	switch message {
	case "check":
		f := monitor.Failure{Kind: monitor.FailureKind(a["failure"]), Warn: a["warn"] == "true", Detail: a["detail"]}
		text = fmt.Sprintf("%s %s from %s: %s", a["monitor"], a["outcome"], a["location"], f)
		if a["attempt"] != "0" {
			text += " (re-check " + a["attempt"] + ")"
		}
		return "·", text
	case "flip":
		if a["monitor"] == "" {
			return "=", fmt.Sprintf("service %s: %s → %s", a["service"], a["from"], a["to"])
		}
		text = fmt.Sprintf("%s: %s → %s, %s", a["monitor"], a["from"], a["to"], a["reason"])
		if a["detail"] != "" {
			text += " " + a["detail"]
		}
		return "*", text
	case "incident":
		return "#", fmt.Sprintf("incident %s, %s, impact %s: %s", a["incident"], a["phase"], a["impact"], a["text"])
	case "maintenance":
		until := "has begun, until " + a["to"]
		if a["over"] == "true" {
			until = "is over"
		}
		return "#", fmt.Sprintf("maintenance %s: %s %s", a["plan"], a["title"], until)
	case "notified":
		return "@", fmt.Sprintf("to %s: %s", a["tier"], a["subject"])
	}
	parts := []string{message}
	for _, key := range order {
		parts = append(parts, key+"="+a[key])
	}
	return "-", strings.Join(parts, " ")
}

// printable takes out what could command a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r != 0x7f && (r < 0x80 || r >= 0xa0) {
			return r
		}
		return -1
	}, text)
}
