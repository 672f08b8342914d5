package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/rpc"
	"os"
	"sync"
	"syscall"

	"github.com/sondehq/sonde/internal/table"
)

// A Server is a socket that is open, and not yet served.
type Server struct {
	path     string
	listener *net.UnixListener
	rpc      *rpc.Server
	service  *service
}

// Serve serves a table on a socket until ctx ends; then it finishes the calls
// under way, removes the socket and returns nil. It is Listen and Server.Serve
// in one, for those who need not know when clients can come.
func Serve(ctx context.Context, path string, t table.Table) error {
	s, err := Listen(path, t)
	if err != nil {
		return err
	}
	return s.Serve(ctx)
}

// Listen opens a socket for a table. Clients may Dial from then on, and wait
// for Serve. A socket that was left by a process that died is replaced; if a
// process still serves there, Listen returns ErrServing, and for a path that is
// too long ErrPathTooLong. The caller must call Serve, which closes the socket.
func Listen(path string, t table.Table) (*Server, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	s := &Server{path: path, rpc: rpc.NewServer(), service: &service{table: t}}
	if err := s.rpc.RegisterName(protocol, s.service); err != nil {
		return nil, fmt.Errorf("serve table: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("serve table on %s: %w", path, err)
	}
	var err error
	if s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
		return nil, fmt.Errorf("serve table: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("serve table: %w", err), s.listener.Close())
	}
	return s, nil
}

// removeStale removes a socket on which nobody answers, and nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file that is no socket")
	}
	conn, err := net.DialTimeout("unix", path, dialWait)
	switch {
	case err == nil:
		return errors.Join(ErrServing, conn.Close())
	case !errors.Is(err, syscall.ECONNREFUSED):
		return err
	}
	return os.Remove(path)
}

// Serve answers clients until ctx ends, finishes the calls under way and
// removes the socket. It returns an error only if the socket broke.
func (s *Server) Serve(ctx context.Context) error {
	// Calls are cut short only by their own end: one that is under way when
	// ctx ends is finished.
	s.service.ctx = context.WithoutCancel(ctx)
	var conns connections
	stop := context.AfterFunc(ctx, func() {
		s.listener.Close() // removes the socket
		conns.closeRead()
	})
	defer stop()
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			s.listener.Close()
			conns.closeRead()
			conns.wait()
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("serve table on %s: %w", s.path, err)
		}
		conns.serve(conn, func() { s.rpc.ServeConn(conn) })
	}
}

// connections are those that are open.
type connections struct {
	mu     sync.Mutex
	open   map[*net.UnixConn]bool
	closed bool
	group  sync.WaitGroup
}

func (c *connections) serve(conn *net.UnixConn, serve func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return
	}
	if c.open == nil {
		c.open = map[*net.UnixConn]bool{}
	}
	c.open[conn] = true
	c.group.Go(func() {
		serve() // closes the connection when it has answered what it had read
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, conn)
	})
}

// closeRead lets no more calls in; answers still go out.
func (c *connections) closeRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.open {
		if err := conn.CloseRead(); err != nil && !errors.Is(err, io.EOF) {
			conn.Close()
		}
	}
}

func (c *connections) wait() { c.group.Wait() }

// service is what net/rpc calls. Errors go in the reply, for net/rpc carries
// only their text.
type service struct {
	table table.Table
	ctx   context.Context // of Serve; net/rpc has none of its own to give
}

// Hello tells a client that the server knows its protocol.
func (s *service) Hello(int, *Reply) error { return nil }

func (s *service) Get(key table.Key, r *Reply) error {
	row, err := s.table.Get(s.ctx, key)
	if err == nil {
		r.Rows = []table.Row{row}
	}
	r.fail(err)
	return nil
}

func (s *service) Query(q table.Query, r *Reply) error {
	page, err := s.table.Query(s.ctx, q)
	r.Rows, r.Cursor = page.Rows, page.Cursor
	r.fail(err)
	return nil
}

func (s *service) BatchGet(keys []table.Key, r *Reply) error {
	rows, err := s.table.BatchGet(s.ctx, keys)
	r.Rows = rows
	r.fail(err)
	return nil
}

func (s *service) Write(wire []wireOp, r *Reply) error {
	ops := make([]table.Op, len(wire))
	for i, op := range wire {
		ops[i] = op.op()
	}
	r.fail(s.table.Write(s.ctx, ops...))
	return nil
}
