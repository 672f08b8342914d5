package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// Parts are numbered from 1 or from 1001, in turn: those that the standing
// snapshot names are not written over before it is.
const (
	onePart   = 1
	otherPart = 1001
)

// keepParts is for how long a part is kept after it was written last; parts that
// no snapshot names any more go by themselves.
const keepParts = 7 * 24 * time.Hour

// servicesApart is how many services a part holds at first; a part that is too
// large then is halved. Ninety days and 24 hours of one are some 700 bytes.
const servicesApart = 400

// part is the days and response times of some services, in the order of the page: those of a
// group stand together as far as they fit.
type part map[monitor.ServiceID]details

type details struct {
	Days   []DayView      `json:"days,omitempty"`
	Series []LatencyPoint `json:"series,omitempty"`
	Months []WindowView   `json:"months,omitempty"`
}

func partKey(n int) table.Key {
	return table.Key{PK: pagePK, SK: "SNAPSHOT#" + strconv.Itoa(n)}
}

// Details returns the snapshot with the days and response times of the services
// named, or of all of them if none is. Where they stand in the snapshot itself it
// reads nothing; otherwise it is one read. The snapshot given is not changed.
func (s *Store) Details(ctx context.Context, snapshot Snapshot, ids ...monitor.ServiceID) (Snapshot, error) {
	wanted := map[int]bool{}
	var keys []table.Key
	for _, v := range snapshot.Services {
		if v.Part != 0 && !wanted[v.Part] && (len(ids) == 0 || slices.Contains(ids, v.ID)) {
			wanted[v.Part] = true
			keys = append(keys, partKey(v.Part))
		}
	}
	if len(keys) == 0 {
		return snapshot, nil
	}
	rows, err := s.batchGet(ctx, keys)
	if err != nil {
		return Snapshot{}, fmt.Errorf("get parts of the snapshot: %w", err)
	}
	snapshot.Services = slices.Clone(snapshot.Services)
	for _, p := range readAll(s, rows, func(row table.Row) (p part, err error) {
		err = inflate(row.Data, &p)
		return p, err
	}) {
		for i, v := range snapshot.Services {
			if f, in := p[v.ID]; in {
				snapshot.Services[i].Days, snapshot.Services[i].Series, snapshot.Services[i].Months = f.Days, f.Series, f.Months
			}
		}
	}
	return snapshot, nil
}

// putDetails writes the days and response times that stand in the snapshot into parts, and
// returns the snapshot without them.
func (s *Store) putDetails(ctx context.Context, snapshot Snapshot) (Snapshot, error) {
	snapshot.Services = slices.Clone(snapshot.Services)
	var here []int // services whose details are in hand
	for i, v := range snapshot.Services {
		if len(v.Days)+len(v.Series) > 0 {
			here = append(here, i)
		}
	}
	if len(here) == 0 {
		return snapshot, nil
	}
	n := onePart
	if snapshot.Parts == onePart {
		n = otherPart
	}
	snapshot.Parts = n
	for _, some := range slices.Collect(slices.Chunk(here, servicesApart)) {
		written, err := s.putPart(ctx, snapshot, some, n)
		if err != nil {
			return snapshot, err
		}
		n += written
	}
	for _, i := range here {
		snapshot.Services[i].Days, snapshot.Services[i].Series, snapshot.Services[i].Months = nil, nil, nil
	}
	return snapshot, nil
}

// putPart writes the details of some services as part n, or as several from n
// on, and returns how many those are.
func (s *Store) putPart(ctx context.Context, snapshot Snapshot, some []int, n int) (int, error) {
	p := part{}
	for _, i := range some {
		v := &snapshot.Services[i]
		v.Part = n
		p[v.ID] = details{v.Days, v.Series, v.Months}
	}
	data, err := deflate(p)
	if err != nil {
		return 0, fmt.Errorf("encode part: %w", err)
	}
	if len(data) > maxPiece && len(some) > 1 {
		half := len(some) / 2
		first, err := s.putPart(ctx, snapshot, some[:half], n)
		if err != nil {
			return 0, err
		}
		second, err := s.putPart(ctx, snapshot, some[half:], n+first)
		return first + second, err
	}
	op, err := always(put(partKey(n), "part", 0, snapshotInfo{Generated: snapshot.Generated, Content: "gzip+json"}))
	op, err = expiring(snapshot.Generated.Add(keepParts), op, err)
	if err != nil {
		return 0, err
	}
	op.Row.Data = data
	return 1, s.table.Write(ctx, op)
}

// decoded is the snapshot that was read or written last: as long as the item is the
// same it need not be decoded, which takes longer than reading it.
type decoded struct {
	mu       sync.Mutex
	version  int64
	doc      string
	snapshot Snapshot
}

// of returns the snapshot of an item, if it is the one that was kept. The
// document holds the time of making, to the nanosecond.
func (d *decoded) of(row table.Row) (Snapshot, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshot, d.version != 0 && d.version == row.Version && d.doc == string(row.Doc)
}

func (d *decoded) keep(row table.Row, snapshot Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.version, d.doc, d.snapshot = row.Version, string(row.Doc), snapshot
}
