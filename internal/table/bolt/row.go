package bolt

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// rowKey is the length of the partition key in two bytes, big-endian, the
// partition key and the sort key. So a partition's rows stand together, in the
// order of their sort keys, whatever bytes either has.
func rowKey(k table.Key) []byte {
	key := partition(k.PK, len(k.SK))
	return append(key, k.SK...)
}

// partition is what all row keys of a partition begin with.
func partition(pk string, room int) []byte {
	key := make([]byte, 0, 2+len(pk)+room)
	key = binary.BigEndian.AppendUint16(key, uint16(len(pk))) // table.MaxPK is far below 64 K
	return append(key, pk...)
}

var errDamaged = errors.New("stored row is damaged")

func splitKey(key []byte) (table.Key, error) {
	if len(key) < 2 {
		return table.Key{}, errDamaged
	}
	n := 2 + int(binary.BigEndian.Uint16(key))
	if len(key) < n {
		return table.Key{}, errDamaged
	}
	return table.Key{PK: string(key[2:n]), SK: string(key[n:])}, nil
}

// A row's value is its version and its expiry (epoch seconds, 0 for never) as
// varints, kind and document each with their length before them, and the data.
func encodeRow(r *table.Row) []byte {
	value := make([]byte, 0, 4*binary.MaxVarintLen64+len(r.Kind)+len(r.Doc)+len(r.Data))
	value = binary.AppendVarint(value, r.Version)
	value = binary.AppendVarint(value, expiresUnix(r))
	value = binary.AppendUvarint(value, uint64(len(r.Kind)))
	value = append(value, r.Kind...)
	value = binary.AppendUvarint(value, uint64(len(r.Doc)))
	value = append(value, r.Doc...)
	return append(value, r.Data...)
}

func expiresUnix(r *table.Row) int64 {
	if r.Expires.IsZero() {
		return 0
	}
	return r.Expires.Unix()
}

// decodeHead reads a row's version and expiry, all that conditions look at,
// and returns the rest of its value.
func decodeHead(value []byte) (r table.Row, rest []byte, err error) {
	version, n := binary.Varint(value)
	if n <= 0 {
		return r, nil, errDamaged
	}
	value = value[n:]
	expires, n := binary.Varint(value)
	if n <= 0 {
		return r, nil, errDamaged
	}
	r.Version = version
	if expires != 0 {
		r.Expires = time.Unix(expires, 0).UTC()
	}
	return r, value[n:], nil
}

// decodeRow copies a row out of the transaction's memory.
func decodeRow(key table.Key, value []byte) (table.Row, error) {
	r, rest, err := decodeHead(value)
	if err != nil {
		return r, err
	}
	r.Key = key
	kind, rest, ok := cutSized(rest)
	if !ok {
		return r, errDamaged
	}
	doc, data, ok := cutSized(rest)
	if !ok {
		return r, errDamaged
	}
	r.Kind = string(kind)
	r.Doc = append([]byte(nil), doc...)
	if len(doc) == 0 {
		r.Doc = []byte("{}")
	}
	r.Data = append([]byte(nil), data...)
	return r, nil
}

func cutSized(b []byte) (part, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}
