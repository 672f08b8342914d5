package store

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// Doubted is what is wrong with locations themselves. Its maps are never nil when it
// was read.
type Doubted struct {
	// Aside is which locations are set aside, and since when.
	Aside map[monitor.Location]time.Time `json:"locations"`

	// Silent is the locations of which nothing is heard.
	Silent map[monitor.Location]Silence `json:"silent,omitempty"`
}

// Silence is what is known of a location of which nothing is heard.
type Silence struct {
	Heard time.Time `json:"heard"` // when it was heard last
	Due   time.Time `json:"due"`   // from when on it is told, if it goes on
	Told  bool      `json:"told,omitempty"`
	All   bool      `json:"all,omitempty"` // it was told that nothing is heard from anywhere
}

// IsTold reports whether it was told that nothing is heard from a location.
func (d Doubted) IsTold(l monitor.Location) bool { return d.Silent[l].Told }

var doubtedKey = table.Key{PK: "INCIDENTS", SK: "DOUBTED"}

// Doubted reads which locations are set aside or silent.
func (s *Store) Doubted(ctx context.Context) (Doubted, int64, error) {
	var d Doubted
	version, err := s.get(ctx, doubtedKey, &d)
	if d.Aside == nil {
		d.Aside = map[monitor.Location]time.Time{}
	}
	if d.Silent == nil {
		d.Silent = map[monitor.Location]Silence{}
	}
	return d, version, err
}

// DoubtedOp writes them, on condition that they are still at the version read.
func DoubtedOp(d Doubted, version int64) (table.Op, error) {
	return put(doubtedKey, "doubted", version, d)
}
