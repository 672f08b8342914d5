package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// Board is the open incidents as they were read.
type Board struct {
	IDs      []string // in the order of opening
	Version  int64    // of the item that lists them
	Open     []incident.Incident
	Versions map[string]int64 // of each incident
}

type openList struct {
	IDs []string `json:"ids"`
}

var openKey = table.Key{PK: "INCIDENTS", SK: "OPEN"}

func incidentPK(id string) string { return "INCIDENT#" + id }

func headKey(id string) table.Key { return table.Key{PK: incidentPK(id), SK: "HEAD"} }

// Board reads all open incidents.
func (s *Store) Board(ctx context.Context) (Board, error) {
	var list openList
	version, err := s.get(ctx, openKey, &list)
	if err != nil {
		return Board{}, err
	}
	board := Board{IDs: list.IDs, Version: version, Versions: map[string]int64{}}
	keys := make([]table.Key, len(list.IDs))
	for i, id := range list.IDs {
		keys[i] = headKey(id)
	}
	rows, err := s.batchGet(ctx, keys)
	if err != nil {
		return Board{}, fmt.Errorf("get open incidents: %w", err)
	}
	for _, row := range rows {
		var inc incident.Incident
		if err := decode(row, &inc); err != nil {
			return Board{}, err
		}
		board.Open = append(board.Open, inc)
		board.Versions[inc.ID] = row.Version
	}
	return board, nil
}

// IncidentOps writes what incident.Step or Tick returned: incidents on condition
// that they are as the board read them, the list of open ones if it changes or who is
// in one of them, updates, and notifications into the outbox. So two who look for the
// incident of a service at one time cannot both put it into one.
func IncidentOps(board Board, fx incident.Effects) ([]table.Op, error) {
	var b ops
	open, regroups := board.IDs, false
	for _, inc := range fx.Incidents {
		regroups = regroups || board.regroups(inc)
		b.add(put(headKey(inc.ID), "incident", board.Versions[inc.ID], inc))
		b.add(always(put(listedKey(inc), "listed", 0, listed(inc))))
		if at := board.At(inc.ID); at >= 0 {
			if was := listedKey(board.Open[at]); was != listedKey(inc) { // a cause dates it back
				b.add(table.Op{Verb: table.Delete, Row: table.Row{Key: was}}, nil)
			}
		}
		open = listOpen(open, inc)
	}
	if regroups {
		b.add(put(openKey, "open", board.Version, openList{open}))
	}
	for i, u := range fx.Updates {
		// The version keeps apart what two steps wrote in one millisecond.
		sk := fmt.Sprintf("UPDATE#%s#%06d-%02d", stamp(u.At), board.Versions[u.Incident], i)
		b.add(always(put(table.Key{PK: incidentPK(u.Incident), SK: sk}, "update", 0, u)))
	}
	for _, n := range fx.Notifications {
		b.add(NotificationOp(n))
	}
	return b.all, b.err
}

// regroups reports whether an incident becomes open, or over, or has other services or
// causes than before, or some of them work that did not: whoever decides by that where
// something belongs is to decide anew.
func (b *Board) regroups(inc incident.Incident) bool {
	at := b.At(inc.ID)
	if at < 0 || inc.State == incident.Resolved {
		return at >= 0 || inc.State != incident.Resolved
	}
	return !slices.EqualFunc(b.Open[at].Services, inc.Services, func(was, is incident.Affected) bool {
		return was.ID == is.ID && was.Cause == is.Cause && was.Restored.IsZero() == is.Restored.IsZero()
	})
}

// At is where an incident stands among the open ones; -1 if it does not.
func (b *Board) At(id string) int {
	for i := range b.Open { // not by value: there may be thousands, in a storm
		if b.Open[i].ID == id {
			return i
		}
	}
	return -1
}

// With is the board after these effects were written to it: as Board would read
// it, if nobody else has written since.
func (b Board) With(fx incident.Effects) Board {
	next := Board{IDs: b.IDs, Version: b.Version, Open: slices.Clone(b.Open), Versions: maps.Clone(b.Versions)}
	regroups := false
	for _, inc := range fx.Incidents {
		regroups = regroups || b.regroups(inc)
		next.IDs = listOpen(next.IDs, inc)
		at := next.At(inc.ID)
		switch {
		case inc.State == incident.Resolved:
			delete(next.Versions, inc.ID)
			if at >= 0 {
				next.Open = slices.Delete(next.Open, at, at+1)
			}
			continue
		case at >= 0:
			next.Open[at] = inc
		default:
			next.Open = append(next.Open, inc)
		}
		next.Versions[inc.ID]++
	}
	if regroups {
		next.Version++
	}
	return next
}

