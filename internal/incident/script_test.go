package incident_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestScripts plays testdata/*.txt. A block is some command lines, then ----,
// then what they did. Commands:
//
//	tier ID [impact=I] [after=D] [remind=D] [hold=D] [nag=D] [quiet=H-H,I] [events=E,E…] [public]
//	service ID [internal] [on=ID,ID…]
//	override SERVICE TIER [after=D] [impact=I] [never]
//	change TIME ID STATUS [alive/total] [at=TIME] [detail=TEXT] [flapping] [drain=TIME] [onlydns] [contested] [gone] [shared=X,Y…] [old=TEXT, _ for a space]
//	suspect ID, calm ID    a vote is open, or has ended
//	again TIME             services that are not fine are brought again
//	tick TIME
//	ack TIME               publish TIME TIER, decline TIME TIER
//	say TIME [next=D] TEXT somebody writes an update
//	drop TIER              from the configuration
//	remove ID              from the configuration
//	due                    when Tick will have something to say
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("scripts: %v, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{newWorld(t)}
			golden(t, filepath.Base(path), s.play(string(text)))
		})
	}
}

type script struct{ *world }

// play returns the script with the output that it has now.
func (s *script) play(text string) string {
	var out strings.Builder
	var block []string
	skipping := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case skipping && line != "":
		case skipping:
			skipping = false
			out.WriteString("\n")
		case line == "----":
			out.WriteString("----\n")
			for _, command := range block {
				out.WriteString(s.command(command))
			}
			block, skipping = nil, true
		default:
			out.WriteString(line + "\n")
			if line != "" && !strings.HasPrefix(line, "#") {
				block = append(block, line)
			}
		}
	}
	if len(block) > 0 {
		s.t.Errorf("commands without ----: %q", block)
	}
	return out.String()
}

func (s *script) command(line string) string {
	args := strings.Fields(line)
	switch verb, args := args[0], args[1:]; verb {
	case "tier":
		s.tier(args)
	case "service":
		internal, above := false, []monitor.ServiceID{}
		for _, arg := range args[1:] {
			internal = internal || arg == "internal"
			if list, ok := strings.CutPrefix(arg, "on="); ok {
				for _, id := range strings.Split(list, ",") {
					above = append(above, monitor.ServiceID(id))
				}
			}
		}
		s.service(monitor.ServiceID(args[0]), internal, above...)
	case "change":
		c, now := s.change(args)
		return s.describe(s.bring(c, now))
	case "suspect", "calm":
		view := s.services[monitor.ServiceID(args[0])]
		view.Suspect = verb == "suspect"
		s.services[monitor.ServiceID(args[0])] = view
	case "again":
		var out string
		for _, fx := range s.again(s.time(args[0])) {
			out += s.describe(fx)
		}
		return out
	case "tick":
		return s.describe(s.tick(s.time(args[0])))
	case "ack", "say":
		note := incident.Note{By: "anna", Text: strings.Join(args[1:], " ")}
		if next, is := strings.CutPrefix(args[min(1, len(args)-1)], "next="); is {
			note.Next, note.Text = s.time(args[0]).Add(s.time(next).Sub(t0)), strings.Join(args[2:], " ")
		}
		fx, err := incident.Post(&s.cfg, s.open()[0], note, s.time(args[0]))
		if verb == "ack" {
			fx, err = incident.Acknowledge(&s.cfg, s.open()[0], "anna", s.time(args[0]))
		}
		if err != nil {
			return err.Error() + "\n"
		}
		s.store(fx)
		if verb == "say" {
			return s.describe(fx)
		}
	case "drop":
		s.cfg.Tiers = slices.DeleteFunc(s.cfg.Tiers, func(t monitor.Tier) bool { return string(t.ID) == args[0] })
	case "publish", "decline":
		act := func() (incident.Effects, error) {
			return incident.Publish(&s.cfg, s.open()[0], monitor.TierID(args[1]), "anna", s.time(args[0]))
		}
		if verb == "decline" {
			act = func() (incident.Effects, error) {
				return incident.Decline(&s.cfg, s.open()[0], monitor.TierID(args[1]), "anna", "only our office", s.time(args[0]))
			}
		}
		fx, err := act()
		if err != nil {
			return err.Error() + "\n"
		}
		s.store(fx)
		return s.describe(fx)
	case "override": // of a tier's settings, by a service
		svc := slices.IndexFunc(s.cfg.Services, func(svc monitor.Service) bool { return string(svc.ID) == args[0] })
		o := monitor.Override{}
		for _, arg := range args[2:] {
			switch name, value, _ := strings.Cut(arg, "="); name {
			case "after":
				d := s.time(value).Sub(t0)
				o.After = &d
			case "impact":
				o.Impact = monitor.Impact(value)
			case "never":
				o.Never = true
			}
		}
		if s.cfg.Services[svc].Tiers == nil {
			s.cfg.Services[svc].Tiers = map[monitor.TierID]monitor.Override{}
		}
		s.cfg.Services[svc].Tiers[monitor.TierID(args[1])] = o
	case "remove":
		s.cfg.Services = slices.DeleteFunc(s.cfg.Services, func(svc monitor.Service) bool { return string(svc.ID) == args[0] })
	case "due":
		var out string
		for _, inc := range s.open() {
			out += "due " + since(incident.Due(&s.cfg, inc)) + "\n"
		}
		return out
	default:
		s.t.Fatalf("unknown command %q", line)
	}
	return ""
}

func (s *script) tier(args []string) {
	tier := monitor.Tier{ID: monitor.TierID(args[0]), Name: args[0], Impact: monitor.ImpactMinor}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "impact":
			tier.Impact = monitor.Impact(value)
		case "after":
			tier.After = s.time(value).Sub(t0)
		case "remind":
			tier.Remind = s.time(value).Sub(t0)
		case "hold":
			tier.Hold = s.time(value).Sub(t0)
		case "public":
			tier.Public = true
		case "machine":
			tier.Machine = true
		case "nag":
			tier.Nag = s.time(value).Sub(t0)
		case "events":
			for _, what := range strings.Split(value, ",") {
				tier.Events = append(tier.Events, monitor.Hears(what))
			}
		case "quiet": // hours of UTC, and the impact below which it is quiet
			var from, to int
			var below string
			if _, err := fmt.Sscanf(value, "%d-%d,%s", &from, &to, &below); err != nil {
				s.t.Fatal(err)
			}
			tier.Quiet = &monitor.Quiet{From: from * 60, To: to * 60, TimeZone: "UTC", Below: monitor.Impact(below)}
		default:
			s.t.Fatalf("tier: unknown %q", arg)
		}
	}
	s.cfg.Tiers = append(s.cfg.Tiers, tier)
}

func (s *script) change(args []string) (incident.Change, time.Time) {
	now := s.time(args[0])
	c := incident.Change{Service: monitor.ServiceID(args[1]), Status: monitor.Status(args[2]), At: now, Total: 2}
	if c.Status == monitor.Operational {
		c.Alive = 2
	}
	for _, arg := range args[3:] {
		if until, ok := strings.CutPrefix(arg, "drain="); ok {
			c.Drain = s.time(until)
		} else if arg == "flapping" {
			c.Flapping = true
		} else if arg == "onlydns" {
			c.OnlyDNS = true
		} else if arg == "gone" {
			c.Gone, c.Alive, c.Total = true, 0, 0
		} else if arg == "contested" {
			c.Contested = true
		} else if what, ok := strings.CutPrefix(arg, "shared="); ok {
			c.Shared = strings.Split(strings.ReplaceAll(what, "~", " "), ",")
		} else if until, ok := strings.CutPrefix(arg, "muted="); ok {
			c.Muted = s.time(until)
		} else if at, ok := strings.CutPrefix(arg, "at="); ok {
			c.At = s.time(at)
		} else if detail, ok := strings.CutPrefix(arg, "detail="); ok {
			c.Detail = detail
		} else if old, ok := strings.CutPrefix(arg, "old="); ok {
			c.Old = strings.ReplaceAll(old, "_", " ")
		} else {
			alive, total, _ := strings.Cut(arg, "/")
			c.Alive, c.Total = s.number(alive), s.number(total)
		}
	}
	return c, now
}

func (s *script) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *script) time(text string) time.Time {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return t0.Add(d)
}
