package notify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
)

// TestAnswer: operators get the command that fits what they are told, and nobody
// gets one that does not.
func TestAnswer(t *testing.T) {
	const (
		onIt  = "To say that you are on it:\n  sonde incident ack k3j2h1g5f4d6\n"
		stop  = "To stop reminders:\n  sonde incident ack k3j2h1g5f4d6\n"
		write = "To write it:\n  sonde incident update \"...\" --id k3j2h1g5f4d6\n"
	)
	for _, c := range []struct {
		name    string
		event   incident.Event
		receipt string
		public  bool
		machine bool
		want    string
	}{
		{"opened", incident.EventOpened, "opened", false, false, onIt},
		{"escalated", incident.EventEscalated, "escalated-major", false, false, onIt},
		{"reminder", incident.EventReminder, "reminder-2", false, false, stop},
		{"a promised update is late", incident.EventReminder, "late-1559095207", false, false, write},
		{"nobody outside knows", incident.EventReminder, "nag", false, false, ""},
		{"asked", incident.EventAsked, "asked-customers", false, false, ""},
		{"updated", incident.EventUpdated, "updated-1", false, false, ""},
		{"resolved", incident.EventResolved, "resolved", false, false, ""},
		{"public", incident.EventOpened, "opened", true, false, ""},
		{"machine", incident.EventOpened, "opened", false, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := notification(c.event, c.public)
			n.Receipt, n.Machine, n.Chat = c.receipt, c.machine, true
			m := notify.Compose([]incident.Notification{n})
			check(t, m)
			_, got, _ := strings.Cut(m.Email, n.URL+"\n")
			got, _, _ = strings.Cut(strings.TrimPrefix(got, "\n"), "\nIncident k3j2")
			if strings.HasPrefix(got, "Incident ") {
				got = ""
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("e-mail (-want +got):\n%s", diff)
			}
			what, command, _ := strings.Cut(strings.TrimSuffix(c.want, "\n"), ":\n  ")
			step := what + ": `" + command + "`"
			if steps := sent(t, m).Content.NextSteps; slices.Contains(steps, step) != (c.want != "") || len(steps) > 2 {
				t.Errorf("chat: %q", steps)
			}
		})
	}
}
