package cli

import (
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/monitor"
)

func isListen(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "listen"
}

func heartbeatCommand() *cobra.Command {
	var where storeFlags
	cmd := &cobra.Command{
		Use:   "heartbeat ID",
		Short: "Make a new ping token for a heartbeat monitor",
		Long: `Makes a new token for a heartbeat monitor and prints the path to ping. The token
it had before stops working. Only a hash of it is stored, so it is shown once.`,
		Example: `  sonde heartbeat nightly-backup
  sonde heartbeat nightly-backup --stack sonde`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, done, err := where.open(ctx)
			if err != nil {
				return err
			}
			defer done()
			cfg, err := s.Config(ctx)
			if err != nil {
				return failed(err, hintOf(err))
			}
			id := monitor.ID(args[0])
			if cfg == nil {
				return usage(errors.New("this store has no configuration yet"), "run `sonde up` or `sonde apply` first")
			}
			if m, ok := cfg.Monitor(id); !ok || m.Kind() != monitor.KindHeartbeat {
				return usage(fmt.Errorf("%s is not a heartbeat monitor of the configuration in force", id), "")
			}
			token, err := s.NewToken(ctx, id)
			if err != nil {
				return awsError("store the token", err)
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "/ping/%s\n", token)
			return nil
		},
	}
	where.add(cmd)
	return cmd
}
