package maintenance

import (
	"fmt"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/cron"
)

// forms are how a time may be written as a zone's clocks show it.
var forms = []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

// ParseTime reads a time that people wrote: 2026-12-01 02:00 as a zone's clocks
// show it, or 2026-12-01T02:00:00Z with an offset of its own. A time that clocks
// leave out is as much later, and of one that there is twice it is the first.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	for _, form := range forms {
		if t, err := time.Parse(form, text); err == nil {
			return cron.Instant(t, zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("expected a time such as 2026-12-01 02:00, or 2026-12-01T02:00:00Z, found %q", text)
}
