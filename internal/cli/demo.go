package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/demo"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
)

type demoFlags struct {
	addr, data string
	loop       time.Duration
}

func demoCommand() *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch an outage being detected, told and resolved",
		Long: `Starts a small fleet of real targets on this machine, breaks and mends them in a
loop, and monitors them: two load balancers die one after the other, traffic
moves to new ones through DNS, and each tier is told in its turn. Nothing leaves
this machine. Ctrl-C ends it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), cmd.OutOrStdout(), flags)
		},
	}
	cmd.Flags().StringVar(&flags.addr, "addr", "127.0.0.1:8080", "serve page, JSON and inbox here; port 0 for any")
	cmd.Flags().StringVar(&flags.data, "data", "", "keep the store in this directory (default: a temporary one, removed at the end)")
	cmd.Flags().DurationVar(&flags.loop, "loop", demo.Loop, "how long one loop of the script takes")
	return cmd
}

func runDemo(ctx context.Context, stdout io.Writer, flags demoFlags) (err error) {
	if flags.loop < 20*time.Second {
		return usage(fmt.Errorf("--loop %s is shorter than 20s: no outage would last long enough to be told", flags.loop), "")
	}
	data := flags.data
	if data == "" {
		if data, err = os.MkdirTemp("", "sonde-demo-"); err != nil {
			return failed(fmt.Errorf("make temporary directory: %w", err), "choose one with --data")
		}
		defer func() { _ = os.RemoveAll(data) }()
	}
	fleet, err := demo.Start(time.Now())
	if err != nil {
		return failed(err, "")
	}
	defer fleet.Close()
	console := local.NewConsole(stdout, isTerminal(stdout), slog.LevelInfo)
	system, err := local.Open(local.Options{Data: data, Addr: flags.addr, Console: console, Sweep: time.Second, Rollup: 10 * time.Second, Gap: 2 * time.Second})
	if err != nil {
		return openFailed(err, flags.addr, data)
	}
	defer system.Close()
	return playDemo(ctx, stdout, flags, data, fleet, system, console)
}

func playDemo(ctx context.Context, stdout io.Writer, flags demoFlags, data string, fleet *demo.Fleet, system *local.System, console *local.Console) error {
	reconfigure := func() error {
		text := []byte(fleet.Config())
		cfg, err := config.Load("monitors.yaml", text, config.Options{Home: monitor.Local})
		if err != nil {
			return fmt.Errorf("the demo's own configuration: %w", err)
		}
		if err := os.WriteFile(filepath.Join(data, "monitors.yaml"), text, 0o600); err != nil {
			return err
		}
		_, err = system.Apply(ctx, cfg)
		return err
	}
	if err := reconfigure(); err != nil {
		return failed(err, "")
	}
	token, err := system.Store().NewToken(ctx, demo.HeartbeatMonitor)
	if err != nil {
		return failed(err, "")
	}
	introduce(stdout, system.URL(), data, fleet.Several())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return system.Run(ctx) })
	group.Go(func() error {
		fleet.Beat(ctx, system.URL()+"/ping/"+token, 2*time.Second)
		return fleet.Play(ctx, flags.loop, func(text string) { console.Say(">", text) }, reconfigure)
	})
	if err := group.Wait(); err != nil {
		return failed(err, "")
	}
	_, _ = fmt.Fprintln(stdout, "demo ended")
	return nil
}

func introduce(stdout io.Writer, url, data string, several bool) {
	_, _ = fmt.Fprintf(stdout, `Sonde demo: six services on this machine, and a script that breaks them.

  status page   %[1]s/
  inbox         %[1]s/inbox     what each tier is told, as SNS would carry it
  JSON          %[1]s/api/v1/status
  store         %[2]s   (try: sonde status --data %[2]s)

The log:  > the script   · a failing check   * a monitor   = a service
          # an incident   @ a message to a tier   Ctrl-C ends it

`, url, data)
	if !several {
		_, _ = fmt.Fprint(stdout, "This system has one loopback address, so all balancers share it, at different ports.\n\n")
	}
}
