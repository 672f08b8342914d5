package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

// load reads a monitors.yaml for this machine. An error is the whole list of
// what is wrong with it.
func load(path string) (*monitor.Config, error) { return loadFor(path, monitor.Local) }

func loadFor(path string, home monitor.Location) (*monitor.Config, error) {
	cfg, err := config.Read(path, config.Options{Home: home})
	var problems config.Errors
	switch {
	case errors.As(err, &problems):
		return nil, &exitError{code: ExitUsage, err: err}
	case errors.Is(err, os.ErrNotExist):
		return nil, usage(fmt.Errorf("%s does not exist", path), "give the file with -f, or make one with `sonde init`")
	case err != nil:
		return nil, usage(err, "")
	}
	return cfg, nil
}

// anyRegion is the home of a file that is judged as it would be on AWS, and names
// no location itself.
const anyRegion monitor.Location = "us-east-1"

func validateCommand() *cobra.Command {
	here := false
	cmd := &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check monitors.yaml files, all mistakes at once",
		Long: `Checks monitors.yaml files and names all mistakes at once. A file is judged as it
would be on AWS, where ICMP, IPv6 and port 25 cannot be checked; with --local, as
` + "`sonde up`" + ` would on this machine.
Exit code: 0 valid, 2 mistakes.`,
		Example: `  sonde validate monitors.yaml
  sonde validate staging.yaml production.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			home := anyRegion
			if here {
				home = monitor.Local
			}
			return validate(cmd.OutOrStdout(), cmd.ErrOrStderr(), paths, home)
		},
	}
	cmd.Flags().BoolVar(&here, "local", false, "judge it as sonde up would, on this machine")
	return cmd
}

func validate(stdout, stderr io.Writer, paths []string, home monitor.Location) error {
	bad := 0
	for _, path := range paths {
		cfg, err := loadFor(path, home)
		if err != nil {
			bad++
			explain(stderr, path, err)
			continue
		}
		_, _ = fmt.Fprintf(stdout, "%s: valid: %s, %s, %s\n", path,
			plural(len(cfg.Monitors), "monitor"), plural(len(cfg.Services), "service"), plural(len(cfg.Tiers), "tier"))
		noteMaintenance(stderr, cfg, now())
	}
	if bad > 0 {
		return &exitError{code: ExitUsage}
	}
	return nil
}

// explain prints each mistake with the line it stands in.
func explain(stderr io.Writer, path string, err error) {
	var problems config.Errors
	if !errors.As(err, &problems) {
		report(stderr, err)
		return
	}
	text, _ := os.ReadFile(path)
	for _, p := range problems {
		_, _ = fmt.Fprintln(stderr, p)
		if excerpt := p.Excerpt(text); excerpt != "" {
			_, _ = fmt.Fprintln(stderr, strings.TrimRight(excerpt, "\n"))
		}
	}
	_, _ = fmt.Fprintf(stderr, "sonde: error: %s: %s\n", path, plural(len(problems), "mistake"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
