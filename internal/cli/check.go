package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/browser"
)

type checkFlags struct {
	file    string
	asJSON  bool
	private bool
	shot    string
}

func checkCommand() *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:   "check URL | check -f monitors.yaml ID",
		Short: "Run one check now and show every phase",
		Long: `Runs one check from this machine and shows what a monitor would see: address,
phases, certificate, status, each expectation with its values, and the verdict.
A URL is http, https, ws, wss, tcp://host:port, tls://host:port, ssh://host:port,
grpc://host:port (grpcs with TLS), dns://name or icmp://host.
Exit code: 0 up or degraded, 1 down, 2 bad usage.`,
		Example: `  sonde check https://example.com
  sonde check --private http://127.0.0.1:8080/health
  sonde check -f monitors.yaml app --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCheck(cmd.Context(), cmd.OutOrStdout(), args[0], flags)
		},
	}
	cmd.Flags().StringVarP(&flags.file, "file", "f", "", "take the monitor of that id from this file")
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&flags.shot, "screenshot", "", "write the picture of a browser journey into this file, as JPEG")
	cmd.Flags().BoolVar(&flags.private, "private", false, "allow loopback and private addresses")
	return cmd
}

func runCheck(ctx context.Context, stdout io.Writer, target string, flags checkFlags) error {
	m, err := monitorFor(target, flags)
	if err != nil {
		return err
	}
	if m.Kind() == monitor.KindHeartbeat {
		return usage(fmt.Errorf("%s is a heartbeat: it is not checked, it reports", m.ID), "see `sonde status`")
	}
	now := func() time.Time { return time.Now().UTC() }
	engine := probe.New(probe.Env{Now: now, Secret: resolver(slog.New(slog.DiscardHandler)).Secret}, probe.Options{More: browser.Local()})
	result := engine.Run(ctx, []monitor.Check{{Monitor: m, Location: monitor.Local, Scheduled: now()}})[0]
	if flags.asJSON {
		err = printJSON(stdout, reportOf(m, result))
	} else {
		printCheck(stdout, m, result)
	}
	if err == nil && flags.shot != "" {
		err = writeShot(flags.shot, m, result)
	}
	if err == nil && result.Outcome != monitor.OutcomeUp && result.Outcome != monitor.OutcomeDegraded {
		if f := result.Failure; f != nil && f.Kind == monitor.FailBlocked && strings.Contains(f.Detail, "private: true") && flags.file == "" {
			return &exitError{code: ExitFound, hint: "allow loopback and private addresses with --private"}
		}
		return errFound
	}
	return err
}

func writeShot(file string, m monitor.Monitor, r monitor.Result) error {
	switch {
	case m.Kind() != monitor.KindBrowser:
		return usage(fmt.Errorf("%s is no browser journey: there is no picture of it", m.ID), "")
	case len(r.Screenshot) == 0:
		return failed(errors.New("there is no picture"), "one is taken at a step that fails, and by a screenshot step")
	}
	if err := os.WriteFile(file, r.Screenshot, 0o600); err != nil {
		return failed(err, "")
	}
	return nil
}

func monitorFor(target string, flags checkFlags) (monitor.Monitor, error) {
	if flags.file != "" {
		cfg, err := load(flags.file)
		if err != nil {
			return monitor.Monitor{}, err
		}
		m, ok := cfg.Monitor(monitor.ID(target))
		if !ok {
			var known []string
			for _, m := range cfg.Monitors {
				known = append(known, string(m.ID))
			}
			return m, usage(fmt.Errorf("%s has no monitor %q", flags.file, target), "it has: "+strings.Join(known, ", "))
		}
		return m, nil
	}
	return monitorOf(target, flags.private)
}

// monitorOf makes a monitor of a URL, through the same loader as a file, so
// that the same defaults and rules hold.
func monitorOf(target string, private bool) (monitor.Monitor, error) {
	hint := "give a URL such as https://example.com, tcp://host:port, tls://host:port or dns://name; or a file with -f and an id"
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return monitor.Monitor{}, usage(fmt.Errorf("%q is not a URL", target), hint)
	}
	var body string
	switch u.Scheme {
	case "http", "https":
		body = fmt.Sprintf("http: {url: %q}\n    expect: [status < 400]", target)
	case "tcp":
		body = fmt.Sprintf("tcp: %q", u.Host)
	case "tls":
		body = fmt.Sprintf("tls: %q", u.Host)
	case "ssh":
		body = fmt.Sprintf("ssh: %q", monitor.WithPort(u.Host, "22"))
	case "dns":
		body = fmt.Sprintf("dns: {name: %q}", u.Host)
	case "ws", "wss":
		body = fmt.Sprintf("websocket: %q", target)
	case "grpc", "grpcs":
		body = fmt.Sprintf("grpc: {address: %q, plaintext: %t, service: %q}", u.Host, u.Scheme == "grpc", strings.Trim(u.Path, "/"))
	case "icmp":
		body = fmt.Sprintf("icmp: %q", u.Hostname())
	default:
		return monitor.Monitor{}, usage(fmt.Errorf("%s: URLs are not checked", u.Scheme), hint)
	}
	text := fmt.Sprintf("monitors:\n  - id: check\n    private: %t\n    %s\n", private, body)
	cfg, err := config.Load("URL", []byte(text), config.Options{Home: monitor.Local})
	if err != nil {
		var problems config.Errors
		if errors.As(err, &problems) && len(problems) > 0 {
			return monitor.Monitor{}, usage(fmt.Errorf("%s: %s", target, problems[0].Message), hint)
		}
		return monitor.Monitor{}, usage(err, hint)
	}
	m, _ := cfg.Monitor("check")
	return m, nil
}

// checkReport is what `sonde check --json` prints.
type checkReport struct {
	Monitor      monitor.ID            `json:"monitor"`
	Target       string                `json:"target"`
	Address      string                `json:"address"`
	Outcome      monitor.Outcome       `json:"outcome"`
	Failure      *monitor.Failure      `json:"failure"`
	Timing       monitor.Timing        `json:"timing"`
	Status       int                   `json:"status"`
	Expectations []monitor.Expectation `json:"expectations"`
	Certificate  *monitor.Certificate  `json:"certificate"`
	Answers      []string              `json:"answers,omitempty"`
	Cutover      *monitor.Cutover      `json:"cutover,omitempty"`

	Resolver  string                  `json:"resolver,omitempty"`
	Hops      int                     `json:"hops,omitempty"`
	Overall   *monitor.Timing         `json:"overall,omitempty"`
	Trace     string                  `json:"trace,omitempty"`
	Steps     []monitor.StepResult    `json:"steps,omitempty"`
	Addresses []monitor.AddressResult `json:"addresses,omitempty"`
}

func reportOf(m monitor.Monitor, r monitor.Result) checkReport {
	out := checkReport{m.ID, m.Target(), r.Address, r.Outcome, r.Failure, r.Timing, r.Status, r.Expectations, r.Certificate, r.Answers, r.Cutover,
		r.Resolver, r.Hops, r.Overall, r.Trace, r.Steps, r.Addresses}
	if out.Expectations == nil {
		out.Expectations = []monitor.Expectation{}
	}
	return out
}

func printCheck(w io.Writer, m monitor.Monitor, r monitor.Result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", name, clean(fmt.Sprintf(format, args...)))
	}
	row("target", "%s", m.Target())
	if r.Address != "" {
		row("address", "%s", r.Address)
	}
	for i, s := range r.Steps {
		row(fmt.Sprintf("step %d", i+1), "%s", outcomeOf(s.Name, s.Outcome, monitor.MS(s.Timing.Total), nil))
		for _, e := range s.Expectations {
			row("  "+verdict(e), "%s  (%s)", e.Expr, e.Shown)
		}
	}
	for _, a := range r.Addresses {
		row("at "+clean(a.Address), "%s", outcomeOf("", a.Outcome, a.TotalMS, a.Failure))
	}
	all := map[string]time.Duration{}
	if r.Overall != nil {
		for _, phase := range phases(*r.Overall) {
			all[phase.name] = phase.took
		}
	}
	for _, phase := range phases(r.Timing) {
		if sum, has := all[phase.name]; has && phase.name != "total" {
			row(phase.name, "%.1f ms, %.1f ms with redirects", monitor.MS(phase.took), monitor.MS(sum))
			continue
		}
		row(phase.name, "%.1f ms", monitor.MS(phase.took))
	}
	if c := r.Certificate; c != nil {
		row("certificate", "%s, by %s, ends %s (%d days)", c.Subject, c.Issuer, c.NotAfter.Format("2006-01-02"), c.Days)
		for _, link := range c.Chain[min(1, len(c.Chain)):] {
			row("above it", "%s, by %s, ends %s", link.Subject, link.Issuer, link.NotAfter.Format("2006-01-02"))
		}
	}
	if r.Status != 0 {
		row("status", "%d", r.Status)
	}
	if r.Hops > 1 {
		row("requests", "%d, redirects included", r.Hops)
	}
	if r.Trace != "" {
		row("trace", "%s", r.Trace)
	}
	if len(r.Answers) > 0 {
		row("answers", "%s", strings.Join(r.Answers, ", "))
	}
	if m.Kind() == monitor.KindBrowser && r.Body != "" {
		row("page", "%s", r.Body)
	}
	if c := r.Cutover; c != nil {
		row("cut-over", "%s", cutover(c))
		for _, b := range c.Behind {
			row("behind", "%s %s", b.Server, b.Says)
		}
	}
	for _, e := range r.Expectations {
		row(verdict(e), "%s  (%s)", e.Expr, e.Shown)
	}
	if r.Failure != nil {
		row("failure", "%s", r.Failure)
	}
	row("outcome", "%s", r.Outcome)
	_ = t.Flush()
}

// outcomeOf is one line on a step or an address.
func outcomeOf(name string, outcome monitor.Outcome, ms float64, f *monitor.Failure) string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s in %.1f ms", name, outcome, ms))
	if f != nil {
		text += ": " + f.Detail
	}
	return text
}

func verdict(e monitor.Expectation) string {
	switch {
	case e.OK && e.Warn:
		return "warn ok"
	case e.OK:
		return "expect ok"
	case e.Warn:
		return "warn FALSE"
	}
	return "expect FALSE"
}

// cutover says how far a new set of answers has come.
func cutover(c *monitor.Cutover) string {
	text := fmt.Sprintf("%.0f %% answer with the set", 100*c.Share)
	if !c.Ends.IsZero() {
		text += ", the last old answer runs out at " + c.Ends.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return text
}

type phase struct {
	name string
	took time.Duration
}

func phases(t monitor.Timing) []phase {
	all := []phase{{"token", t.Token}, {"dns", t.DNS}, {"connect", t.Connect}, {"tls", t.TLS}, {"request", t.Request}, {"first byte", t.TTFB}, {"transfer", t.Transfer}}
	var happened []phase
	for _, p := range all {
		if p.took > 0 {
			happened = append(happened, p)
		}
	}
	return append(happened, phase{"total", t.Total})
}

// clean takes out of outside text what could command a terminal, or turns the
// direction of writing: what no message has.
func clean(text string) string { return notify.Visible(text) }
