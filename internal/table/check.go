package table

import (
	"fmt"
	"unicode/utf8"
)

// This file is what every adapter asks before it touches its engine, so that
// all of them refuse the same things with the same words.

// CheckKey returns an ErrInvalid that says what is wrong with a key, or nil.
func CheckKey(k Key) error {
	if err := checkKeyPart("partition key", k.PK, MaxPK); err != nil {
		return err
	}
	if err := checkKeyPart("sort key", k.SK, MaxSK); err != nil {
		return fmt.Errorf("%w, in partition %s", err, quote(k.PK))
	}
	return nil
}

// CheckKeys checks the keys of a BatchGet: no more than MaxBatch, each of them
// valid, none twice.
func CheckKeys(keys []Key) error {
	if len(keys) > MaxBatch {
		return fmt.Errorf("%w: %d keys in one batch, at most %d", ErrInvalid, len(keys), MaxBatch)
	}
	seen := make(map[Key]bool, len(keys))
	for _, k := range keys {
		if err := CheckKey(k); err != nil {
			return err
		}
		if seen[k] {
			return fmt.Errorf("%w: key %s stands twice in one batch", ErrInvalid, describe(k))
		}
		seen[k] = true
	}
	return nil
}

// CheckQuery returns an ErrInvalid that says what is wrong with a query, or
// nil. A range that ends before it begins is no error: it is empty.
func CheckQuery(q Query) error {
	if err := checkKeyPart("partition key", q.PK, MaxPK); err != nil {
		return err
	}
	for _, bound := range []struct{ name, value string }{{"lower bound", q.From}, {"upper bound", q.To}} {
		if bound.value == "" {
			continue
		}
		if err := checkKeyPart(bound.name, bound.value, MaxSK); err != nil {
			return fmt.Errorf("%w, in partition %s", err, quote(q.PK))
		}
	}
	if q.Limit < 0 {
		return fmt.Errorf("%w: limit %d is negative", ErrInvalid, q.Limit)
	}
	_, err := q.After()
	return err
}

// CheckOps checks the operations of a Write: their number, keys, rows and
// sizes. What is too big for any engine is ErrTooLarge, all else ErrInvalid.
func CheckOps(ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxOps {
		return fmt.Errorf("%w: %d operations in one write, from 1 to %d", ErrInvalid, len(ops), MaxOps)
	}
	total := 0
	seen := make(map[Key]bool, len(ops))
	for i := range ops {
		op := &ops[i]
		if err := CheckKey(op.Row.Key); err != nil {
			return err
		}
		if seen[op.Row.Key] {
			return fmt.Errorf("%w: two operations on %s in one write", ErrInvalid, describe(op.Row.Key))
		}
		seen[op.Row.Key] = true
		size, err := checkOp(op)
		if err != nil {
			return err
		}
		total += size
	}
	if total > MaxWrite {
		return fmt.Errorf("%w: %d bytes in one write, at most %d", ErrTooLarge, total, MaxWrite)
	}
	return nil
}

func checkOp(op *Op) (size int, err error) {
	key := op.Row.Key
	switch op.Verb {
	case Put:
		return checkRow(&op.Row)
	case Check:
		if op.If.IsAlways() {
			return 0, fmt.Errorf("%w: check of %s has no condition", ErrInvalid, describe(key))
		}
		fallthrough
	case Delete:
		return len(key.PK) + len(key.SK), nil
	}
	return 0, fmt.Errorf("%w: verb %d on %s", ErrInvalid, op.Verb, describe(key))
}

func checkRow(r *Row) (size int, err error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: put %s: %s", ErrInvalid, describe(r.Key), fmt.Sprintf(format, args...))
	}
	switch {
	case r.Kind == "":
		return 0, bad("kind is empty")
	case !utf8.ValidString(r.Kind):
		return 0, bad("kind is not valid UTF-8")
	case !r.Expires.IsZero() && (r.Expires.Nanosecond() != 0 || r.Expires.Unix() <= 0):
		return 0, bad("expiry %v is not in whole seconds after 1970", r.Expires)
	}
	doc, err := measureDoc(r.Doc)
	if err != nil {
		return 0, bad("document %v", err)
	}
	size = rowOverhead + len(r.PK) + len(r.SK) + len(r.Kind) + len(r.Data) + doc
	if size > MaxRow {
		return 0, fmt.Errorf("%w: put %s: %d bytes, at most %d", ErrTooLarge, describe(r.Key), size, MaxRow)
	}
	return size, nil
}

// rowOverhead is the names of the attributes pk, sk, kind, version, expires and
// data, and two numbers at their longest: 21 bytes each (Developer Guide,
// "DynamoDB item sizes").
const rowOverhead = 2 + 2 + 4 + 7 + 7 + 4 + 2*21

// Size returns the bytes of a row as MaxRow counts them: as DynamoDB does,
// rounded up. Attribute names count, each list or map costs 3 bytes and each
// of its elements one. It returns the error that Write would.
func Size(r Row) (int, error) {
	if err := CheckKey(r.Key); err != nil {
		return 0, err
	}
	return checkRow(&r)
}

func checkKeyPart(name, value string, most int) error {
	switch {
	case value == "":
		return fmt.Errorf("%w: %s is empty", ErrInvalid, name)
	case len(value) > most:
		return fmt.Errorf("%w: %s %s has %d bytes, at most %d", ErrInvalid, name, quote(value), len(value), most)
	case !utf8.ValidString(value):
		return fmt.Errorf("%w: %s %s is not valid UTF-8", ErrInvalid, name, quote(value))
	}
	return nil
}

func describe(k Key) string { return quote(k.PK) + " " + quote(k.SK) }

// quote shows a key in a message, the long ones by their beginning.
func quote(s string) string {
	if len(s) <= 80 {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%.80q…", s[:80])
}
