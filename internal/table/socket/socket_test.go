package socket_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
	"github.com/sondehq/sonde/internal/table/socket"
	"github.com/sondehq/sonde/internal/table/tabletest"
)

// tempDir is short enough for a socket, which t.TempDir with its test's name
// need not be.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sonde")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// serve serves a table until the test, or the returned function, ends it.
func serve(t *testing.T, path string, tbl table.Table) (end func() error) {
	t.Helper()
	server, err := socket.Listen(path, tbl)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	var ended bool
	end = func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-served
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return end
}

func dial(t *testing.T, path string) *socket.Table {
	t.Helper()
	tbl, err := socket.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tbl.Close() })
	return tbl
}

func openBolt(t *testing.T, now func() time.Time) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table.db"), now, bolt.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		path := filepath.Join(tempDir(t), "table.sock")
		serve(t, path, openBolt(t, now))
		return dial(t, path)
	})
}

// odd answers each call with one error.
type odd struct{ err error }

func (o odd) Get(context.Context, table.Key) (table.Row, error)          { return table.Row{}, o.err }
func (o odd) Query(context.Context, table.Query) (table.Page, error)     { return table.Page{}, o.err }
func (o odd) BatchGet(context.Context, []table.Key) ([]table.Row, error) { return nil, o.err }
func (o odd) Write(context.Context, ...table.Op) error                   { return o.err }

func TestErrors(t *testing.T) {
	sentinels := []error{table.ErrNotFound, table.ErrConflict, table.ErrInvalid, table.ErrTooLarge, context.Canceled, context.DeadlineExceeded}
	for _, want := range append(sentinels, errors.New("disk is full")) {
		t.Run(want.Error(), func(t *testing.T) {
			path := filepath.Join(tempDir(t), "s")
			serve(t, path, odd{fmt.Errorf("at the far end: %w", want)})
			tbl := dial(t, path)
			key := table.Key{PK: "p", SK: "s"}
			_, get := tbl.Get(t.Context(), key)
			_, query := tbl.Query(t.Context(), table.Query{PK: "p"})
			_, batch := tbl.BatchGet(t.Context(), []table.Key{key})
			write := tbl.Write(t.Context(), table.Op{Row: table.Row{Key: key, Kind: "k"}})
			for call, got := range map[string]error{"Get": get, "Query": query, "BatchGet": batch, "Write": write} {
				if got == nil || got.Error() != "at the far end: "+want.Error() {
					t.Errorf("%s: %v", call, got)
				}
				for _, sentinel := range sentinels {
					if errors.Is(got, sentinel) != errors.Is(want, sentinel) {
						t.Errorf("%s: errors.Is(%v, %v) is %t", call, got, sentinel, errors.Is(got, sentinel))
					}
				}
			}
		})
	}
}

func TestDialRefuses(t *testing.T) {
	dir := tempDir(t)
	dead := filepath.Join(dir, "dead")
	leaveSocket(t, dead)
	foreign := filepath.Join(dir, "foreign")
	serveForeign(t, foreign)
	for _, c := range []struct {
		name, path string
		want       error
		says       string
	}{
		{"nothing there", filepath.Join(dir, "nobody"), socket.ErrNotServing, "nobody"},
		{"left by a dead process", dead, socket.ErrNotServing, "dead"},
		{"path too long", filepath.Join(dir, strings.Repeat("x", socket.MaxPath)), socket.ErrPathTooLong, "at most 103"},
		{"another protocol", foreign, nil, "another version of Sonde"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := socket.Dial(c.path)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Dial: %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

// leaveSocket leaves a socket as a killed process does.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func serveForeign(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go rpc.NewServer().Accept(l)
}

func TestListen(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "s")
	db := openBolt(t, time.Now)

	leaveSocket(t, path)
	end := serve(t, path, db) // replaces it
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket has mode %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := socket.Listen(path, db); !errors.Is(err, socket.ErrServing) {
		t.Errorf("Listen on a socket that is served: %v, want ErrServing", err)
	}
	dial(t, path) // still served
	if err := end(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Serve: %v, want no file", err)
	}

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(path, db); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("Listen on a file: %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	long := filepath.Join(dir, strings.Repeat("x", socket.MaxPath))
	if err := socket.Serve(t.Context(), long, db); !errors.Is(err, socket.ErrPathTooLong) {
		t.Errorf("Serve on a long path: %v, want ErrPathTooLong", err)
	}
}

// slow is a table whose writes wait to be let go.
type slow struct {
	table.Table
	begun, finish chan struct{}
}

func (s slow) Write(ctx context.Context, ops ...table.Op) error {
	close(s.begun)
	<-s.finish
	return s.Table.Write(ctx, ops...)
}

// TestServeEnds: a call under way when the server ends is finished and
// answered; the next one is not.
func TestServeEnds(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	s := slow{openBolt(t, time.Now), make(chan struct{}), make(chan struct{})}
	end := serve(t, path, s)
	tbl := dial(t, path)
	op := table.Op{Row: table.Row{Key: table.Key{PK: "p", SK: "s"}, Kind: "k", Version: 1}}
	written, ended := make(chan error, 1), make(chan error, 1)
	go func() { written <- tbl.Write(t.Context(), op) }()
	<-s.begun
	go func() { ended <- end() }()
	for { // the socket goes first
		if _, err := os.Lstat(path); err != nil {
			break
		}
	}
	close(s.finish)
	if err := <-written; err != nil {
		t.Errorf("Write under way: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if row, err := s.Get(t.Context(), op.Row.Key); err != nil || row.Version != 1 {
		t.Errorf("the row is %v, %v", row, err)
	}
	if _, err := tbl.Get(t.Context(), op.Row.Key); err == nil || errors.Is(err, table.ErrNotFound) {
		t.Errorf("Get after the end: %v", err)
	}
}

// TestCallEnds: a client does not wait longer than its context.
func TestCallEnds(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	s := slow{openBolt(t, time.Now), make(chan struct{}), make(chan struct{})}
	serve(t, path, s)
	t.Cleanup(func() { close(s.finish) }) // runs before the server's end
	tbl := dial(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		written <- tbl.Write(ctx, table.Op{Row: table.Row{Key: table.Key{PK: "p", SK: "s"}, Kind: "k"}})
	}()
	<-s.begun
	cancel()
	if err := <-written; !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v, want context.Canceled", err)
	}
}
