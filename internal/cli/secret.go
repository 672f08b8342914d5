package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/sondehq/sonde/internal/cloud/secrets"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
)

// resolver resolves secrets from this process's environment, and from Parameter
// Store as the AWS command line would.
func resolver(log *slog.Logger) *secrets.Resolver {
	return secrets.New(secrets.Deps{LookupEnv: os.LookupEnv, Parameters: &profile{}, Now: time.Now, Log: log})
}

// profile reads the AWS configuration when the first parameter is asked for: most
// who use one machine need none.
type profile struct {
	mu  sync.Mutex
	ssm *secrets.SSM
}

// Parameter implements secrets.Parameters.
func (p *profile) Parameter(ctx context.Context, name string) (string, error) {
	ssm, err := p.open(ctx)
	if err != nil {
		return "", err
	}
	return ssm.Parameter(ctx, name)
}

func (p *profile) open(ctx context.Context) (*secrets.SSM, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ssm == nil {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("cannot be read from Parameter Store: the AWS configuration cannot be read: %w", err)
		}
		p.ssm = secrets.NewSSM(cfg, os.Getenv)
	}
	return p.ssm, nil
}

// warnOfSecrets says at once which secrets cannot be resolved, and not only when
// the first check is due. One word about Parameter Store is enough.
func warnOfSecrets(ctx context.Context, secrets *secrets.Resolver, console *local.Console, cfg *monitor.Config) {
	told := map[monitor.Reference]bool{}
	for _, m := range cfg.Monitors {
		for _, ref := range m.References() {
			if told[ref] || told[monitor.Reference{Source: ref.Source}] {
				continue
			}
			told[ref] = true
			if _, err := secrets.Secret(ctx, ref); err != nil && ctx.Err() == nil {
				told[monitor.Reference{Source: ref.Source}] = ref.Source == monitor.SourceSSM
				console.Say("!", fmt.Sprintf("%s is not checked: the secret %s %v", m.ID, ref, err))
			}
		}
	}
}
