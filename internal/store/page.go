package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// Room for a snapshot. An item of DynamoDB holds 400 KB.
const (
	// maxTogether is up to how many compressed bytes a snapshot stands in one
	// item with all its details.
	maxTogether = 300 << 10
	// maxPiece is the most compressed bytes in one item. A summary that is
	// larger even without details is cut: some 5,000 services are two pieces,
	// and one read.
	maxPiece = 350 << 10
)

const (
	pagePK     = "PAGE"
	snapshotSK = "SNAPSHOT#0"
)

// snapshotInfo stands in every piece, readable.
type snapshotInfo struct {
	Generated time.Time `json:"generated"`
	Content   string    `json:"content"`          // always "gzip+json", in the data attribute
	Pieces    int       `json:"pieces,omitempty"` // of the data; 0 is one
}

// errTorn means that a snapshot was read while another was being written.
var errTorn = errors.New("pieces of different snapshots")

// tornTries is how often a snapshot is read that others are writing.
const tornTries = 3

// Snapshot reads the snapshot; version 0 if none was ever made. One that cannot
// be read is empty: it is made anew all the time. It is one read of the table,
// however large the snapshot. What it returns is shared: do not change it.
func (s *Store) Snapshot(ctx context.Context) (Snapshot, int64, error) {
	for range tornTries {
		snapshot, version, err := s.readSnapshot(ctx)
		if !errors.Is(err, errTorn) {
			return snapshot, version, err
		}
	}
	return Snapshot{}, 0, fmt.Errorf("get snapshot: %w, %d times", errTorn, tornTries)
}

func (s *Store) readSnapshot(ctx context.Context) (Snapshot, int64, error) {
	// '$' follows '#': the range holds the pieces, and no part.
	rows, err := table.All(ctx, s.table, table.Query{PK: pagePK, From: snapshotSK, To: snapshotSK + "$"})
	if err != nil {
		return Snapshot{}, 0, fmt.Errorf("get snapshot: %w", err)
	}
	if len(rows) == 0 || rows[0].SK != snapshotSK {
		return Snapshot{}, 0, nil
	}
	head := rows[0]
	if known, ok := s.decoded.of(head); ok {
		return known, head.Version, nil
	}
	joined, err := join(rows)
	if errors.Is(err, errTorn) {
		return Snapshot{}, 0, err
	}
	var snapshot Snapshot
	for _, known := range readAll(s, []table.Row{joined}, func(row table.Row) (Snapshot, error) {
		err := errors.Join(err, inflate(row.Data, &snapshot))
		return snapshot, err
	}) {
		s.decoded.keep(head, known)
		return known, head.Version, nil
	}
	return Snapshot{}, head.Version, nil
}

// join puts the pieces of a snapshot together.
func join(rows []table.Row) (table.Row, error) {
	whole := rows[0]
	info, err := as[snapshotInfo](whole)
	if err != nil {
		return whole, err
	}
	data := whole.Data[:len(whole.Data):len(whole.Data)]
	for i := 1; i < info.Pieces; i++ {
		if i >= len(rows) || rows[i].SK != pieceSK(i) {
			return whole, errTorn
		}
		other, err := as[snapshotInfo](rows[i])
		if err != nil || !other.Generated.Equal(info.Generated) {
			return whole, errors.Join(errTorn, err)
		}
		data = append(data, rows[i].Data...)
	}
	whole.Data = data
	return whole, nil
}

func pieceSK(i int) string {
	if i == 0 {
		return snapshotSK
	}
	return snapshotSK + "#" + strconv.Itoa(i)
}

// PutSnapshot writes the snapshot, on condition that it is still at the version
// read. Services whose details stand in a part keep them there. It is shared from
// then on, as what Snapshot returns: do not change it.
func (s *Store) PutSnapshot(ctx context.Context, snapshot Snapshot, version int64) error {
	data, err := deflate(snapshot)
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	if len(data) > maxTogether {
		if snapshot, err = s.putDetails(ctx, snapshot); err != nil {
			return fmt.Errorf("put parts of the snapshot: %w", err)
		}
		if data, err = deflate(snapshot); err != nil {
			return fmt.Errorf("encode snapshot: %w", err)
		}
	}
	info := snapshotInfo{Generated: snapshot.Generated, Content: "gzip+json", Pieces: (len(data) + maxPiece - 1) / maxPiece}
	var ops []table.Op
	for i := range info.Pieces {
		op, err := put(table.Key{PK: pagePK, SK: pieceSK(i)}, "snapshot", version, info)
		if err != nil {
			return err
		}
		if i > 0 {
			op.If = table.Condition{} // the first piece's stands for all
		}
		op.Row.Data = data[i*maxPiece : min((i+1)*maxPiece, len(data))]
		ops = append(ops, op)
	}
	if err := s.table.Write(ctx, ops...); err != nil {
		return err
	}
	s.decoded.keep(ops[0].Row, snapshot) // as long as nobody else writes one
	return nil
}
