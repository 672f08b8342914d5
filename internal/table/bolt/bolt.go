// Package bolt keeps the table in one file on this machine, with
// go.etcd.io/bbolt: for `sonde up`, `sonde demo` and tests.
//
//	db, err := bolt.Open(".sonde/table.db", time.Now, bolt.Feed("batch", "notification"))
//
// What it guarantees beyond table.Table:
//   - A Write that returned survives the death of the process, and that of the
//     machine unless NoSync is set. One that did not return is there wholly or
//     not at all.
//   - One process has the file open; a second one gets ErrLocked. (Package
//     socket lets it in through the first.)
//   - A put enters the change feed in the transaction that writes the row. Only
//     puts do: neither deletes nor rows that expire.
//
// What it leaves out: it deletes expired rows only when Sweep is called, though
// no read returns them. The file never shrinks; freed pages are used again.
package bolt

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/sondehq/sonde/internal/table"
)

// ErrLocked is what Open returns, wrapped, if another process has the file.
var ErrLocked = errors.New("another process has the table open")

var (
	_ table.Table = (*DB)(nil)
	_ table.Feed  = (*DB)(nil)
)

// The buckets. Keys of rows are described at rowKey, those of expiry at
// expiryKey; those of feed are sequence numbers, big-endian.
var (
	rowsBucket   = []byte("rows")
	expiryBucket = []byte("expiry")
	feedBucket   = []byte("feed")
	metaBucket   = []byte("meta")
)

// format numbers the layout of the file; it grows when older programs could
// not read it any more.
const format = 1

// lockWait is how long Open waits for a process that is just closing the file.
const lockWait = 500 * time.Millisecond

// DB is an open table.
type DB struct {
	bolt  *bbolt.DB
	now   func() time.Time
	feeds func(kind string) bool

	mu      sync.Mutex
	changed chan struct{} // closed when a change enters the feed
}

// An Option changes what Open does.
type Option func(*options)

type options struct {
	feeds  func(kind string) bool
	noSync bool
}

// Feed lets only rows of these kinds enter the change feed. Without it all do.
// Somebody must Trim the feed, for it grows until then.
func Feed(kinds ...string) Option {
	return func(o *options) { o.feeds = func(kind string) bool { return slices.Contains(kinds, kind) } }
}

// NoSync leaves it to the operating system when to write to the disk: many
// times faster, safe when the process is killed, but a machine that loses
// power may lose the file. For tests and throwaway tables.
func NoSync() Option { return func(o *options) { o.noSync = true } }

// Open opens the table in a file, and creates it if it is not there; its
// folder must be. The clock says when rows expire.
func Open(path string, now func() time.Time, opts ...Option) (*DB, error) {
	o := options{feeds: func(string) bool { return true }}
	for _, set := range opts {
		set(&o)
	}
	b, err := openFile(path, &bbolt.Options{
		Timeout:      lockWait,
		NoSync:       o.noSync,
		FreelistType: bbolt.FreelistMapType, // the array is slow in large files
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open table %s: %w", path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", path, err)
	}
	if err := b.Update(prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open table %s: %w", path, err), b.Close())
	}
	return &DB{bolt: b, now: now, feeds: o.feeds, changed: make(chan struct{})}, nil
}

// openFile turns a panic of bbolt, which is how it meets some damaged files,
// into an error.
func openFile(path string, o *bbolt.Options) (b *bbolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("file is damaged: %v", p)
		}
	}()
	return bbolt.Open(path, 0o600, o)
}

// prepare creates what a new file needs and refuses one that is not ours.
func prepare(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("file is not a table of Sonde: it has a bucket %q", name)
		}
		for _, name := range [][]byte{rowsBucket, expiryBucket, feedBucket, metaBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return fmt.Errorf("create bucket %s: %w", name, err)
			}
		}
		return tx.Bucket(metaBucket).Put([]byte("format"), []byte{format})
	}
	if found := meta.Get([]byte("format")); len(found) != 1 || found[0] != format {
		return fmt.Errorf("file has format %v, this program reads format %d", found, format)
	}
	return nil
}

// Close ends the table after the calls under way. Those that wait in Changes
// return an error.
func (d *DB) Close() error {
	err := d.bolt.Close()
	d.wake()
	return err
}
