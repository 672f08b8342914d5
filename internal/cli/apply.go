package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

type applyFlags struct {
	file, home string
	dryRun     bool
	where      awsFlags
}

func (f *applyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "monitors.yaml", "what to monitor")
	cmd.Flags().StringVar(&f.home, "home", "", "location of a file that names none (default: the Region)")
	f.where.add(cmd)
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
		Example: `  sonde apply -f monitors.yaml --stack sonde
  sonde apply -f monitors.yaml --table sonde-prod --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runApply(cmd, flags) },
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show what would change, and exit with 1 if anything would")
	return cmd
}

func diffCommand() *cobra.Command {
	flags := applyFlags{dryRun: true}
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Show what applying a monitors.yaml would change",
		Long: `Compares a monitors.yaml with the configuration in force in a table, field by
field. Exits with 1 if anything differs. Nothing is written.`,
		Example: `  sonde diff -f monitors.yaml --stack sonde`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runApply(cmd, flags) },
	}
	flags.add(cmd)
	return cmd
}

func runApply(cmd *cobra.Command, flags applyFlags) error {
	d, err := flags.where.open(cmd.Context())
	if err != nil {
		return err
	}
	home := flags.home
	if home == "" {
		home = d.aws.Region
	}
	if home == string(monitor.Local) {
		return usage(errors.New("local is no Region"), "give the home Region with --home, or in AWS_REGION")
	}
	cfg, err := config.Read(flags.file, config.Options{Home: monitor.Location(home)})
	if err != nil {
		explain(cmd.ErrOrStderr(), flags.file, err)
		return &exitError{code: ExitUsage}
	}
	noteJourneys(cmd.ErrOrStderr(), cfg)
	noteMaintenance(cmd.ErrOrStderr(), cfg, now())
	stored, err := putInForce(cmd, d, cfg, flags.dryRun)
	if err != nil || stored == nil {
		return err
	}
	return newTokens(cmd, d.store, cfg)
}

// noteJourneys says what browser journeys need, which the home stack has not.
func noteJourneys(w io.Writer, cfg *monitor.Config) {
	for _, m := range cfg.Monitors {
		if m.Kind() == monitor.KindBrowser {
			_, _ = fmt.Fprintf(w, "sonde: note: %s is a browser journey: each of its locations needs the stack infra/browser.yaml (`make browser`)\n", m.ID)
			return
		}
	}
}

// putInForce shows what changes and stores the configuration, unless nothing
// does or it is only asked for; then it returns nil.
func putInForce(cmd *cobra.Command, d *deployment, cfg *monitor.Config, dryRun bool) (*monitor.Config, error) {
	ctx, stdout := cmd.Context(), cmd.OutOrStdout()
	present, version, err := inForce(ctx, d)
	if err != nil {
		return nil, err
	}
	difference, err := config.Diff(present, cfg)
	if err != nil {
		return nil, failed(err, "")
	}
	printDifference(stdout, difference)
	if err := noteEnded(ctx, cmd.ErrOrStderr(), d.store, cfg, difference); err != nil {
		return nil, err
	}
	if !difference.IsEmpty() {
		printRetired(stdout, monitor.Retire(present, cfg, now()))
	}
	switch {
	case difference.IsEmpty():
		_, _ = fmt.Fprintf(stdout, "nothing changes: version %d stays in force\n", version)
		return nil, nil
	case dryRun:
		return nil, errFound
	}
	stored, err := d.store.PutConfig(ctx, cfg, version, caller(ctx, d))
	if errors.Is(err, table.ErrConflict) {
		return nil, failed(fmt.Errorf("somebody else has stored a version after %d: nothing was written", version), "look at what they changed with `sonde diff`, then apply again")
	}
	if err != nil {
		return nil, awsError("store the configuration", err)
	}
	_, _ = fmt.Fprintf(stdout, "version %d is in force; the functions take it within a minute\n", stored.Version)
	return stored, nil
}

// noteEnded says of which maintenance that changes a person ended the window that
// is now: the change does not begin it again.
func noteEnded(ctx context.Context, stderr io.Writer, s *store.Store, cfg *monitor.Config, d config.Difference) error {
	var changed []monitor.Plan
	for _, p := range cfg.Maintenance {
		if name := "maintenance " + string(p.ID); slices.Contains(d.Changed, name) || slices.Contains(d.Added, name) {
			changed = append(changed, p)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	at := now()
	m, err := s.Maintenance(ctx, at)
	if err != nil {
		return awsError("read the maintenance", err)
	}
	for _, p := range changed {
		if r, is := maintenance.EndedEarly(p, m.Runs, at); is {
			_, _ = fmt.Fprintf(stderr, "sonde: note: maintenance %s was %s: the change does not begin it again; plan what is left with `sonde maintenance add`\n",
				p.ID, endedEarly(r, cfg.Zone()))
		}
	}
	return nil
}

// inForce reads the configuration in force and its version: nil and 0 if there
// is none. One of a form that only a newer sonde knows is not written over.
func inForce(ctx context.Context, d *deployment) (*monitor.Config, int64, error) {
	version, err := d.store.ConfigVersion(ctx)
	if err != nil {
		return nil, 0, awsError("read the configuration in force", err)
	}
	present, err := d.store.Config(ctx)
	for _, a := range d.store.Unreadable() {
		return nil, 0, failed(fmt.Errorf("version %d cannot be read here, and is not written over: %s", version, a.Reason), "use the sonde that wrote it, or a newer one")
	}
	if err != nil {
		return nil, 0, awsError("read the configuration in force", err)
	}
	return present, version, nil
}

// newTokens makes a token for every heartbeat that has none, and tells it once.
func newTokens(cmd *cobra.Command, s *store.Store, cfg *monitor.Config) error {
	for _, m := range cfg.Monitors {
		if m.Kind() != monitor.KindHeartbeat {
			continue
		}
		has, err := s.HasToken(cmd.Context(), m.ID)
		if err != nil {
			return awsError("read the token of "+string(m.ID), err)
		}
		if has {
			continue
		}
		token, err := s.NewToken(cmd.Context(), m.ID)
		if err != nil {
			return awsError("store the token of "+string(m.ID), err)
		}
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "heartbeat %s: ping /ping/%s (shown only now)\n", m.ID, token)
	}
	return nil
}

// printRetired says which addresses stay checked that are not in use any more, each
// once.
func printRetired(w io.Writer, retired []monitor.Retired) {
	for i, r := range retired {
		if !slices.ContainsFunc(retired[:i], func(o monitor.Retired) bool { return o.Address == r.Address }) {
			_, _ = fmt.Fprintln(w, stays(r))
		}
	}
}

func stays(r monitor.Retired) string {
	return fmt.Sprintf("old address %s stays checked in the shadow until %s", r.Address, r.Until.UTC().Format("2006-01-02 15:04 UTC"))
}

func printDifference(w io.Writer, d config.Difference) {
	for _, name := range d.Added {
		_, _ = fmt.Fprintf(w, "+ %s\n", name)
	}
	for _, name := range d.Changed {
		_, _ = fmt.Fprintf(w, "~ %s\n", name)
		for _, f := range d.Fields[name] {
			_, _ = fmt.Fprintf(w, "    %s: %s -> %s\n", f.Path, f.Before, f.After)
		}
	}
	for _, name := range d.Removed {
		_, _ = fmt.Fprintf(w, "- %s\n", name)
	}
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "The versions of the configuration in a DynamoDB table",
		Example: `  sonde config history --stack sonde
  sonde config rollback 7 --stack sonde`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(historyCommand(), rollbackCommand())
	for _, c := range cmd.Commands() {
		c.Args = asUsage(c.Args)
	}
	return cmd
}

func historyCommand() *cobra.Command {
	var where awsFlags
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the versions: when, by whom, what is in them",
		Long:  `Lists the versions, newest first; * is the one in force.`,
		Example: `  sonde config history --stack sonde
  sonde config history --stack sonde --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usage(fmt.Errorf("--limit is %d", limit), "give 1 or more")
			}
			d, err := where.open(cmd.Context())
			if err != nil {
				return err
			}
			versions, err := history(cmd.Context(), d.store, limit)
			if err != nil {
				return awsError("read the versions", err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), versions)
			}
			printHistory(cmd.OutOrStdout(), versions)
			return nil
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, newest first")
	return cmd
}

