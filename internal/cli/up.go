package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sondehq/sonde/internal/cloud/secrets"
	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table/bolt"
)

type upFlags struct{ file, addr, data string }

func upCommand() *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Monitor for real on this machine",
		Long: `Runs the checks of a monitors.yaml on this machine, and serves the status page,
JSON and inbox. The file may be changed while it runs: a valid change is applied
within seconds, an invalid one is explained and the old one stays in force.`,
		Example: "  sonde up -f monitors.yaml --addr :8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runUp(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), flags)
		},
	}
	cmd.Flags().StringVarP(&flags.file, "file", "f", "monitors.yaml", "what to monitor")
	cmd.Flags().StringVar(&flags.addr, "addr", "127.0.0.1:8080", "serve page, JSON and inbox here; port 0 for any")
	cmd.Flags().StringVar(&flags.data, "data", ".sonde", "keep the store in this directory")
	return cmd
}

func runUp(ctx context.Context, stdout, stderr io.Writer, flags upFlags) error {
	cfg, err := load(flags.file)
	if err != nil {
		explain(stderr, flags.file, err)
		return &exitError{code: ExitUsage}
	}
	text, err := os.ReadFile(flags.file)
	if err != nil {
		return usage(err, "")
	}
	console := local.NewConsole(stdout, isTerminal(stdout), slog.LevelInfo)
	secrets := resolver(slog.New(console))
	system, err := local.Open(local.Options{Data: flags.data, Addr: flags.addr, Console: console, Secret: secrets.Secret})
	if err != nil {
		return openFailed(err, flags.addr, flags.data)
	}
	defer system.Close()
	if err := apply(ctx, system, console, cfg); err != nil {
		return failed(err, "")
	}
	_, _ = fmt.Fprintf(stdout, "Sonde watches %s of %s.\n\n  status page   %s/\n  inbox         %s/inbox\n\n",
		plural(len(cfg.Monitors), "monitor"), flags.file, system.URL(), system.URL())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return system.Run(ctx) })
	group.Go(func() error { warnOfSecrets(ctx, secrets, console, cfg); return nil })
	group.Go(func() error { return follow(ctx, flags.file, text, system, console, secrets) })
	if err := group.Wait(); err != nil {
		return failed(err, "")
	}
	return nil
}

// apply puts a configuration in force, and tells the address of each heartbeat
// that has none yet: it is told once.
func apply(ctx context.Context, system *local.System, console *local.Console, cfg *monitor.Config) error {
	changed, err := system.Apply(ctx, cfg)
	if err != nil {
		return err
	}
	if changed {
		console.Say("+", fmt.Sprintf("configuration applied: %s, %s, %s",
			plural(len(cfg.Monitors), "monitor"), plural(len(cfg.Services), "service"), plural(len(cfg.Tiers), "tier")))
		stored, err := system.Store().Config(ctx)
		if err != nil {
			return err
		}
		for _, r := range stored.Retired {
			console.Say("+", r.Monitor.Name+" stays checked in the shadow until "+r.Until.UTC().Format("2006-01-02 15:04 UTC"))
		}
	}
	for _, m := range cfg.Monitors {
		if m.Kind() != monitor.KindHeartbeat {
			continue
		}
		token, err := system.Token(ctx, m.ID)
		if err != nil {
			return err
		}
		if token != "" {
			console.Say("+", fmt.Sprintf("heartbeat %s: ping %s/ping/%s (shown only now; `sonde heartbeat %s` makes a new one)", m.ID, system.URL(), token, m.ID))
		}
	}
	return nil
}

// follow applies changes of the file until ctx ends.
func follow(ctx context.Context, file string, applied []byte, system *local.System, console *local.Console, secrets *secrets.Resolver) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := applied
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		text, err := os.ReadFile(file)
		if err != nil || bytes.Equal(text, last) {
			continue // an editor may be writing it at this moment
		}
		last = text
		cfg, err := config.Load(file, text, config.Options{Home: monitor.Local})
		if err == nil {
			err = apply(ctx, system, console, cfg)
		}
		if err == nil {
			warnOfSecrets(ctx, secrets, console, cfg)
		}
		if err != nil {
			console.Say("!", "the changed "+file+" is not applied; what was in force before stays in force:\n"+err.Error())
		}
	}
}

func openFailed(err error, addr, data string) error {
	switch {
	case errors.Is(err, bolt.ErrLocked):
		return failed(err, "another sonde uses "+data+": stop it, or choose another directory with --data")
	case isListen(err):
		return failed(err, "something else uses "+addr+": choose another address with --addr, or port 0 for any")
	}
	return failed(err, "")
}
