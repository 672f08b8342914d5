package notify_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// TestServices: who has subscribed to a service hears of it, however many others are
// in the message. A policy over the attribute lets through what does not bear it.
func TestServices(t *testing.T) {
	of := func(event incident.Event, services int) incident.Notification {
		n := notification(event, false)
		n.ID += fmt.Sprint(services)
		n.Services = nil
		for i := range services {
			n.Services = append(n.Services, incident.Affected{ID: monitor.ServiceID(fmt.Sprintf("s%03d", i)), Name: "S", Status: monitor.MajorOutage})
		}
		return n
	}
	with := func(event incident.Event, services int) []incident.Notification {
		return []incident.Notification{of(event, services)}
	}
	for _, c := range []struct {
		name string
		all  []incident.Notification
		want int // services; 0: for everybody
	}{
		{"some", with(incident.EventOpened, 3), 3},
		{"more than stand in the text", with(incident.EventOpened, 150), 150},
		{"as many as are named", with(incident.EventOpened, 200), 200},
		{"more", with(incident.EventOpened, 201), 0},
		{"of two incidents", append(with(incident.EventOpened, 2), other(1, incident.EventOpened)), 3},
		{"one is about none", append(with(incident.EventOpened, 2), of(incident.EventOpened, 0)), 0},
		{"a rehearsal", told()["test"], 0},
		{"maintenance", with(incident.EventMaintenance, 3), 3},
		{"maintenance of more than it names", with(incident.EventMaintenance, 50), 0},
		{"maintenance with an incident", append(with(incident.EventOpened, 3), planned(incident.EventMaintenance)), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := notify.Compose(c.all)
			var ids []monitor.ServiceID
			if text, has := m.Attributes["services"]; has {
				if err := json.Unmarshal([]byte(text), &ids); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, len(ids)); diff != "" {
				t.Errorf("services differ (-want +got):\n%s%v", diff, ids)
			}
		})
	}
}