// versionLine is a version in `sonde config history --json`.
type versionLine struct {
	store.ConfigInfo
	Current bool `json:"current"` // it is in force
}

func history(ctx context.Context, s *store.Store, limit int) ([]versionLine, error) {
	infos, err := s.ConfigHistory(ctx, limit)
	if err != nil {
		return nil, err
	}
	current, err := s.ConfigVersion(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]versionLine, len(infos))
	for i, info := range infos {
		lines[i] = versionLine{info, info.Number == current}
	}
	return lines, nil
}

func printHistory(w io.Writer, versions []versionLine) {
	if len(versions) == 0 {
		_, _ = fmt.Fprintln(w, "no configuration was ever applied")
	}
	for _, v := range versions {
		mark := " "
		if v.Current {
			mark = "*"
		}
		by := v.By
		if by == "" {
			by = "unknown"
		}
		_, _ = fmt.Fprintf(w, "%s %4d  %s  %s, %s, %s  by %s\n", mark, v.Number, v.Applied.UTC().Format("2006-01-02 15:04:05 UTC"),
			plural(v.Monitors, "monitor"), plural(v.Services, "service"), plural(v.Tiers, "tier"), clean(by))
	}
}

func rollbackCommand() *cobra.Command {
	var where awsFlags
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "rollback VERSION",
		Short: "Put an earlier version in force again, as a new version",
		Long: `Shows what changes, and stores the content of an earlier version as a new one: no
version is ever taken out of the history. If somebody else has stored a version
meanwhile, nothing is written.`,
		Example: `  sonde config rollback 7 --stack sonde
  sonde config rollback 7 --stack sonde --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var number int64
			if _, err := fmt.Sscan(args[0], &number); err != nil || number < 1 || fmt.Sprint(number) != args[0] {
				return usage(fmt.Errorf("%q is no version", args[0]), "give a number that `sonde config history` lists")
			}
			d, err := where.open(cmd.Context())
			if err != nil {
				return err
			}
			cfg, err := d.store.ConfigAt(cmd.Context(), number)
			if err != nil {
				return awsError(fmt.Sprintf("read version %d", number), err)
			}
			if cfg == nil {
				return usage(fmt.Errorf("there is no version %d", number), "`sonde config history` lists them")
			}
			_, err = putInForce(cmd, d, cfg, dryRun)
			return err
		},
	}
	where.add(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and exit with 1 if anything would")
	return cmd
}
