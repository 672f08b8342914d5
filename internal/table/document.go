package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// reserved are the attributes beside which a document's members stand.
var reserved = [...]string{"pk", "sk", "kind", "version", "expires", "data"}

// What DynamoDB takes (Developer Guide, "Constraints in DynamoDB": numbers,
// nested attribute depth, attribute names).
const (
	maxDepth       = 31  // lists and maps within one another: 32 levels with the item
	maxDigits      = 38  // significant digits of a number
	maxExponent    = 125 // of a number written d.ddd × 10ⁿ
	minExponent    = -130
	containerBytes = 3 // of overhead for a list or map
	elementBytes   = 1 // of overhead for each element of one
)

// measureDoc checks that every engine can store a document, and returns the
// most bytes that DynamoDB may count for it.
func measureDoc(doc []byte) (size int, err error) {
	if len(doc) == 0 {
		return 0, nil
	}
	if !utf8.Valid(doc) {
		return 0, errors.New("is not valid UTF-8")
	}
	if !json.Valid(doc) {
		return 0, errors.New("is not valid JSON")
	}
	w := walker{rest: doc}
	if w.peek() != '{' {
		return 0, errors.New("is not a JSON object")
	}
	err = w.members(func(name string) error {
		for _, r := range reserved {
			if name == r {
				return fmt.Errorf("has a member %q, which is the row's own", name)
			}
		}
		n, err := w.value(0)
		size += len(name) + n
		return err
	})
	return size, err
}

// walker goes over JSON that is known to be valid.
type walker struct{ rest []byte }

// peek returns the first byte that is not white space.
func (w *walker) peek() byte {
	w.rest = bytes.TrimLeft(w.rest, " \t\r\n")
	return w.rest[0]
}

func (w *walker) next() byte {
	c := w.peek()
	w.rest = w.rest[1:]
	return c
}

// value passes one value, which stands depth levels deep, and returns its size.
func (w *walker) value(depth int) (size int, err error) {
	c := w.peek()
	if depth >= maxDepth && (c == '{' || c == '[') {
		return 0, fmt.Errorf("is nested more than %d levels deep", maxDepth)
	}
	switch c {
	case '{':
		size = containerBytes
		err = w.members(func(name string) error {
			n, err := w.value(depth + 1)
			size += elementBytes + len(name) + n
			return err
		})
		return size, err
	case '[':
		return w.elements(depth)
	case '"':
		return len(w.text()), nil
	case 't', 'n':
		w.rest = w.rest[len("true"):]
		return 1, nil
	case 'f':
		w.rest = w.rest[len("false"):]
		return 1, nil
	default:
		return w.number()
	}
}

func (w *walker) elements(depth int) (size int, err error) {
	size = containerBytes
	w.next()
	if w.peek() == ']' {
		w.next()
		return size, nil
	}
	for {
		n, err := w.value(depth + 1)
		if err != nil {
			return 0, err
		}
		size += elementBytes + n
		if w.next() == ']' {
			return size, nil
		}
	}
}

// members passes an object; each must pass the member's value.
func (w *walker) members(each func(name string) error) error {
	w.next()
	if w.peek() == '}' {
		w.next()
		return nil
	}
	for {
		w.peek()
		name := w.text()
		if bytes.IndexByte(name, '\\') >= 0 {
			var plain string
			if err := json.Unmarshal([]byte(`"`+string(name)+`"`), &plain); err != nil {
				return err
			}
			name = []byte(plain)
		}
		if len(name) == 0 {
			return errors.New("has a member without a name")
		}
		w.next() // the colon
		if err := each(string(name)); err != nil {
			return err
		}
		if w.next() == '}' {
			return nil
		}
	}
}

// text passes a string and returns what stands between its quotes, escapes as
// they are: they are never shorter than what they mean.
func (w *walker) text() []byte {
	i := 1
	for w.rest[i] != '"' {
		if w.rest[i] == '\\' {
			i++
		}
		i++
	}
	text := w.rest[1:i]
	w.rest = w.rest[i+1:]
	return text
}

func (w *walker) number() (size int, err error) {
	end := 0
	for end < len(w.rest) && strings.IndexByte("+-.eE0123456789", w.rest[end]) >= 0 {
		end++
	}
	text := string(w.rest[:end])
	w.rest = w.rest[end:]
	digits, exponent, err := scale(text)
	switch {
	case err != nil:
		return 0, err
	case digits > maxDigits:
		return 0, fmt.Errorf("has a number of %d significant digits, at most %d", digits, maxDigits)
	case digits > 0 && (exponent > maxExponent || exponent < minExponent):
		return 0, fmt.Errorf("has a number of the order 1e%d, from 1e%d to 1e%d", exponent, minExponent, maxExponent)
	}
	return 1 + (digits+1)/2 + 1, nil // length, two digits a byte, sign
}

// scale returns how many significant digits a JSON number has, none for zero,
// and its exponent when written with one digit before the point.
func scale(number string) (digits, exponent int, err error) {
	mantissa, power, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(number, "-")), "e")
	if power != "" {
		if exponent, err = strconv.Atoi(power); err != nil {
			return 0, 0, fmt.Errorf("has a number with the exponent %.20s", power)
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	significant := strings.TrimLeft(all, "0")
	exponent += len(whole) - 1 - (len(all) - len(significant))
	return len(strings.TrimRight(significant, "0")), exponent, nil
}
