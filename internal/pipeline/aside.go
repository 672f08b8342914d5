package pipeline

import (
	"context"
	"fmt"

	"github.com/sondehq/sonde/internal/store"
)

// SetAside notes a row or a record that cannot be read, by its key: it is
// logged, counted, and shown by `sonde doctor`; what comes behind it goes on. It
// is safe to note the same one again: that says nothing new.
func (p *Pipeline) SetAside(ctx context.Context, a store.Aside) error {
	key := a.PK + "#" + a.SK
	p.mu.Lock()
	noted := p.noted[key]
	p.mu.Unlock()
	if noted {
		return nil
	}
	first, err := p.Store.SetAside(ctx, a)
	if err != nil {
		return fmt.Errorf("set aside %s %s (%s): %w", a.PK, a.SK, a.Reason, err)
	}
	p.mu.Lock()
	p.noted[key] = true
	p.mu.Unlock()
	if first {
		p.emit(Metric{SetAside, Count, 1})
		p.Log.Error("set aside: it cannot be read", "pk", a.PK, "sk", a.SK, "kind", a.What, "error", a.Reason)
	}
	return nil
}

// setAside notes the rows that lists have passed over.
func (p *Pipeline) setAside(ctx context.Context) error {
	for _, a := range p.Store.Unreadable() {
		if err := p.SetAside(ctx, a); err != nil {
			return err
		}
	}
	return nil
}
