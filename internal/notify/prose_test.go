package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
)

// TestProse: paragraphs and lists that people write stay such.
func TestProse(t *testing.T) {
	const list = "We move:\r\n\r\n\n- mail, which takes longer than the rest since there is so much of it, as you may know\n-  files\n\n\nBye.\n\n"
	const laidOut = "We move:\n\n- mail, which takes longer than the rest since there is so much of it,\n  as you may know\n- files\n\nBye.\n\n"
	long := strings.Repeat("All is well. ", 400)
	for _, c := range []struct {
		name  string
		event incident.Event
		text  string
		url   string
		want  string // of the e-mail: its beginning; or, with dots, its end
	}{
		{"update", incident.EventUpdated, list, "", laidOut},
		{"end", incident.EventResolved, list, "", "Load balancers: working again.\n\n" + laidOut},
		{"worse", incident.EventEscalated, list, "", strings.TrimSuffix(laidOut, "\n") + "\nThis is worse than you were told before.\n\n"},
		{"one line", incident.EventResolved, "We moved.\n", "", "Load balancers: working again. We moved.\n\n"},
		{"too long", incident.EventUpdated, long, "https://status.example.com", "...All is...\n\nThe rest is on the page.\n\n"},
		{"too long, and no page", incident.EventUpdated, long, "", "...All is...\n\n"},
		{"far too long", incident.EventUpdated, strings.Repeat(" ", 100_000) + "x", "https://status.example.com", "The rest is on the page.\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := notification(c.event, false)
			n.Text, n.URL = c.text, c.url
			m := notify.Compose([]incident.Notification{n})
			check(t, m)
			got, _, _ := strings.Cut(m.Email, "Began: ")
			got, _, _ = strings.Cut(got, "From: ")
			got, _, _ = strings.Cut(got, "Since: ")
			if want, is := strings.CutPrefix(c.want, "..."); is {
				if !strings.HasSuffix(got, want) || len(got) < 3500 {
					t.Errorf("got %d bytes that end with %q", len(got), got[len(got)-100:])
				}
				return
			}
			if diff := cmp.Diff(c.want, strings.TrimLeft(got, "\n")); diff != "" {
				t.Errorf("e-mail (-want +got):\n%s", diff)
			}
		})
	}
}
