package probe

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"unicode/utf8"
)

// The kinds of frame (RFC 6455, 5.2).
const (
	opMore   byte = 0
	opText   byte = 1
	opBinary byte = 2
	opClose  byte = 8
	opPing   byte = 9
	opPong   byte = 10
)

// maxMessage is the longest message that is read, in bytes.
const maxMessage = 64 << 10

// maxControl is how many frames in a row may hold nothing of a message.
const maxControl = 1000

// frames reads and writes the frames of a client. It is used by one goroutine.
type frames struct {
	stream io.ReadWriteCloser
	late   atomic.Bool // the stream was closed because time was up
	r      *bufio.Reader
	closed int    // code that the server closed with; 1005 where it told none; 0 while it has not
	reason string // ": why", where it told
}

func newFrames(stream io.ReadWriteCloser) *frames {
	return &frames{stream: stream, r: bufio.NewReaderSize(stream, 4<<10)}
}

// send writes one frame, masked, as a client must.
func (f *frames) send(op byte, payload []byte) error {
	out := []byte{0x80 | op}
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	mask := make([]byte, 4)
	_, _ = rand.Read(mask)
	out = append(out, mask...)
	for i, b := range payload {
		out = append(out, b^mask[i%4])
	}
	_, err := f.stream.Write(out)
	if err != nil && f.late.Load() {
		return os.ErrDeadlineExceeded
	}
	return err
}

var errClosed = errors.New("the server closed")

func protocolError(format string, args ...any) error {
	return fmt.Errorf("the server broke the WebSocket protocol: "+format, args...)
}

// end closes the stream under whoever reads: time is up.
func (f *frames) end() {
	f.late.Store(true)
	_ = f.stream.Close()
}

// receive returns the next message, whole, and answers pings on the way. After
// the server's close it returns errClosed.
func (f *frames) receive() ([]byte, error) {
	var message []byte
	begun := false
	for range maxControl {
		op, last, payload, err := f.next(maxMessage - len(message))
		switch {
		case err != nil && f.late.Load():
			return nil, os.ErrDeadlineExceeded
		case err != nil:
			return nil, err
		case op == opClose:
			f.hear(payload)
			return nil, errClosed
		case op == opPing:
			if err := f.send(opPong, payload); err != nil {
				return nil, err
			}
			continue
		case op == opPong:
			continue
		case (op == opMore) != begun:
			return nil, protocolError("a message began inside another, or went on without one")
		}
		message, begun = append(message, payload...), true
		if last {
			return message, nil
		}
	}
	return nil, protocolError("%d frames in a row without a whole message", maxControl)
}

// next reads one frame.
func (f *frames) next(most int) (op byte, last bool, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err = io.ReadFull(f.r, head); err != nil {
		return 0, false, nil, err
	}
	op, last = head[0]&0x0f, head[0]&0x80 != 0
	size, err := f.size(head[1] & 0x7f)
	control := op >= opClose
	switch {
	case err != nil:
		return 0, false, nil, err
	case head[0]&0x70 != 0:
		return 0, false, nil, protocolError("a frame uses bits that are reserved")
	case head[1]&0x80 != 0:
		return 0, false, nil, protocolError("a frame of the server is masked")
	case op > opBinary && !control || op > opPong:
		return 0, false, nil, protocolError("a frame of the unknown kind %d", op)
	case control && (size > 125 || !last):
		return 0, false, nil, protocolError("a control frame is too long, or in parts")
	case size > uint64(most):
		return 0, false, nil, protocolError("a message of more than %d bytes", maxMessage)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(f.r, payload)
	return op, last, payload, err
}

func (f *frames) size(short byte) (uint64, error) {
	if short < 126 {
		return uint64(short), nil
	}
	long := make([]byte, 8)
	from := 6
	if short == 127 {
		from = 0
	}
	_, err := io.ReadFull(f.r, long[from:])
	return binary.BigEndian.Uint64(long), err
}

// hear keeps the code and reason that the server closes with.
func (f *frames) hear(payload []byte) {
	f.closed = 1005 // "no status received"
	if len(payload) >= 2 {
		f.closed = int(binary.BigEndian.Uint16(payload))
	}
	if len(payload) > 2 && utf8.Valid(payload[2:]) {
		f.reason = ": " + printable(string(payload[2:]), 123)
	}
}
