package uptime

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed means that bytes are no Sketch or Rollup of a form that this
// version knows.
var ErrMalformed = errors.New("malformed")

// sketchForm is the first byte of a sketch.
const sketchForm = 1

// AppendBinary appends the sketch in its binary form, which has one text for
// one sketch; nothing, for an empty one. A bucket takes two bytes as a rule. It
// fails only for more than MaxCount values.
//
// The form: 1; least, most - least, sum (µs); count of the first bucket; then
// for each further bucket that is not empty, how many empty ones lie before it,
// and its count. All are unsigned varints.
func (s Sketch) AppendBinary(b []byte) ([]byte, error) {
	if s.n == 0 {
		return b, nil
	}
	if s.n > MaxCount {
		return b, fmt.Errorf("encode sketch: %d values are more than %d", s.n, MaxCount)
	}
	b = append(b, sketchForm)
	b = binary.AppendUvarint(b, s.least)
	b = binary.AppendUvarint(b, s.most-s.least)
	b = binary.AppendUvarint(b, s.sum)
	b = binary.AppendUvarint(b, s.counts[0])
	empty := uint64(0)
	for _, c := range s.counts[1:] {
		if c == 0 {
			empty++
			continue
		}
		b = binary.AppendUvarint(b, empty)
		b = binary.AppendUvarint(b, c)
		empty = 0
	}
	return b, nil
}

// MarshalBinary is AppendBinary to nothing.
func (s Sketch) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary reads what MarshalBinary writes. It keeps no part of data.
// Anything else is ErrMalformed, and leaves the sketch as it was.
func (s *Sketch) UnmarshalBinary(data []byte) error {
	if len(data) == 0 {
		*s = Sketch{}
		return nil
	}
	if data[0] != sketchForm {
		return fmt.Errorf("decode sketch: form %d is not known: %w", data[0], ErrMalformed)
	}
	r := reader{rest: data[1:]}
	read, ok := readSketch(&r)
	if !ok || r.failed {
		return fmt.Errorf("decode sketch: %w", ErrMalformed)
	}
	*s = read
	return nil
}

// readSketch reads all that is left, and reports whether it makes a sketch that
// could have been built by Add and Merge.
func readSketch(r *reader) (s Sketch, ok bool) {
	s.least = r.uvarint(maxMicros)
	s.most = s.least + r.uvarint(maxMicros-s.least)
	s.sum = r.uvarint(MaxCount * maxMicros)
	if r.failed {
		return s, false
	}
	s.first = bucketOf(s.least)
	s.counts = make([]uint64, bucketOf(s.most)-s.first+1)
	low, high := uint64(0), uint64(0) // between which the sum must be
	for i := 0; i < len(s.counts); i++ {
		if i > 0 {
			i += int(r.uvarint(uint64(len(s.counts) - i - 1)))
		}
		c := r.uvarint(MaxCount - s.n)
		if r.failed || c == 0 {
			return s, false
		}
		s.counts[i] = c
		s.n += c
		from, to := bucket(s.first + i)
		low, high = low+c*max(from, s.least), high+c*min(to, s.most)
	}
	if s.n == 1 && s.least != s.most || len(r.rest) > 0 {
		return s, false
	}
	return s, low <= s.sum && s.sum <= high
}

// MarshalText is the binary form in base64, for JSON; "" for an empty sketch.
func (s Sketch) MarshalText() ([]byte, error) {
	data, err := s.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return base64.RawStdEncoding.AppendEncode(nil, data), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *Sketch) UnmarshalText(text []byte) error {
	data, err := base64.RawStdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("decode sketch: %w: %w", ErrMalformed, err)
	}
	return s.UnmarshalBinary(data)
}

// reader reads varints until one is wrong; then it has failed.
type reader struct {
	rest   []byte
	failed bool
}

// uvarint reads a number of at most limit, in its shortest form.
func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > limit || n > 1 && r.rest[n-1] == 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// varint reads a signed number, in its shortest form.
func (r *reader) varint() int64 {
	v := r.uvarint(1<<64 - 1)
	return int64(v>>1) ^ -int64(v&1)
}

// bytes reads a number of at most limit, and so many bytes.
func (r *reader) bytes(limit uint64) []byte {
	n := r.uvarint(min(limit, uint64(len(r.rest))))
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
