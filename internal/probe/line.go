package probe

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// line is one connection of HTTP/1, and what is under way on it.
type line struct {
	conn, raw net.Conn // raw is under TLS, conn over it
	tls       *tls.ConnectionState
	stop      func() bool // nothing ends it any more when the check ends
	in        *bufio.Reader
	limit     *allowance
	sending   chan struct{} // closed when a large body is sent; nil where there is none
	cut       bool          // the connection took no more of the request
}

// together is how large a body is sent before its answer is looked for: a new
// connection takes so much at once. The answer to a larger one may come before
// all of it is sent.
const together = 16 << 10

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 2<<10) }}

// exchange sends a request and reads the answer's header. An answer counts, also
// to a request that could not be sent to its end.
func (l *line) exchange(r *http.Request, trace *hops) (*http.Response, error) {
	out := *r
	out.Close = r.Header.Get("Upgrade") == ""
	var unsent error
	if r.ContentLength > together {
		l.sending = make(chan struct{})
		go func() {
			defer close(l.sending)
			if unsent = l.send(&out, trace); unsent != nil && !l.cut {
				_ = l.raw.Close() // nothing will be answered to what is no request
			}
		}()
	} else if unsent = l.send(&out, trace); unsent != nil && (!l.cut || isTimeout(unsent)) {
		return nil, unsent
	}
	l.limit = &allowance{from: l.conn, left: maxHeader}
	l.in = readers.Get().(*bufio.Reader)
	l.in.Reset(l.limit)
	if _, err := l.in.Peek(1); err != nil {
		if l.sending != nil {
			_ = l.raw.Close()
			<-l.sending
			if l.cut {
				unsent = nil // the answer's end says more
			}
		}
		return nil, cmp.Or(unsent, err)
	}
	trace.answered()
	response, err := answer(l.in, r)
	if err != nil {
		if l.limit.err != nil && !errors.Is(l.limit.err, io.EOF) {
			err = l.limit.err // what was cut off by us is not malformed
		}
		return nil, err
	}
	l.limit.left = endless
	response.TLS = l.tls
	if response.StatusCode == http.StatusSwitchingProtocols {
		response.Body = upgraded{l}
	} else {
		response.Body = &transfer{from: response.Body, line: l}
	}
	return response, nil
}

func (l *line) send(r *http.Request, trace *hops) error {
	out := writers.Get().(*bufio.Writer)
	defer writers.Put(out)
	out.Reset(l)
	defer out.Reset(nil)
	err := r.Write(out)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		trace.sent()
	}
	return err
}

// Write implements io.Writer for a request. It knows a connection that takes no
// more from a request that cannot be written.
func (l *line) Write(p []byte) (int, error) {
	n, err := l.conn.Write(p)
	l.cut = l.cut || err != nil
	return n, err
}

// answer reads a header, those of interim answers before it passed over.
func answer(in *bufio.Reader, r *http.Request) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(in, r)
		if err != nil || response.StatusCode < 100 || response.StatusCode > 199 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
}

// drop ends a line without a word: after a failure there may be nobody to hear it.
func (l *line) drop() {
	l.stop()
	_ = l.raw.Close()
	if l.sending != nil {
		<-l.sending
	}
}

// end ends a line whose answer was read.
func (l *line) end() {
	if l.sending == nil {
		_ = l.conn.Close() // with TLS's good-bye, for which there is room
	}
	l.drop()
	l.in.Reset(nil)
	readers.Put(l.in)
	l.in = nil
}

var errLongHeader = fmt.Errorf("the header is longer than %d KiB", maxHeader>>10)

// endless is an allowance that is never used up.
const endless = -1

// allowance reads so many bytes and not more.
type allowance struct {
	from net.Conn
	left int
	err  error // that ended it
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left == endless {
		return a.from.Read(p)
	}
	if a.left == 0 {
		a.err = errLongHeader
		return 0, a.err
	}
	n, err := a.from.Read(p[:min(len(p), a.left)])
	a.left, a.err = a.left-n, err
	return n, err
}

// transfer is the body of an answer. Closing it ends the line; what has not been
// read by then nobody wants.
type transfer struct {
	from io.Reader
	line *line
}

func (t *transfer) Read(p []byte) (int, error) {
	if t.line == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	return t.from.Read(p)
}

func (t *transfer) Close() error {
	if t.line != nil {
		t.line.end()
		t.line = nil
	}
	return nil
}

// upgraded is what a line is after an answer of 101: both sides may speak.
type upgraded struct{ line *line }

func (u upgraded) Read(p []byte) (int, error)  { return u.line.in.Read(p) }
func (u upgraded) Write(p []byte) (int, error) { return u.line.conn.Write(p) }

// Close ends the line, with TLS's good-bye if there is room for it.
func (u upgraded) Close() error {
	u.line.stop()
	late := time.AfterFunc(goodBye, func() { _ = u.line.raw.Close() })
	defer late.Stop()
	return u.line.conn.Close()
}

// goodBye is how long a peer that does not read keeps us; crypto/tls would wait
// for 5 s.
const goodBye = 100 * time.Millisecond
