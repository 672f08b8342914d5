// Package socket lets one process use the table that another one has open: a
// command on this machine that of a running `sonde up`.
//
//	err := socket.Serve(ctx, ".sonde/table.sock", db) // in `sonde up`
//
//	t, err := socket.Dial(".sonde/table.sock") // in `sonde status`
//	defer t.Close()
//
// It is net/rpc with gob over a Unix socket that only its owner may open. What
// it guarantees is what the served table does; errors keep their identity. If
// the server goes away in the middle of a Write, the client cannot know whether
// it was done: it gets an error that is none of package table's.
//
// What it leaves out: the change feed, which has one reader, in the process
// that has the table; other machines; and connecting again, for clients are
// short-lived.
package socket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// MaxPath is how many bytes the path of a socket may have: 108 on Linux, 104
// on macOS, in both with a NUL at its end (unix(7), struct sockaddr_un).
const MaxPath = 103

// Errors of Listen and Dial.
var (
	ErrNotServing  = errors.New("no process serves the table")
	ErrServing     = errors.New("another process serves the table already")
	ErrPathTooLong = errors.New("path of the socket is too long")
)

func checkPath(path string) error {
	if len(path) > MaxPath {
		return fmt.Errorf("%w: %s has %d bytes, at most %d: choose a data folder with a shorter path", ErrPathTooLong, path, len(path), MaxPath)
	}
	return nil
}

// protocol is the name of the service: a client and a server of different
// protocols do not find each other.
const protocol = "SondeTable1"

// Reply is the answer to every call. It is exported because net/rpc wants it.
type Reply struct {
	Code   code
	Error  string
	Rows   []table.Row
	Cursor string
}

// wireOp is a table.Op whose condition gob can see. (Not a pointer to the
// version: gob does not tell zero from nothing.)
type wireOp struct {
	Verb      table.Verb
	Row       table.Row
	Absent    bool
	VersionIs bool
	Version   int64
}

func toWire(op table.Op) wireOp {
	version, ok := op.If.Version()
	return wireOp{op.Verb, op.Row, op.If.IsAbsent(), ok, version}
}

func (w wireOp) op() table.Op {
	op := table.Op{Verb: w.Verb, Row: w.Row}
	switch {
	case w.Absent:
		op.If = table.Absent
	case w.VersionIs:
		op.If = table.VersionIs(w.Version)
	}
	return op
}

// code carries an error's identity. Numbers are part of the protocol.
type code int

var identities = map[code]error{
	1: table.ErrNotFound,
	2: table.ErrConflict,
	3: table.ErrInvalid,
	4: table.ErrTooLarge,
	5: context.Canceled,
	6: context.DeadlineExceeded,
}

func (r *Reply) fail(err error) {
	if err == nil {
		return
	}
	r.Error = err.Error()
	for code, identity := range identities {
		if errors.Is(err, identity) {
			r.Code = code
		}
	}
}

func (r *Reply) err() error {
	if r.Error == "" {
		return nil
	}
	return &remoteError{r.Error, identities[r.Code]}
}

// remoteError says what the served table said.
type remoteError struct {
	text     string
	identity error // nil if it is none that is known
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.identity }

// dialWait is how long Dial and Listen wait for an answer: the other end is on
// this machine.
const dialWait = 2 * time.Second
