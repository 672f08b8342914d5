package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/rpc"
	"strings"
	"syscall"

	"github.com/sondehq/sonde/internal/table"
)

var _ table.Table = (*Table)(nil)

// Table is a table that another process has open.
type Table struct{ rpc *rpc.Client }

// Dial connects to the process that serves a table on a socket. If there is
// none it returns ErrNotServing, and for a path that is too long
// ErrPathTooLong.
func Dial(path string) (*Table, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("unix", path, dialWait)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("dial table on %s: %w", path, ErrNotServing)
	}
	if err != nil {
		return nil, fmt.Errorf("dial table: %w", err)
	}
	t := &Table{rpc.NewClient(conn)}
	ctx, cancel := context.WithTimeout(context.Background(), dialWait)
	defer cancel()
	if err := t.call(ctx, "Hello", 0, new(Reply)); err != nil {
		if strings.HasPrefix(err.Error(), "rpc: can't find service") {
			err = errors.New("it is another version of Sonde: start it anew")
		}
		return nil, errors.Join(fmt.Errorf("dial table on %s: %w", path, err), t.Close())
	}
	return t, nil
}

// Close ends the connection. Calls under way return an error.
func (t *Table) Close() error { return t.rpc.Close() }

// call waits for an answer or the end of ctx, after which the server still
// finishes what it has begun.
func (t *Table) call(ctx context.Context, method string, args, answer any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	call := t.rpc.Go(protocol+"."+method, args, answer, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-call.Done:
		return call.Error
	}
}

// ask calls a method that answers with rows or an error of the table.
func (t *Table) ask(ctx context.Context, method string, args any) (*Reply, error) {
	r := new(Reply)
	if err := t.call(ctx, method, args, r); err != nil {
		return nil, fmt.Errorf("ask the process that has the table: %w", err)
	}
	for i := range r.Rows {
		if !r.Rows[i].Expires.IsZero() {
			r.Rows[i].Expires = r.Rows[i].Expires.UTC()
		}
	}
	return r, r.err()
}

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key) (table.Row, error) {
	r, err := t.ask(ctx, "Get", key)
	if err != nil {
		return table.Row{}, err
	}
	if len(r.Rows) != 1 {
		return table.Row{}, fmt.Errorf("get %s %s: answer has %d rows", key.PK, key.SK, len(r.Rows))
	}
	return r.Rows[0], nil
}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	r, err := t.ask(ctx, "Query", q)
	if err != nil {
		return table.Page{}, err
	}
	return table.Page{Rows: r.Rows, Cursor: r.Cursor}, nil
}

// BatchGet implements table.Table.
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	// Here too, so that an absurd number of keys does not travel.
	if err := table.CheckKeys(keys); err != nil {
		return nil, err
	}
	r, err := t.ask(ctx, "BatchGet", keys)
	if err != nil {
		return nil, err
	}
	return r.Rows, nil
}

// Write implements table.Table.
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.CheckOps(ops); err != nil { // here too: rows may be of any size
		return err
	}
	wire := make([]wireOp, len(ops))
	for i, op := range ops {
		wire[i] = toWire(op)
	}
	_, err := t.ask(ctx, "Write", wire)
	return err
}
