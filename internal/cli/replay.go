package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
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
that run in production, on a clock of its own: a night takes a second. It prints who
is told what and when, and the page and the uptime that come of it.

A scenario brings its own fleet and policy. With -f it is played against yours; with
--tiers-only too, its fleet is kept, and only the tiers are yours. "list" names those
that come with Sonde, and "show NAME" prints one, to begin your own with.`,
		Example: `  sonde replay list
  sonde replay outage-2019-05-28
  sonde replay outage-2019-05-28 --text
  sonde replay outage-2019-05-28 -f monitors.yaml --tiers-only
  sonde replay show flapping > mine.yaml && sonde replay mine.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, cfg, err := staged(args[0], file, tiersOnly)
			if err != nil {
				return err
			}
			out, err := s.Replay(cfg)
			if err != nil {
				return usage(err, hintFor(err))
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
	cmd.Flags().BoolVar(&text, "text", false, "print every message in full, and the follow-up")
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

func noScenario(name string) error {
	return usage(fmt.Errorf("%s is no file, and no scenario that comes with Sonde", clean(name)), "one of "+strings.Join(sim.Shipped(), ", "))
}

func listScenarios(w io.Writer) error {
	for _, name := range sim.Shipped() {
		body, _ := sim.ShippedText(name)
		s, err := sim.ReadScenario(name, body)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(strings.TrimSpace(s.About), ". ")
		_, _ = fmt.Fprintf(w, "%-24s %s\n", name, strings.TrimSuffix(strings.Join(strings.Fields(first), " "), ".")+".")
	}
	return nil
}

// staged reads a scenario and what it is played against.
func staged(name, file string, tiersOnly bool) (*sim.Scenario, *monitor.Config, error) {
	body, err := scenarioText(name)
	if err != nil {
		return nil, nil, err
	}
	s, err := sim.ReadScenario(name, body)
	if err != nil {
		return nil, nil, &exitError{code: ExitUsage, err: err}
	}
	cfg := s.Config
	if file != "" {
		mine, err := loadFor(file, sim.Home)
		if err != nil {
			return nil, nil, err
		}
		if tiersOnly && cfg != nil {
			kept := *cfg
			kept.Tiers = mine.Tiers
			mine = &kept
		}
		cfg = mine
	} else if tiersOnly {
		return nil, nil, usage(errors.New("--tiers-only without -f"), "give your file with -f monitors.yaml")
	}
	if cfg == nil {
		return nil, nil, usage(errors.New("the scenario brings no config: of its own"), "give the file to play it against with -f monitors.yaml")
	}
	if err := s.Against(cfg); err != nil {
		hint := ""
		if file != "" {
			hint = "--tiers-only keeps the scenario's fleet, and takes your tiers"
		}
		return nil, nil, usage(err, hint)
	}
	return s, cfg, nil
}

func scenarioText(name string) ([]byte, error) {
	if body, known := sim.ShippedText(name); known {
		return body, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, noScenario(name)
	}
	if err != nil {
		return nil, usage(fmt.Errorf("read scenario: %w", err), "")
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, config.MaxFile+1))
	if err != nil {
		return nil, usage(fmt.Errorf("read scenario: %w", err), "")
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
		if h.At.YearDay() != day.YearDay() {
			p("-- %s", h.At.Format("Monday 2 January"))
			day = h.At
		}
		mark := "  "
		if h.Told {
			mark = "→ "
		}
		p("%s  %s%-*s  %s", h.At.Format("15:04:05"), mark, width, clean(h.Who), clean(h.Text))
		if text && h.Told {
			for line := range strings.Lines(h.Email) {
				p("%s", strings.TrimRight("            | "+line, " \n"))
			}
			if h.SMS != "" {
				p("            SMS: %s", clean(h.SMS))
			}
		}
	}
	printAudience(p, r)
	p("\nThe page, in the end:")
	for _, svc := range r.Page {
		p("  %-28s %s", clean(svc.Name), incident.Words(svc.Status))
	}
	_, _ = fmt.Fprintln(w)
	_ = r.Report.Write(w, "text")
	if text {
		for _, inc := range r.Incidents {
			p("\nThe follow-up of %s, as `sonde incident postmortem` drafts it:\n", inc.ID)
			_, _ = io.WriteString(w, inc.FollowUp)
		}
	}
}

// printAudience says, incident by incident, when each tier first heard of it.
func printAudience(p func(string, ...any), r *sim.Replay) {
	zone := r.From.Location()
	p("\n%s:", plural(len(r.Incidents), "incident"))
	for _, inc := range r.Incidents {
		ended := "not over"
		if !inc.Resolved.IsZero() {
			ended = "over at " + inc.Resolved.In(zone).Format("15:04 MST")
		}
		from, to := inc.Lasted()
		if !to.IsZero() {
			ended = "restored after " + incident.Span(to.Sub(from)) + ", " + ended
		}
		p("  %s  %s: since %s, %s", inc.ID, clean(inc.Title), from.In(zone).Format("15:04 MST"), ended)
		tiers := make([]monitor.TierID, 0, len(inc.Told))
		for tier := range inc.Told {
			tiers = append(tiers, tier)
		}
		slices.SortFunc(tiers, func(a, b monitor.TierID) int {
			if c := inc.Told[a].At.Compare(inc.Told[b].At); c != 0 {
				return c
			}
			return strings.Compare(string(a), string(b))
		})
		for _, tier := range tiers {
			at, from := inc.Told[tier].At, inc.Since
			if at.Before(from) {
				from = inc.Opened
			}
			p("    %-20s told at %s, %s after the first failing check", clean(string(tier)), at.In(zone).Format("15:04:05"), incident.Span(at.Sub(from)))
		}
	}
}
