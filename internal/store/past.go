package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/sondehq/sonde/internal/table"
)

func pastKey(id string) table.Key { return table.Key{PK: pagePK, SK: "INCIDENT#" + id} }

// PastOp keeps an incident as the public sees it, when it leaves the snapshot:
// links to it last longer than the page shows it.
func PastOp(v IncidentView) (table.Op, error) {
	return always(put(pastKey(v.ID), "past", 0, v))
}

// isIncidentID reports whether a text is formed as an incident's id: twelve
// digits of base 32. Nothing else is asked for.
func isIncidentID(id string) bool {
	return len(id) == 12 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// PastIncident reads an incident that has left the snapshot, as the public saw it
// last, in one read; false if there is none.
func (s *Store) PastIncident(ctx context.Context, id string) (IncidentView, bool, error) {
	if !isIncidentID(id) {
		return IncidentView{}, false, nil
	}
	rows, err := s.batchGet(ctx, []table.Key{pastKey(id)})
	if err != nil {
		return IncidentView{}, false, fmt.Errorf("get past incident %s: %w", id, err)
	}
	for _, v := range readAll(s, rows, as[IncidentView]) {
		return v, true, nil
	}
	return IncidentView{}, false, nil
}
