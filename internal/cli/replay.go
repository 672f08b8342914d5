package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/sim"
)

func replayCommand() *cobra.Command {
	var file string
	var asJSON, text, tiersOnly bool
	cmd := &cobra.Command{
		Use:   "replay SCENARIO",
		Short: "Play an outage against your policy: who is told what, and when",
		Long: `Plays a scenario, a file or one of those that come with Sonde, through the stages
that run in production, on a clock of its own: a night takes some seconds. It prints
who is told what and when, and the page and the uptime that come of it.

A scenario brings its own fleet and policy. With -f it is played against yours; with
--tiers-only too, its fleet is kept, and only the tiers are yours, also in what it puts
in force later. --text prints each message as its tier gets it, and the page whenever it
changes; --json has all of it. "list" names those that come with Sonde, and "show NAME"
prints one, to begin your own with.`,
		Example: `  sonde replay list
  sonde replay outage-2019-05-28
  sonde replay outage-2019-05-28 --text
  sonde replay outage-2019-05-28 -f monitors.yaml --tiers-only
  sonde replay show flapping > mine.yaml && sonde replay mine.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := staged(args[0], file, tiersOnly)
			if err != nil {
				return err
			}
			defer debug.SetGCPercent(debug.SetGCPercent(lavish)) // it makes much garbage, and is soon over
			out, err := s.Replay(cmd.Context())
			if cmd.Context().Err() != nil {
				return failed(errors.New("interrupted"), "")
			}
			var problems config.Errors
			if errors.As(err, &problems) {
				return usage(err, "")
			}
			if err != nil {
				return failed(err, "")
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), out)
			}
			printReplay(cmd.OutOrStdout(), out, text)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "your monitors.yaml")
	cmd.Flags().BoolVar(&tiersOnly, "tiers-only", false, "keep the scenario's fleet, and take only the tiers from your file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&text, "text", false, "print every message in full, the page whenever it changes, and the follow-up")
	list := &cobra.Command{
		Use: "list", Short: "Name the scenarios that come with Sonde", Example: "  sonde replay list", Args: asUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return listScenarios(cmd.OutOrStdout()) },
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Print a scenario that comes with Sonde", Example: "  sonde replay show flapping > mine.yaml", Args: asUsage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, known := sim.ShippedText(args[0])
			if !known {
				return noScenario(args[0])
			}
			_, err := cmd.OutOrStdout().Write(body)
			return err
		},
	}
	cmd.AddCommand(list, show)
	return cmd
}

// lavish is how much the heap may grow before garbage is collected, in percent.
const lavish = 400

func noScenario(name string) error {
	return usage(fmt.Errorf("%s is no file, and no scenario that comes with Sonde", clean(name)), "one of "+strings.Join(sim.Shipped(), ", "))
}

func listScenarios(w io.Writer) error {
	for _, name := range sim.Shipped() {
		body, _ := sim.ShippedText(name)
		s, err := sim.ReadScenario(name, body, sim.Options{})
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(strings.TrimSpace(s.About), ". ")
		_, _ = fmt.Fprintf(w, "%-24s %s\n", name, strings.TrimSuffix(strings.Join(strings.Fields(first), " "), ".")+".")
	}
	return nil
}

// staged reads a scenario and what it is played against.
func staged(name, file string, tiersOnly bool) (*sim.Scenario, error) {
	body, shipped, err := scenarioText(name)
	if err != nil {
		return nil, err
	}
	var opts sim.Options
	if !shipped {
		opts.Open = func(path string) ([]byte, error) { return readScenario(beside(name, path)) }
	}
	switch {
	case file != "":
		mine, err := loadFor(file, sim.Home)
		if err != nil {
			return nil, err
		}
		if tiersOnly {
			opts.Tiers = mine.Tiers
		} else {
			opts.Config = mine
		}
	case tiersOnly:
		return nil, usage(errors.New("--tiers-only without -f"), "give your file with -f monitors.yaml")
	}
	s, err := sim.ReadScenario(name, body, opts)
	if err != nil {
		hint := ""
		if opts.Config != nil {
			hint = "--tiers-only keeps the scenario's fleet, and takes your tiers"
		}
		return nil, usage(err, hint)
	}
	if s.Config == nil {
		return nil, usage(errors.New("the scenario brings no config: of its own"), "give the file to play it against with -f monitors.yaml")
	}
	return s, nil
}

// beside is a path as a file means it that names it: beside itself.
func beside(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// scenarioText is the text of a scenario: one that comes with Sonde, or a file.
func scenarioText(name string) (text []byte, shipped bool, err error) {
	if body, known := sim.ShippedText(name); known {
		return body, true, nil
	}
	body, err := readScenario(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, noScenario(name)
	}
	if err != nil {
		return nil, false, usage(err, "")
	}
	return body, false, nil
}

// readScenario reads a file that is one: nobody is to wait for the other end of a
// pipe.
func readScenario(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist: %w", clean(path), os.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("read scenario: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory, and no scenario", clean(path))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: put the scenario into one", clean(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, config.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return body, nil
}

func printReplay(w io.Writer, r *sim.Replay, text bool) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("%s, %s to %s", clean(r.Scenario), r.From.Format("2 Jan 2006 15:04 MST"), r.To.Format("2 Jan 15:04 MST"))
	p("against %s, %s, %s\n", plural(r.Monitors, "monitor"), plural(r.Services, "service"), plural(r.Tiers, "tier"))
	width := len("scenario")
	for _, h := range r.Log {
		width = max(width, len(h.Who))
	}
	day := r.From
	for _, h := range r.Log {
		if h.Page != nil && !text {
			continue
		}
		if h.At.YearDay() != day.YearDay() {
			p("-- %s", h.At.Format("Monday 2 January"))
			day = h.At
		}
		mark := "  "
		if h.Told {
			mark = "→ "
		}
		p("%s  %s%-*s  %s", h.At.Format("15:04:05"), mark, width, clean(h.Who), clean(h.Text))
		if text {
			printInFull(p, h)
		}
	}
	printAudience(p, r)
	p("\nThe page, in the end: %s", clean(r.Page.Banner))
	for _, svc := range r.Page.Services {
		p("  %-28s %s", clean(svc.Name), incident.Words(svc.Status))
	}
	for _, line := range pageLines(r.Page, false) {
		p("  %s", line)
	}
	_, _ = fmt.Fprintln(w)
	if r.Rest != "" {
		p("(%s)", r.Rest)
	}
	_ = r.Report.Write(w, "text")
	if text {
		for _, inc := range r.Incidents {
			p("\nThe follow-up of %s, as `sonde incident postmortem` drafts it:\n", inc.ID)
			_, _ = io.WriteString(w, inc.FollowUp)
		}
	}
}

// printInFull prints what a tier gets, or what the page shows.
func printInFull(p func(string, ...any), h sim.Happening) {
	body := h.Email
	switch {
	case h.Chat != "":
		body = h.Chat
	case h.Program:
		body = h.Machine
	}
	for line := range strings.Lines(body) {
		p("%s", strings.TrimRight("            | "+line, " \n"))
	}
	if h.SMS != "" {
		p("            SMS: %s", clean(h.SMS))
	}
	if h.Page != nil {
		for _, line := range pageLines(h.Page, true) {
			p("            : %s", line)
		}
	}
}

// listedOnPage is how many services, or incidents, of a page are listed one by one.
const listedOnPage = 10

// pageLines is what the page shows beside its services that work, and, where that is
// asked for, which do not.
func pageLines(page *sim.Page, services bool) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, clean(fmt.Sprintf(format, args...))) }
	odd := slices.DeleteFunc(slices.Clone(page.Services), func(s sim.PlayedService) bool { return s.Status == monitor.Operational })
	for i, svc := range odd {
		switch {
		case !services:
		case i < listedOnPage:
			add("%s: %s", svc.Name, incident.Words(svc.Status))
		case i == listedOnPage:
			add("and %d more", len(odd)-i)
		}
	}
	for i, inc := range page.Incidents {
		if i == listedOnPage {
			add("and %d incidents more", len(page.Incidents)-i)
			break
		}
		line := fmt.Sprintf("%s  %s: %s", inc.ID, inc.Title, inc.Phase)
		if !inc.Next.IsZero() {
			line += ", next update by " + inc.Next.Format("15:04 MST")
		}
		if !inc.DNSUntil.IsZero() && inc.State != incident.Resolved {
			line += ", cached DNS may fail until " + inc.DNSUntil.Format("15:04 MST")
		}
		add("%s", line)
	}
	for _, m := range page.Planned {
		add("maintenance: %s: %s", m.Title, strings.ReplaceAll(string(m.State), "_", " "))
	}
	for _, r := range page.Resolvers {
		state := "still says "
		if r.New {
			state = "says, as it should, "
		}
		add("%s: resolver %s %s%s", r.Monitor, r.Server, state, r.Says)
	}
	return lines
}

// printAudience says, incident by incident, when each tier first heard of it.
func printAudience(p func(string, ...any), r *sim.Replay) {
	zone := r.From.Location()
	p("\n%s:", plural(len(r.Incidents), "incident"))
	for _, inc := range r.Incidents {
		ended := "not over"
		if !inc.Over.IsZero() {
			ended = "over at " + inc.Over.Format("15:04 MST")
		}
		from, to := inc.Lasted()
		if !to.IsZero() {
			ended = "restored at " + to.In(zone).Format("15:04 MST") + " after " + incident.Span(to.Sub(from)) + ", " + ended
		}
		p("  %s  %s: since %s, %s", inc.ID, clean(inc.Title), from.In(zone).Format("15:04 MST"), ended)
		for _, h := range inc.Heard {
			what := "the outage began"
			if !h.Outage {
				what = "the first sign of it"
			}
			p("    %-20s told at %s, %s after %s", clean(string(h.Tier)), h.At.Format("15:04:05"), incident.Span(h.At.Sub(h.Since)), what)
		}
	}
}
