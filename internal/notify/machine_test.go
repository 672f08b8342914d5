package notify_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// body is what the tests read of a machine body.
type body struct {
	AlarmName, NewStateValue, OldStateValue string
	Sonde                                   struct {
		Version       int
		Message       string
		Notifications []incident.Notification
		Omitted       int
	} `json:"sonde"`
}

func machine(t *testing.T, all ...incident.Notification) body {
	t.Helper()
	m := notify.Compose(all)
	check(t, m)
	var b body
	if err := json.Unmarshal([]byte(m.Machine), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestProgram: the whole of what a tier for programs gets, as SNS publishes it.
func TestProgram(t *testing.T) {
	opened, updated, renewed := notification(incident.EventOpened, false), notification(incident.EventUpdated, false), told()["renewed"][0]
	shared := notification(incident.EventOpened, true)
	shared.Check, shared.By, shared.Services[0].Shared = "c1", t0, []string{"address 10.0.0.7"}
	for name, n := range map[string]incident.Notification{"machine-opened": opened, "machine-updated": updated, "machine-renewed": renewed, "machine-public": shared} {
		n.Tier, n.Machine = "machines", true
		m := notify.Compose([]incident.Notification{n})
		check(t, m)
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(m.Machine), "", "  "); err != nil || !m.Program {
			t.Fatalf("%s: for programs %t, %v", name, m.Program, err)
		}
		golden(t, name, pretty.String()+"\n")
	}
}

// TestMachineKeys: every key of a CloudWatch alarm is there, and one of ours.
func TestMachineKeys(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(notify.Compose([]incident.Notification{atRisk()}).Machine), &got); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`AWSAccountId AlarmActions AlarmArn AlarmConfigurationUpdatedTimestamp AlarmDescription AlarmName InsufficientDataActions
		NewStateReason NewStateValue OKActions OldStateValue Region StateChangeTime Trigger sonde`)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys differ (-want +got):\n%s", diff)
	}
	want = strings.Fields(`ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile EvaluationPeriods MetricName Namespace Period
		Statistic StatisticType Threshold TreatMissingData Unit`)
	trigger, _ := got["Trigger"].(map[string]any)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(trigger))); diff != "" {
		t.Errorf("keys of Trigger differ (-want +got):\n%s", diff)
	}
}

// TestMachine: the receiver has all facts.
func TestMachine(t *testing.T) {
	n := notification(incident.EventOpened, false)
	b := machine(t, n)
	if diff := cmp.Diff([]incident.Notification{n}, b.Sonde.Notifications); diff != "" || b.Sonde.Version != 1 || b.Sonde.Message != n.ID {
		t.Errorf("facts differ (-want +got):\n%s%+v", diff, b.Sonde)
	}
}

// fill gives every field of a value something that shows.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if at, is := v.Addr().Interface().(*time.Time); is {
			*at = t0
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	}
}

// TestMachinePublic: what a body for the public shows is listed here, whatever a
// notification may hold some day.
func TestMachinePublic(t *testing.T) {
	var n incident.Notification
	fill(reflect.ValueOf(&n).Elem())
	n.Event, n.Public, n.URL = incident.EventOpened, true, "https://status.example.com"
	keys := func(n incident.Notification) (of, services []string) {
		var body struct {
			Sonde struct {
				Notifications []map[string]any
			} `json:"sonde"`
		}
		if err := json.Unmarshal([]byte(notify.Compose([]incident.Notification{n}).Machine), &body); err != nil {
			t.Fatal(err)
		}
		service := body.Sonde.Notifications[0]["services"].([]any)[0].(map[string]any)
		return slices.Sorted(maps.Keys(body.Sonde.Notifications[0])), slices.Sorted(maps.Keys(service))
	}
	public := strings.Fields("at chat event id impact incident machine next note opened phase public receipt resolved services since site text tier title until url worst zone")
	member := strings.Fields("alive cause flapping gone id internal muted name restored since status total unknown")
	of, services := keys(n)
	if diff := cmp.Diff([][]string{public, member}, [][]string{of, services}); diff != "" {
		t.Errorf("the public's keys differ (-want +got):\n%s", diff)
	}
	n.Public = false
	of, services = keys(n)
	inner := slices.DeleteFunc(append(public, "about", "by", "check", "detail", "do"), func(key string) bool { return key == "public" })
	slices.Sort(inner)
	member = append(member, "shared")
	slices.Sort(member)
	if diff := cmp.Diff([][]string{inner, member}, [][]string{of, services}); diff != "" {
		t.Errorf("keys differ (-want +got):\n%s", diff)
	}
}

