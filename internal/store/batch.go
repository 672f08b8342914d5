package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/table"
)

// Batch is the results of one probe run: one item, whatever the number of
// monitors.
type Batch struct {
	Shard     int              `json:"shard"`
	Location  monitor.Location `json:"location"`
	Scheduled time.Time        `json:"scheduled"`
	Attempt   int              `json:"attempt"`
	Finished  time.Time        `json:"finished"`
	Checks    int              `json:"checks"`
	Late      int              `json:"late,omitempty"` // dropped because they came later than their interval

	// Results holds every check of the batch. In the item, those that are up
	// are packed into the data attribute; all others stand in the document,
	// readable, with their evidence.
	Results []monitor.Result `json:"failures,omitempty"`
}

// packedVersion is the first byte of packed results.
const packedVersion = 3

// packedOne is an up result as the first form of packed results had it.
type packedOne struct {
	_       struct{} `cbor:",toarray"`
	Monitor string
	StartMS int64
	Timing  [6]uint32
	Status  int
	Address []byte
	Expires int64
}

// packedTwo is an up result as the second form had it.
type packedTwo struct {
	_       struct{} `cbor:",toarray"`
	Monitor string
	StartMS int64
	Timing  [6]uint32
	Status  int
	Address []byte
	Expires int64
	TTL     int
}

// packed is an up result in some 40 bytes of CBOR: the fields in order, without
// names. The batch it stands in says location, scheduled time and attempt.
type packed struct {
	_       struct{} `cbor:",toarray"`
	Monitor string
	StartMS int64     // after the scheduled time
	Timing  [6]uint32 // dns, connect, tls, ttfb, transfer, total, in 10 µs
	Status  int
	Address []byte // netip.AddrPort, or empty
	Expires int64  // epoch seconds; 0: nothing that ends was seen
	TTL     int    // seconds, of DNS
	Life    int64  // seconds from when what ends was issued to its end; 0: not known
}

// tick is the resolution of packed timings; the longest is some eleven hours.
const tick = 10 * time.Microsecond

func pack(b Batch) (data []byte, others []monitor.Result, err error) {
	var up []packed
	for _, r := range b.Results {
		if r.Outcome != monitor.OutcomeUp {
			others = append(others, r)
			continue
		}
		p := packed{Monitor: string(r.Monitor), StartMS: r.Started.Sub(b.Scheduled).Milliseconds(), Status: r.Status}
		t := r.Timing
		for i, d := range []time.Duration{t.DNS, t.Connect, t.TLS, t.TTFB, t.Transfer, t.Total} {
			p.Timing[i] = uint32(d / tick)
		}
		if address, err := netip.ParseAddrPort(r.Address); err == nil {
			p.Address, _ = address.MarshalBinary()
		}
		p.TTL = r.TTL
		if !r.Expires.IsZero() {
			p.Expires = r.Expires.Unix()
		}
		if !r.Expires.IsZero() && !r.Issued.IsZero() {
			p.Life = r.Expires.Unix() - r.Issued.Unix()
		}
		up = append(up, p)
	}
	if len(up) == 0 {
		return nil, others, nil
	}
	encoded, err := cbor.Marshal(up)
	return append([]byte{packedVersion}, encoded...), others, err
}

var errPacked = errors.New("packed results are malformed")

func unpack(b Batch, data []byte) ([]monitor.Result, error) {
	if len(data) == 0 {
		return nil, nil
	}
	up, err := unpackRows(data[0], data[1:])
	if err != nil {
		return nil, err
	}
	results := make([]monitor.Result, len(up))
	for i, p := range up {
		r := monitor.Result{
			Monitor: monitor.ID(p.Monitor), Location: b.Location, Scheduled: b.Scheduled, Attempt: b.Attempt,
			Started: b.Scheduled.Add(time.Duration(p.StartMS) * time.Millisecond),
			Outcome: monitor.OutcomeUp, Status: p.Status, TTL: p.TTL,
		}
		t := &r.Timing
		for i, d := range []*time.Duration{&t.DNS, &t.Connect, &t.TLS, &t.TTFB, &t.Transfer, &t.Total} {
			*d = time.Duration(p.Timing[i]) * tick
		}
		var address netip.AddrPort
		if len(p.Address) > 0 && address.UnmarshalBinary(p.Address) == nil {
			r.Address = address.String()
		}
		if p.Expires != 0 {
			r.Expires = time.Unix(p.Expires, 0).UTC()
		}
		if p.Expires != 0 && p.Life != 0 {
			r.Issued = time.Unix(p.Expires-p.Life, 0).UTC()
		}
		results[i] = r
	}
	return results, nil
}

// unpackRows reads packed results of this form or one before it.
func unpackRows(form byte, data []byte) (up []packed, err error) {
	switch form {
	case packedVersion:
		err = cbor.Unmarshal(data, &up)
	case 2:
		var old []packedTwo
		err = cbor.Unmarshal(data, &old)
		for _, p := range old {
			up = append(up, packed{Monitor: p.Monitor, StartMS: p.StartMS, Timing: p.Timing, Status: p.Status, Address: p.Address, Expires: p.Expires, TTL: p.TTL})
		}
	case 1:
		var old []packedOne
		err = cbor.Unmarshal(data, &old)
		for _, p := range old {
			up = append(up, packed{Monitor: p.Monitor, StartMS: p.StartMS, Timing: p.Timing, Status: p.Status, Address: p.Address, Expires: p.Expires})
		}
	default:
		return nil, fmt.Errorf("%w: form %d is newer than this program knows", errPacked, form)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPacked, err)
	}
	return up, nil
}

func batchPK(shard int) string { return fmt.Sprintf("BATCH#%03d", shard) }

