package table

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// position is what a cursor says: after which row of which query to go on.
type position struct {
	PK         string `json:"p"`
	Descending bool   `json:"d,omitempty"`
	After      string `json:"a"`
}

// CursorAfter returns the cursor with which a query goes on after the row with
// a sort key. That row need not be there any more.
func (q Query) CursorAfter(sk string) string {
	encoded, err := json.Marshal(position{PK: q.PK, Descending: q.Descending, After: sk})
	if err != nil { // strings and a bool: it cannot be
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// After returns the sort key after which the query goes on, empty if it has no
// cursor, and ErrInvalid for a cursor that this query never gave.
func (q Query) After() (sk string, err error) {
	if q.Cursor == "" {
		return "", nil
	}
	bad := func(why string) (string, error) { return "", fmt.Errorf("%w: cursor %s", ErrInvalid, why) }
	encoded, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return bad("is malformed")
	}
	var at position
	if err := json.Unmarshal(encoded, &at); err != nil {
		return bad("is malformed")
	}
	switch {
	case at.PK != q.PK || at.Descending != q.Descending:
		return bad("is of another query")
	case at.After == "" || at.After < q.From || q.To != "" && at.After >= q.To:
		return bad("is outside the query's range")
	case len(at.After) > MaxSK:
		return bad("is too long")
	}
	return at.After, nil
}
