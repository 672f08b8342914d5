package api

import (
	"sync"
	"time"
)

// cache keeps what is costly to read, for a short time and up to so many
// entries: whoever asks often must not cost a read each time.
type cache[K comparable, V any] struct {
	*entries[K, V]
	max  int
	keep time.Duration
}

type entries[K comparable, V any] struct {
	mu sync.Mutex
	of map[K]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

func newCache[K comparable, V any](most int, keep time.Duration) cache[K, V] {
	return cache[K, V]{&entries[K, V]{of: map[K]entry[V]{}}, most, keep}
}

// get returns what is kept under a key, or what read returns. Errors are not
// kept.
func (c cache[K, V]) get(now time.Time, key K, read func() (V, error)) (V, error) {
	c.mu.Lock()
	e, has := c.of[key]
	c.mu.Unlock()
	if has && now.Before(e.until) {
		return e.value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) >= c.max {
		clear(c.of) // simple, and right: they are short-lived
	}
	c.of[key] = entry[V]{value, now.Add(c.keep)}
	return value, nil
}

// edition is which snapshot an answer was made of.
type edition struct {
	version   int64
	generated time.Time
	stale     bool
}

// bodies keeps the answers that were made of one edition, up to maxBodies bytes
// of them, uncompressed.
type bodies struct {
	mu      sync.Mutex
	edition edition
	size    int
	byKey   map[string]*ready
}

const maxBodies = 16 << 20

func (b *bodies) of(e edition, key string) (*ready, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, has := b.byKey[key]
	return body, has && b.edition == e
}

func (b *bodies) keep(e edition, key string, body *ready) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.edition != e || b.size+len(body.plain) > maxBodies || b.byKey == nil {
		b.edition, b.size, b.byKey = e, 0, map[string]*ready{}
	}
	if b.size+len(body.plain) <= maxBodies {
		b.byKey[key] = body
		b.size += len(body.plain)
	}
}
