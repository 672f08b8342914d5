package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

type applyFlags struct {
	file, home string
	dryRun     bool
	where      storeFlags
}

func applyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Put a monitors.yaml in force in a DynamoDB table",
		Long: `Validates a monitors.yaml, shows what changes, and stores it as a new version in
a table: the functions take it within a minute. If somebody else has stored a
version meanwhile, nothing is written. (On one machine, ` + "`sonde up`" + ` reads the file
by itself.)`,
		Example: `  sonde apply -f monitors.yaml --table sonde-prod
  sonde apply -f monitors.yaml --table sonde-prod --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runApply(cmd, flags) },
	}
	cmd.Flags().StringVarP(&flags.file, "file", "f", "monitors.yaml", "what to monitor")
	cmd.Flags().StringVar(&flags.home, "home", os.Getenv("AWS_REGION"), "location of a file that names none (default: $AWS_REGION)")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show what would change, and exit with 1 if anything would")
	cmd.Flags().StringVar(&flags.where.table, "table", os.Getenv("SONDE_TABLE"), "the DynamoDB table (default: $SONDE_TABLE)")
	cmd.Flags().StringVar(&flags.where.endpoint, "endpoint-url", "", "where DynamoDB answers, for emulators")
	return cmd
}

func runApply(cmd *cobra.Command, flags applyFlags) error {
	if flags.where.table == "" {
		return usage(errors.New("no table is given"), "give it with --table, or in SONDE_TABLE; the stack's output TableName names it")
	}
	if flags.home == "" || flags.home == string(monitor.Local) {
		return usage(errors.New("no home Region is given"), "give it with --home, or in AWS_REGION")
	}
	cfg, err := config.Read(flags.file, config.Options{Home: monitor.Location(flags.home)})
	if err != nil {
		explain(cmd.ErrOrStderr(), flags.file, err)
		return &exitError{code: ExitUsage}
	}
	s, done, err := flags.where.open(cmd.Context())
	if err != nil {
		return err
	}
	defer done()
	return applyTo(cmd, flags, s, cfg)
}

func applyTo(cmd *cobra.Command, flags applyFlags, s *store.Store, cfg *monitor.Config) error {
	ctx, stdout := cmd.Context(), cmd.OutOrStdout()
	present, err := s.Config(ctx)
	if err != nil {
		return failed(err, "")
	}
	var version int64
	if present != nil {
		version = present.Version
	}
	difference, err := config.Diff(present, cfg)
	if err != nil {
		return failed(err, "")
	}
	printDifference(stdout, difference)
	switch {
	case difference.IsEmpty():
		_, _ = fmt.Fprintf(stdout, "nothing changes: version %d stays in force\n", version)
		return nil
	case flags.dryRun:
		return errFound
	}
	stored, err := s.PutConfig(ctx, cfg, version, os.Getenv("USER"))
	if errors.Is(err, table.ErrConflict) {
		return failed(fmt.Errorf("somebody else has stored a version after %d: nothing was written", version), "look at what they changed with --dry-run, then apply again")
	}
	if err != nil {
		return failed(err, "")
	}
	_, _ = fmt.Fprintf(stdout, "version %d is in force; the functions take it within a minute\n", stored.Version)
	return newTokens(cmd, s, cfg)
}

// newTokens makes a token for every heartbeat that has none, and tells it once.
func newTokens(cmd *cobra.Command, s *store.Store, cfg *monitor.Config) error {
	for _, m := range cfg.Monitors {
		if m.Kind() != monitor.KindHeartbeat {
			continue
		}
		has, err := s.HasToken(cmd.Context(), m.ID)
		if err != nil {
			return failed(err, "")
		}
		if has {
			continue
		}
		token, err := s.NewToken(cmd.Context(), m.ID)
		if err != nil {
			return failed(err, "")
		}
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "heartbeat %s: ping /ping/%s (shown only now)\n", m.ID, token)
	}
	return nil
}

func printDifference(w io.Writer, d config.Difference) {
	for _, name := range d.Added {
		_, _ = fmt.Fprintf(w, "+ %s\n", name)
	}
	for _, name := range d.Changed {
		_, _ = fmt.Fprintf(w, "~ %s\n", name)
	}
	for _, name := range d.Removed {
		_, _ = fmt.Fprintf(w, "- %s\n", name)
	}
}
