// Package statuspage shows a snapshot in the shape of Atlassian Statuspage's
// public API, version 2, so that what reads that API reads this one: widgets,
// menu bar applications, exporters, aggregators. It is pure: a view is a function
// of a snapshot and the page's address.
//
// What it guarantees, because strict clients rely on it:
//   - Every field that Statuspage sends is there. Those that may be null are
//     pointers; arrays are never null.
//   - Ids are twelve lower-case letters and digits, derived from the service's
//     id: a name may change without the id changing.
//   - Times are in UTC, with milliseconds and Z.
//   - Enumerations hold Statuspage's values and no others, mapped so that what
//     is not known to be fine is never green (see componentStatus).
//
// What it leaves out: affected_components of updates is null, as Sonde does not
// keep what each update changed. Lists hold the newest MaxList; there are no
// further pages, as Statuspage has none.
package statuspage

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/store"
)

// MaxList is how many incidents or maintenances a list holds, as Statuspage's.
const MaxList = 50

// Site is a snapshot to be shown.
type Site struct {
	store.Snapshot
	url        string
	now        time.Time
	components []Component
}

// New prepares a snapshot to be shown. url is the page's address, absolute and
// without a trailing slash; now stands for the time of a snapshot that was never
// made. A snapshot that is stale must have lost its statuses already: a Site
// believes what it is given. The snapshot is not changed.
func New(snapshot store.Snapshot, url string, now time.Time) *Site {
	s := &Site{Snapshot: snapshot, url: url, now: now}
	s.components = s.list()
	return s
}

// Time is written as Statuspage does: 2026-11-22T13:00:00.000Z.
type Time time.Time

// MarshalText writes the time in UTC with milliseconds.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

// orNull is null for a time that is not there.
func orNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return (*Time)(&t)
}

// first is the first of several times that is there.
func first(times ...time.Time) Time {
	for _, t := range times {
		if !t.IsZero() {
			return Time(t)
		}
	}
	return Time(time.Unix(0, 0))
}

// newID derives an id from what it is of.
func newID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

// Page is who the status is of.
type Page struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	URL       string `json:"url"`
	TimeZone  string `json:"time_zone"`
	UpdatedAt Time   `json:"updated_at"` // when the snapshot was made: its age is the data's
}

// page is the head of every answer.
func (s *Site) page() Page {
	zone := s.Site.TimeZone
	if zone == "" || zone == "UTC" {
		zone = "Etc/UTC"
	}
	return Page{ID: s.pageID(), Name: s.Site.Name, URL: s.url, TimeZone: zone, UpdatedAt: first(s.Generated, s.now)}
}

// pageID goes by the configured address, and where there is none by the name;
// never by the request's: an id must not depend on who asks.
func (s *Site) pageID() string {
	if s.Site.URL != "" {
		return newID("page", s.Site.URL)
	}
	return newID("page", s.Site.Name)
}