func listedKey(inc incident.Incident) table.Key {
	return table.Key{PK: "INCIDENTS#" + inc.Opened.UTC().Format("2006"), SK: stamp(inc.Opened) + "#" + inc.ID}
}

// ops collects operations and the first error.
type ops struct {
	all []table.Op
	err error
}

func (b *ops) add(op table.Op, err error) {
	if err != nil && b.err == nil {
		b.err = err
	}
	b.all = append(b.all, op)
}

// listOpen is the list of open incidents with this one as it is now.
func listOpen(ids []string, inc incident.Incident) []string {
	at := slices.Index(ids, inc.ID)
	switch {
	case inc.State == incident.Resolved && at >= 0:
		return slices.Delete(slices.Clone(ids), at, at+1)
	case inc.State != incident.Resolved && at < 0:
		return append(slices.Clone(ids), inc.ID)
	}
	return ids
}

// Listed is one line of the list of incidents.
type Listed struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	State    incident.State `json:"state"`
	Worst    monitor.Impact `json:"worst"`
	Opened   time.Time      `json:"opened"`
	Resolved time.Time      `json:"resolved,omitzero"`
	Updated  time.Time      `json:"updated"`
	Since    time.Time      `json:"since"`             // see incident.Lasted
	Restored time.Time      `json:"restored,omitzero"` // zero while what is wrong is wrong
}

// Lasted is for how long it lasted, or has by now.
func (l Listed) Lasted(now time.Time) time.Duration {
	return cmp.Or(l.Restored, l.Resolved, now).Sub(cmp.Or(l.Since, l.Opened))
}

// ListedOf is how an incident is listed.
func ListedOf(inc incident.Incident) Listed { return listed(inc) }

func listed(inc incident.Incident) Listed {
	from, to := inc.Lasted()
	return Listed{inc.ID, inc.Title, inc.State, inc.Worst, inc.Opened, inc.Resolved, inc.Updated, from, to}
}

// Incidents lists incidents opened from a time inclusive to a time exclusive,
// newest first, at most limit.
func (s *Store) Incidents(ctx context.Context, from, to time.Time, limit int) ([]Listed, error) {
	var list []Listed
	for year := to.UTC().Year(); year >= from.UTC().Year() && len(list) < limit; year-- {
		rows, err := table.All(ctx, s.table, table.Query{
			PK: fmt.Sprintf("INCIDENTS#%d", year), From: stamp(from), To: stamp(to), Descending: true, Limit: limit - len(list),
		})
		if err != nil {
			return nil, fmt.Errorf("query incidents of %d: %w", year, err)
		}
		list = append(list, readAll(s, rows, as[Listed])...)
	}
	return list, nil
}

// Incident reads one incident; version 0 if there is none.
func (s *Store) Incident(ctx context.Context, id string) (incident.Incident, int64, error) {
	var inc incident.Incident
	version, err := s.get(ctx, headKey(id), &inc)
	return inc, version, err
}

// Updates reads an incident's time line, oldest first.
func (s *Store) Updates(ctx context.Context, id string) ([]incident.Update, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: incidentPK(id), From: "UPDATE#", To: "UPDATE$"})
	if err != nil {
		return nil, fmt.Errorf("query updates of %s: %w", id, err)
	}
	return readAll(s, rows, as[incident.Update]), nil
}

// EvidenceOp keeps a result that began a vote, as it was.
func EvidenceOp(service monitor.ServiceID, r monitor.Result) (table.Op, error) {
	sk := fmt.Sprintf("EVIDENCE#%s#%s#%s", stamp(r.Scheduled), r.Monitor, r.Location)
	op, err := always(put(table.Key{PK: servicePK(service), SK: sk}, "evidence", 0, r))
	return expiring(r.Scheduled.Add(keepEvidence), op, err)
}

// Evidence reads the results that began votes about a service, scheduled from a
// time inclusive to a time exclusive, oldest first, at most limit; 0: all.
func (s *Store) Evidence(ctx context.Context, id monitor.ServiceID, from, to time.Time, limit int) ([]monitor.Result, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: servicePK(id), From: "EVIDENCE#" + stamp(from), To: "EVIDENCE#" + stamp(to), Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("query evidence of %s: %w", id, err)
	}
	return readAll(s, rows, as[monitor.Result]), nil
}
