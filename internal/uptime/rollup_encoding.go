package uptime

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// rollupForm is the first byte of a rollup.
const rollupForm = 1

// Times outside the years 0 to 9999 have no JSON.
const (
	minUnix = -62167219200
	maxUnix = 253402300799
)

// maxID is more than a monitor's id may have, in bytes.
const maxID = 255

// AppendBinary appends the rollup in its binary form, which has one text for
// one rollup. It fails for a window that is not in whole seconds or not in the
// years 0 to 9999, a number that is negative, and a sketch that cannot be
// stored. In JSON a rollup stands as its fields, with the sketch in base64.
//
// The form: 1; length of the id, id; From as epoch seconds (signed), length of
// the window in seconds; up, degraded, down, not run; observed in nanoseconds;
// the sketch. All numbers are varints.
func (r Rollup) AppendBinary(b []byte) ([]byte, error) {
	if r.From.Nanosecond() != 0 || r.To.Nanosecond() != 0 {
		return b, fmt.Errorf("encode rollup: window %v to %v is not in whole seconds", r.From, r.To)
	}
	if r.From.Unix() < minUnix || r.To.Unix() > maxUnix {
		return b, fmt.Errorf("encode rollup: window %v to %v is out of range", r.From, r.To)
	}
	if len(r.Monitor) > maxID {
		return b, fmt.Errorf("encode rollup: id of %d bytes is longer than %d", len(r.Monitor), maxID)
	}
	numbers := []int64{r.To.Unix() - r.From.Unix(), r.Up, r.Degraded, r.Down, r.NotRun, int64(r.Observed)}
	b = append(b, rollupForm)
	b = binary.AppendUvarint(b, uint64(len(r.Monitor)))
	b = append(b, r.Monitor...)
	b = binary.AppendVarint(b, r.From.Unix())
	for _, n := range numbers {
		if n < 0 {
			return b, fmt.Errorf("encode rollup: %+v: %d is negative", r.Window, n)
		}
		b = binary.AppendUvarint(b, uint64(n))
	}
	return r.Latency.AppendBinary(b)
}

// MarshalBinary is AppendBinary to nothing.
func (r Rollup) MarshalBinary() ([]byte, error) { return r.AppendBinary(nil) }

// UnmarshalBinary reads what MarshalBinary writes; times are in UTC. It keeps
// no part of data. Anything else is ErrMalformed, and leaves the rollup as it
// was.
func (r *Rollup) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != rollupForm {
		return fmt.Errorf("decode rollup: form is not known: %w", ErrMalformed)
	}
	in := reader{rest: data[1:]}
	var read Rollup
	read.Monitor = monitor.ID(in.bytes(maxID))
	from := in.varint()
	length := int64(in.uvarint(maxUnix - minUnix))
	for _, n := range []*int64{&read.Up, &read.Degraded, &read.Down, &read.NotRun, (*int64)(&read.Observed)} {
		*n = int64(in.uvarint(math.MaxInt64))
	}
	if in.failed || from < minUnix || from > maxUnix || from+length > maxUnix {
		return fmt.Errorf("decode rollup: %w", ErrMalformed)
	}
	read.Window = Window{time.Unix(from, 0).UTC(), time.Unix(from+length, 0).UTC()}
	if err := read.Latency.UnmarshalBinary(in.rest); err != nil {
		return fmt.Errorf("decode rollup: %w", err)
	}
	*r = read
	return nil
}
