package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/sondehq/sonde/internal/monitor"
)

// Reference names a secret.
type Reference = monitor.Reference

// minSecret is the shortest secret, in bytes: a shorter text would be found
// everywhere, so it could not be hidden.
const minSecret = 4

var (
	errNoSecrets = errors.New("cannot be resolved here: no source of secrets is set up")
	errShort     = fmt.Errorf("is shorter than %d bytes and could not be hidden in what is shown: choose a longer one", minSecret)
)

// resolve puts secrets into a monitor in place of their references. It returns
// them too, to be hidden wherever the target repeats them. The error names the
// first that has no value, and holds none.
func resolve(ctx context.Context, m monitor.Monitor, env *Env) (resolved monitor.Monitor, secrets []string, err error) {
	references := m.References()
	if len(references) == 0 {
		return m, nil, nil
	}
	values := make(map[Reference]string, len(references))
	for _, ref := range references {
		value, why := secret(ctx, ref, env)
		if why != nil {
			return m, secrets, fmt.Errorf("the secret %s %w", ref, why)
		}
		values[ref] = value
		secrets = append(secrets, value)
	}
	return m.Fill(func(text string) string {
		return monitor.Expand(text, func(r Reference) string { return values[r] })
	}), secrets, nil
}

func secret(ctx context.Context, ref Reference, env *Env) (string, error) {
	if env.Secret == nil {
		return "", errNoSecrets
	}
	value, err := env.Secret(ctx, ref)
	if err == nil && len(value) < minSecret {
		err = errShort
	}
	return value, err
}
