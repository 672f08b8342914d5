// Package zone loads IANA time zones where the system may have none, as in
// Lambda's runtime. It is for binaries whose size counts: time/tzdata adds 450 KB
// to one, this 60 KB, since most zones are links to others and all compress well
// together.
//
// The zones are those of the Go distribution that made zones.gz, with
// `go test ./internal/zone -update`. A system's own go before them.
package zone

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the zones
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// packed is a line "name offset length" for each zone, an empty line, and the
// zones' files (RFC 8536) in a row, all compressed.
//
//go:embed zones.gz
var packed []byte

// loaded keeps the zones that were loaded: there are some six hundred in all.
var loaded sync.Map

// Load returns the zone of that name. The error is that of time.LoadLocation.
func Load(name string) (*time.Location, error) {
	if known, has := loaded.Load(name); has {
		return known.(*time.Location), nil
	}
	in, err := load(name)
	if err == nil {
		loaded.Store(name, in)
	}
	return in, err
}

func load(name string) (*time.Location, error) {
	system, missing := time.LoadLocation(name)
	if missing == nil {
		return system, nil
	}
	if own, err := own(name); own != nil || err != nil {
		return own, err
	}
	return nil, missing
}

// own returns a zone of the package's; nil where it has none of that name.
func own(name string) (*time.Location, error) {
	text, err := unpacked()
	if err != nil {
		return nil, err
	}
	index, files, _ := strings.Cut(text, "\n\n")
	_, line, found := strings.Cut("\n"+index, "\n"+name+" ")
	var from, length int
	if _, err := fmt.Sscanf(line, "%d %d", &from, &length); !found || err != nil || from < 0 || length < 0 || from+length > len(files) {
		return nil, nil //nolint:nilnil // there is none
	}
	return time.LoadLocationFromTZData(name, []byte(files[from:from+length]))
}

var unpacked = sync.OnceValues(func() (string, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", fmt.Errorf("unpack zones: %w", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return "", fmt.Errorf("unpack zones: %w", err)
	}
	return string(text), nil
})
