package store

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

type doubted struct {
	Locations map[monitor.Location]time.Time `json:"locations"` // since when
}

var doubtedKey = table.Key{PK: "INCIDENTS", SK: "DOUBTED"}

// Doubted reads which locations are set aside, and since when; never nil.
func (s *Store) Doubted(ctx context.Context) (map[monitor.Location]time.Time, int64, error) {
	var d doubted
	version, err := s.get(ctx, doubtedKey, &d)
	if d.Locations == nil {
		d.Locations = map[monitor.Location]time.Time{}
	}
	return d.Locations, version, err
}

// DoubtedOp writes them, on condition that they are still at the version read.
func DoubtedOp(locations map[monitor.Location]time.Time, version int64) (table.Op, error) {
	return put(doubtedKey, "doubted", version, doubted{locations})
}