// TestOpenAndCloseAgree: what opens an alarm is what closes it, also when the
// incident has got another cause and title meanwhile.
func TestOpenAndCloseAgree(t *testing.T) {
	opened, resolved := atRisk(), notification(incident.EventResolved, false)
	resolved.Title, resolved.Services[0].Name, resolved.Services[0].ID = "Network: outage", "Network", "network"
	first, last := machine(t, opened), machine(t, resolved)
	if first.AlarmName != last.AlarmName || first.NewStateValue != "ALARM" || last.NewStateValue != "OK" || last.OldStateValue != "ALARM" {
		t.Errorf("opened %+v, resolved %+v", first, last)
	}
}

// TestRenewedCloses: what an end opened, its renewal closes, in tiers of programs.
func TestRenewedCloses(t *testing.T) {
	web := monitor.Monitor{ID: "web", Service: "app", HTTP: &monitor.HTTP{URL: "https://app.example.com/"}}
	svc, cfg := monitor.Service{ID: "app", Name: "Web application"}, &monitor.Config{Tiers: []monitor.Tier{{ID: "machines", Machine: true, Impact: monitor.ImpactMinor}}}
	end := t0.AddDate(0, 0, 30)
	of := func(e incident.Ending) body {
		e.Monitor = web
		all := incident.Notices(cfg, svc, e, t0)
		if m := notify.Compose(all); !m.Program {
			t.Errorf("%+v is not for programs", m)
		}
		return machine(t, all...)
	}
	first, urgent, ended, renewed := of(incident.Ending{At: end, Days: 30}), of(incident.Ending{At: end, Days: 3}), of(incident.Ending{At: end}), of(incident.Ending{At: end.AddDate(1, 0, 0), Was: end, Renewed: true})
	for _, c := range []struct {
		body       body
		old, value string
	}{{first, "OK", "INSUFFICIENT_DATA"}, {urgent, "INSUFFICIENT_DATA", "ALARM"}, {ended, "ALARM", "ALARM"}, {renewed, "ALARM", "OK"}} {
		if c.body.AlarmName != first.AlarmName || c.body.OldStateValue != c.old || c.body.NewStateValue != c.value {
			t.Errorf("got %s: %s to %s, want %s: %s to %s", c.body.AlarmName, c.body.OldStateValue, c.body.NewStateValue, first.AlarmName, c.old, c.value)
		}
	}
	if other := of(incident.Ending{At: end.AddDate(1, 0, 0), Days: 30}); other.AlarmName == first.AlarmName {
		t.Errorf("the end of the next certificate is that of this one: %s", other.AlarmName)
	}
}

// TestDigestClosesNothingElse: the end of one incident must not close what a
// digest has opened for several.
func TestDigestClosesNothingElse(t *testing.T) {
	opened := machine(t, other(1, incident.EventOpened), notification(incident.EventOpened, false))
	for _, resolved := range []incident.Notification{other(1, incident.EventResolved), notification(incident.EventResolved, false)} {
		if b := machine(t, resolved); b.AlarmName == opened.AlarmName {
			t.Errorf("the end of %s closes %s", resolved.Incident, opened.AlarmName)
		}
	}
}

// TestMachineFits: it stays small enough to stand in a message four times. What
// is left out is counted.
func TestMachineFits(t *testing.T) {
	big := func(n incident.Notification) incident.Notification {
		n.Detail, n.Text = strings.Repeat(strings.Repeat("<&>", 100)+"\n", 20), strings.Repeat("<", 1000)
		for range 60 {
			n.Services = append(n.Services, incident.Affected{ID: "s", Name: strings.Repeat("name", 20), Status: monitor.MajorOutage})
		}
		return n
	}
	one := machine(t, big(notification(incident.EventOpened, false)))
	if len(one.Sonde.Notifications) != 1 || one.Sonde.Omitted != 0 {
		t.Errorf("one: %d notifications, %d omitted", len(one.Sonde.Notifications), one.Sonde.Omitted)
	}
	var all []incident.Notification
	for _, n := range others(200, incident.EventOpened) {
		all = append(all, big(n))
	}
	many := machine(t, all...)
	if n := len(many.Sonde.Notifications); n == 0 || n+many.Sonde.Omitted != 200 {
		t.Errorf("many: %d notifications, %d omitted", n, many.Sonde.Omitted)
	}
}
