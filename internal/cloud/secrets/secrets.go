// Package secrets resolves the references of monitors where checks run: ${env:NAME}
// from the environment, ${ssm:/path} from AWS Systems Manager Parameter Store.
//
// A parameter is kept in memory for 5 minutes and a failure for 30 seconds; one
// parameter is fetched once at a time, however many checks wait for it. While
// Parameter Store itself fails, a value is used for up to an hour, which is logged
// once. That access is denied, or that there is no such parameter, is no such
// failure but an answer, and holds at once.
//
// No value is ever logged, stored, or part of an error.
package secrets

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// For how long what was found is used.
const (
	keepValue   = 5 * time.Minute
	keepFailure = 30 * time.Second
	keepStale   = time.Hour

	maxKept = 1000 // parameters
)

// Parameters fetches one parameter, decrypted. Its errors read on from the
// secret's name and hold no value.
type Parameters interface {
	Parameter(ctx context.Context, name string) (string, error)
}

// Deps is what a resolver stands on.
type Deps struct {
	LookupEnv  func(string) (string, bool)
	Parameters Parameters
	Now        func() time.Time
	Log        *slog.Logger
}

// Resolver resolves references. It may be used from several goroutines.
type Resolver struct {
	Deps
	mu   sync.Mutex
	kept map[string]*kept
}

// kept is what is known of one parameter. Who holds the token may use the rest.
type kept struct {
	turn      chan struct{} // holds one token
	value     string
	at        time.Time // of the value; zero if there is none
	failure   error
	failedAt  time.Time
	announced bool // that the value is stale
}

// New returns a resolver.
func New(deps Deps) *Resolver { return &Resolver{Deps: deps, kept: map[string]*kept{}} }

var (
	errNotSet = errors.New("is not set where this check runs: set that environment variable there")
	errSource = errors.New("is of a kind that this version does not know: use ${env:NAME} or ${ssm:/path}")
	errSlash  = errors.New("is not a path: the name of a parameter begins with a slash, as in ${ssm:/sonde/token}")
)

// Secret returns the value of a reference. It is what probe.Env wants.
func (r *Resolver) Secret(ctx context.Context, ref monitor.Reference) (string, error) {
	switch {
	case ref.Source == monitor.SourceEnv:
		if value, ok := r.LookupEnv(ref.Name); ok {
			return value, nil
		}
		return "", errNotSet
	case ref.Source != monitor.SourceSSM:
		return "", errSource
	case ref.Name == "" || ref.Name[0] != '/':
		return "", errSlash
	}
	return r.parameter(ctx, ref)
}

func (r *Resolver) parameter(ctx context.Context, ref monitor.Reference) (string, error) {
	k := r.entry(ref.Name)
	select {
	case <-k.turn:
	case <-ctx.Done():
		return "", notRead(ctx.Err())
	}
	defer func() { k.turn <- struct{}{} }()
	now := r.Now()
	switch {
	case !k.at.IsZero() && now.Sub(k.at) < keepValue:
		return k.value, nil
	case k.failure != nil && now.Sub(k.failedAt) < keepFailure:
		return r.stale(k, ref, now)
	}
	value, err := r.Parameters.Parameter(ctx, ref.Name)
	switch {
	case err == nil:
		k.value, k.at, k.failure, k.announced = value, now, nil, false
		return value, nil
	case ctx.Err() != nil:
		return "", err // the caller's time is over: that says nothing of the parameter
	}
	k.failure, k.failedAt = err, now
	return r.stale(k, ref, now)
}

// stale is the value that was found before, while Parameter Store fails.
func (r *Resolver) stale(k *kept, ref monitor.Reference, now time.Time) (string, error) {
	var answer *refusal
	if errors.As(k.failure, &answer) || k.at.IsZero() || now.Sub(k.at) >= keepStale {
		k.value, k.at = "", time.Time{}
		return "", k.failure
	}
	if !k.announced {
		k.announced = true
		r.Log.Warn("secret cannot be renewed: its last value is used for up to an hour", "secret", ref.String(), "since", k.at, "error", k.failure)
	}
	return k.value, nil
}

func (r *Resolver) entry(name string) *kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, has := r.kept[name]
	if !has {
		if len(r.kept) >= maxKept {
			clear(r.kept)
		}
		k = &kept{turn: make(chan struct{}, 1)}
		k.turn <- struct{}{}
		r.kept[name] = k
	}
	return k
}
