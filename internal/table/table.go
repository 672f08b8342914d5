// Package table is the narrow port to the one table that Sonde keeps
// everything in. Adapters are table/dynamo (DynamoDB), table/bolt (an embedded
// file) and table/socket (a table that another process of this machine has
// open); all of them pass table/tabletest.
//
// What every adapter guarantees:
//   - Partition and sort keys order by their bytes.
//   - Reads see every write that returned before they began.
//   - Write is all or nothing, and each condition is judged on what is stored
//     at that moment.
//   - An expired row is gone: no read returns it, and Absent holds for it.
//   - All methods may be called from several goroutines.
//
// What it leaves out: scans, secondary indexes, partial updates, counters. A
// table is read by key, and a row is written whole under its version.
package table

import (
	"context"
	"errors"
	"time"
)

// Limits, which every adapter enforces. They are DynamoDB's (Developer Guide,
// "Quotas"): what fits into one engine fits into the other.
const (
	MaxPK    = 2048      // bytes
	MaxSK    = 1024      // bytes
	MaxRow   = 400 << 10 // bytes of a row, as Size counts them
	MaxOps   = 100       // operations in one Write
	MaxWrite = 4 << 20   // bytes of all rows in one Write
	MaxBatch = 100       // keys in one BatchGet
	MaxPage  = 1 << 20   // bytes, about, after which a page ends early, with a cursor
)

// Errors. All but ErrInvalid and ErrTooLarge may pass if the call is repeated;
// ErrConflict does so only after the row has been read again.
var (
	ErrNotFound = errors.New("row not found")
	ErrConflict = errors.New("row was changed by somebody else")
	ErrInvalid  = errors.New("invalid table operation")
	ErrTooLarge = errors.New("row is too large")
)

// Key names a row. Both parts are valid UTF-8 and not empty.
type Key struct{ PK, SK string }

// Row is one item.
type Row struct {
	Key

	// Kind says what the row is, for stream filters. It is not empty.
	Kind string

	// Version is what conditions compare. The caller chooses it: a row is
	// written with the version read plus one, on condition that the version
	// read still stands.
	Version int64

	// Expires is when the row is gone, in whole seconds; zero never.
	Expires time.Time

	// Doc is a JSON object, empty for none, which is read back as {}. In
	// DynamoDB its members are native attributes; they must not be named pk,
	// sk, kind, version, expires or data. Numbers keep at least 15
	// significant digits; they have at most 38, between 1e-130 and 1e126. It
	// is equal as JSON when read back, not byte for byte.
	Doc []byte

	// Data is opaque bytes; empty and nil are the same.
	Data []byte
}

// Query is a range of one partition.
type Query struct {
	PK         string
	From, To   string // sort keys from From inclusive to To exclusive; empty is open
	Descending bool
	Limit      int    // rows at most; 0 is as many as there are
	Cursor     string // of the page before, with the same query; empty to begin
}

// Page is one answer to a Query. A cursor that is not empty means that there
// may be more; it holds only for the same query, and expires with nothing.
type Page struct {
	Rows   []Row
	Cursor string
}

// Verb is what an Op does.
type Verb int

// The verbs. Delete and Check use only the row's key.
const (
	Put    Verb = iota // replace the row, or create it
	Delete             // remove the row; a row that is not there is no error
	Check              // only judge the condition
)

// Condition is what must hold for the stored row. The zero value is always
// true.
type Condition struct {
	kind    conditionKind
	version int64
}

type conditionKind int

const (
	always conditionKind = iota
	absent
	versionIs
)

// Absent holds if there is no such row.
var Absent = Condition{kind: absent}

// VersionIs holds if the row is there with that version.
func VersionIs(version int64) Condition { return Condition{versionIs, version} }

// Unchanged holds if the row is still as it was read: at that version, or, for
// version 0, absent.
func Unchanged(version int64) Condition {
	if version == 0 {
		return Absent
	}
	return VersionIs(version)
}

// IsAlways reports whether the condition asks for nothing.
func (c Condition) IsAlways() bool { return c.kind == always }

// IsAbsent reports whether the condition asks that there be no row.
func (c Condition) IsAbsent() bool { return c.kind == absent }

// Version is the version asked for, where one is.
func (c Condition) Version() (int64, bool) { return c.version, c.kind == versionIs }

// Holds judges the condition on a stored row; nil or expired is absent.
func (c Condition) Holds(stored *Row, now time.Time) bool {
	there := stored != nil && !stored.IsExpired(now)
	switch c.kind {
	case absent:
		return !there
	case versionIs:
		return there && stored.Version == c.version
	}
	return true
}

// IsExpired reports whether the row is gone at now.
func (r *Row) IsExpired(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// Op is one operation of a Write.
type Op struct {
	Verb Verb
	Row  Row
	If   Condition
}

// Table is the port.
type Table interface {
	// Get returns one row, or ErrNotFound.
	Get(ctx context.Context, key Key) (Row, error)

	// Query returns one page. An engine may end a page early, with a cursor.
	Query(ctx context.Context, q Query) (Page, error)

	// BatchGet returns those rows that are there, in the order of the keys;
	// at most MaxBatch different keys.
	BatchGet(ctx context.Context, keys []Key) ([]Row, error)

	// Write does all of the operations or none: 1 to MaxOps of them, no two
	// on one key. It returns ErrConflict if a condition does not hold.
	Write(ctx context.Context, ops ...Op) error
}

// Change is one row that was put.
type Change struct {
	Seq uint64 // grows with every change
	Row Row
}

// Feed is the change feed of an engine that has one of its own. (On AWS,
// DynamoDB Streams calls the functions instead.)
type Feed interface {
	// Changes returns up to limit puts that no Trim has passed and whose
	// sequence is above after, oldest first. It waits until there is one, or
	// until ctx ends.
	Changes(ctx context.Context, after uint64, limit int) ([]Change, error)

	// Trim forgets all changes up to seq, for good: what was trimmed has
	// been dealt with, and is not seen again after a restart.
	Trim(ctx context.Context, seq uint64) error
}

// All reads every page of a query into one slice, up to the query's limit.
func All(ctx context.Context, t Table, q Query) ([]Row, error) {
	var rows []Row
	limit := q.Limit
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Rows...)
		if page.Cursor == "" || limit > 0 && len(rows) >= limit {
			return rows, nil
		}
		q.Cursor = page.Cursor
		if limit > 0 {
			q.Limit = limit - len(rows)
		}
	}
}
