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