// BatchOp writes a batch, unless one of that key is there: a repeat.
func BatchOp(key schedule.Batch, b Batch) (table.Op, error) {
	data, others, err := pack(b)
	if err != nil {
		return table.Op{}, fmt.Errorf("pack results: %w", err)
	}
	b.Results = others
	op, err := put(table.Key{PK: batchPK(key.Shard), SK: key.Key()}, KindBatch, 0, b)
	op.Row.Data = data
	return expiring(b.Scheduled.Add(keepBatches), op, err)
}

// DecodeBatch reads a batch row.
func DecodeBatch(row table.Row) (Batch, error) {
	var b Batch
	if err := decode(row, &b); err != nil {
		return Batch{}, err
	}
	up, err := unpack(b, row.Data)
	if err != nil {
		return Batch{}, fmt.Errorf("decode batch %s %s: %w", row.PK, row.SK, err)
	}
	b.Results = append(up, b.Results...)
	return b, nil
}

// Batches reads a shard's batches scheduled from a time inclusive to a time
// exclusive, oldest first.
func (s *Store) Batches(ctx context.Context, shard int, from, to time.Time) ([]Batch, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: batchPK(shard), From: stamp(from), To: stamp(to)})
	if err != nil {
		return nil, fmt.Errorf("query batches of shard %d: %w", shard, err)
	}
	return readAll(s, rows, DecodeBatch), nil
}

// Seen is when the checks of a shard were last heard of.
type Seen struct {
	// Until is up to which scheduled time batches have been read.
	Until time.Time `json:"until"`
	// Last is the scheduled time of the last result of a monitor from a
	// location, in epoch milliseconds.
	Last map[monitor.Location]map[monitor.ID]int64 `json:"last"`
	// Known is since when it is known of a monitor that has not been heard of
	// from anywhere, in epoch milliseconds.
	Known map[monitor.ID]int64 `json:"known,omitempty"`
}

// At returns when a monitor was last heard of from a location; zero if never.
func (s Seen) At(id monitor.ID, at monitor.Location) time.Time {
	ms, ok := s.Last[at][id]
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Hear takes a batch into account.
func (s *Seen) Hear(b Batch) {
	if s.Last == nil {
		s.Last = map[monitor.Location]map[monitor.ID]int64{}
	}
	at := s.Last[b.Location]
	if at == nil {
		at = map[monitor.ID]int64{}
		s.Last[b.Location] = at
	}
	for _, r := range b.Results {
		if r.Outcome != monitor.OutcomeNotRun {
			at[r.Monitor] = max(at[r.Monitor], r.Scheduled.UnixMilli())
		}
	}
	if b.Scheduled.After(s.Until) {
		s.Until = b.Scheduled
	}
}

// Since returns when a monitor was last heard of from a location; of one that was
// not heard of from anywhere, since when it is known of.
func (s Seen) Since(id monitor.ID, at monitor.Location) time.Time {
	if ms, never := s.Known[id]; never {
		return time.UnixMilli(ms).UTC()
	}
	return s.At(id, at)
}

// remembered is for how long it is known when a monitor was last heard of that the
// configuration does not hold any more: if it comes back, it has been silent since.
const remembered = 24 * time.Hour

// Adopt brings it in line with the configuration, and reports whether that must be
// written: monitors of the shard that it has not heard of are known from now, and
// those that the configuration does not hold are forgotten after a day.
func (s *Seen) Adopt(cfg *monitor.Config, shard int, now time.Time) (news bool) {
	known := map[monitor.ID]int64{}
	for _, svc := range cfg.Services {
		if svc.Shard != shard {
			continue
		}
		for _, m := range cfg.Members(svc) {
			known[m.ID] = now.UnixMilli()
		}
	}
	heard := map[monitor.ID]bool{}
	for _, at := range s.Last {
		for id, ms := range at {
			if _, has := known[id]; has {
				heard[id] = true
			} else if now.Sub(time.UnixMilli(ms)) > remembered {
				delete(at, id)
			}
		}
	}
	maps.DeleteFunc(known, func(id monitor.ID, _ int64) bool { return heard[id] })
	for id := range known {
		if since, has := s.Known[id]; has {
			known[id] = since
		} else {
			news = true
		}
	}
	s.Known = known
	return news
}

func seenKey(shard int) table.Key { return table.Key{PK: fmt.Sprintf("SHARD#%03d", shard), SK: "SEEN"} }

// Seen reads what was last heard of a shard.
func (s *Store) Seen(ctx context.Context, shard int) (Seen, int64, error) {
	var seen Seen
	version, err := s.get(ctx, seenKey(shard), &seen)
	return seen, version, err
}

// PutSeen writes it, on condition that nobody else has.
func (s *Store) PutSeen(ctx context.Context, shard int, seen Seen, version int64) error {
	op, err := put(seenKey(shard), "seen", version, seen)
	if err != nil {
		return err
	}
	return s.table.Write(ctx, op)
}

// recentPages is how many pages of the table RecentBatches reads: some 2 MB.
const recentPages = 2

// RecentBatches reads a shard's batches scheduled from a time inclusive to a time
// exclusive, newest first, as far as two pages of the table go. It reports
// whether those are all.
func (s *Store) RecentBatches(ctx context.Context, shard int, from, to time.Time) ([]Batch, bool, error) {
	q := table.Query{PK: batchPK(shard), From: stamp(from), To: stamp(to), Descending: true}
	var all []Batch
	for range recentPages {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, false, fmt.Errorf("query batches of shard %d: %w", shard, err)
		}
		all = append(all, readAll(s, page.Rows, DecodeBatch)...)
		if page.Cursor == "" {
			return all, true, nil
		}
		q.Cursor = page.Cursor
	}
	return all, false, nil
}
