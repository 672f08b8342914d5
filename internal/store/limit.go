package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// Counters stand in one partition, LIMIT; each ends by itself. Their keys are
// hashes under a key that is made anew each day and ends with the next one: what
// is left in the table says nothing of an address or of a person.

type salt struct {
	Key string `json:"key"` // hex
}

type counter struct {
	What string `json:"what"`
}

const (
	limitPartition = "LIMIT"
	limitTries     = 6 // against others who count at the same time
)

func (s *Store) salt(ctx context.Context, now time.Time) ([]byte, error) {
	day := now.UTC().Truncate(24 * time.Hour)
	key := table.Key{PK: limitPartition, SK: "KEY#" + day.Format(time.DateOnly)}
	for range 2 {
		var known salt
		if version, err := s.get(ctx, key, &known); err != nil {
			return nil, err
		} else if version > 0 {
			return hex.DecodeString(known.Key)
		}
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // it never fails (crypto/rand)
		op, err := put(key, "limit-key", 0, salt{hex.EncodeToString(fresh)})
		op, err = expiring(day.Add(48*time.Hour), op, err)
		if err != nil {
			return nil, err
		}
		if err := s.table.Write(ctx, op); err == nil {
			return fresh, nil
		} else if !errors.Is(err, table.ErrConflict) {
			return nil, fmt.Errorf("put limit key: %w", err)
		} // another was first
	}
	return nil, errors.New("limit key: it is neither there nor can it be made")
}

// Allow counts one more use of what by a subject, and reports whether that is
// within limit uses in a window, which is at most a day. Windows begin at
// multiples of their length, so that at the turn of one up to twice as many may
// pass. Beyond the limit nothing is written. Under so many counters at once that
// it cannot count, it refuses.
func (s *Store) Allow(ctx context.Context, what, subject string, limit int64, window time.Duration) (bool, error) {
	now := s.now()
	key, err := s.salt(ctx, now)
	if err != nil {
		return false, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(what + "\n" + subject))
	begin := now.UTC().Truncate(window)
	at := table.Key{PK: limitPartition, SK: "COUNT#" + what + "#" + begin.Format(time.RFC3339) + "#" + hex.EncodeToString(mac.Sum(nil)[:16])}
	for range limitTries {
		var count counter
		version, err := s.get(ctx, at, &count)
		if err != nil {
			return false, err
		}
		if version >= limit {
			return false, nil
		}
		op, err := put(at, "limit", version, counter{what})
		op, err = expiring(begin.Add(window+time.Minute), op, err)
		if err != nil {
			return false, err
		}
		if err := s.table.Write(ctx, op); err == nil {
			return true, nil
		} else if !errors.Is(err, table.ErrConflict) {
			return false, fmt.Errorf("count %s: %w", what, err)
		}
	}
	return false, nil
}
