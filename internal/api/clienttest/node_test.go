package clienttest

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNodeClient: the npm package statuspage.io reads every endpoint.
func TestNodeClient(t *testing.T) {
	node, modules := need(t, "node"), modules(t)
	s := newSite(t)
	s.outage()
	s.work()
	cmd := exec.Command(node, "testdata/client.js", s.URL)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	type named struct{ Name, Status string }
	type answer struct {
		Page         struct{ Name, URL string }
		Status       struct{ Indicator, Description string }
		Components   []named
		Incidents    []named
		Maintenances []named `json:"scheduled_maintenances"`
	}
	var got map[string]answer
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, a := range got {
		if a.Page.Name != "Intervals" || a.Page.URL != s.URL {
			t.Errorf("%s: page %+v", name, a.Page)
		}
		a.Page.Name, a.Page.URL = "", ""
		got[name] = a
	}
	components := []named{{"Web application", "under_maintenance"}, {"Platform", "major_outage"}, {"Load balancers", "major_outage"}}
	open, over := named{"Load balancers: outage", "identified"}, named{"Web application: outage", "resolved"}
	now, later := named{"New disks", "in_progress"}, named{"New disks", "scheduled"}
	want := map[string]answer{
		"summary":      {Components: components, Incidents: []named{open}, Maintenances: []named{later, now}},
		"status":       {},
		"components":   {Components: components},
		"incidents":    {Incidents: []named{open, over}},
		"unresolved":   {Incidents: []named{open}},
		"maintenances": {Maintenances: []named{later}}, // the client asks for upcoming.json here
		"upcoming":     {Maintenances: []named{later}},
		"active":       {Maintenances: []named{later}}, // and here
	}
	for _, name := range []string{"summary", "status"} {
		a := want[name]
		a.Status.Indicator, a.Status.Description = "major", "Partial System Outage"
		want[name] = a
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the client read (-want +got):\n%s", diff)
	}
}
