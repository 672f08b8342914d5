package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestMaintenance: what the good file plans, with times in UTC.
func TestMaintenance(t *testing.T) {
	cfg, err := config.Load("maintenance.yaml", read(t, "testdata/good/maintenance.yaml"), config.Options{Home: monitor.Local})
	if err != nil {
		t.Fatal(err)
	}
	at := func(month time.Month, day, hour int) time.Time {
		year := 2026
		if month == time.January {
			year = 2027
		}
		return time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
	}
	want := []monitor.Plan{
		{ID: "move", Title: "Move to the new balancers", Text: "Some requests may fail for a minute.", Services: []monitor.ServiceID{"web"}, TimeZone: "America/Los_Angeles",
			Starts: at(time.December, 2, 6), Ends: at(time.December, 2, 8)},
		{ID: "reboot", Title: "Weekly reboot", Services: []monitor.ServiceID{"db", "shop"}, Cron: "30 2 * * SUN", TimeZone: "Europe/Berlin", Duration: 30 * time.Minute},
		{ID: "patches", Title: "Patches", RRule: "FREQ=MONTHLY;BYDAY=2TU", TimeZone: "America/Los_Angeles", Starts: at(time.December, 9, 7), Duration: 2 * time.Hour, Except: []string{"2027-01-12", "2027-02-09"}},
		{ID: "short", Title: "Short", Services: []monitor.ServiceID{"web", "db"}, TimeZone: "America/Los_Angeles", Starts: at(time.January, 1, 8), Ends: at(time.January, 1, 9)},
	}
	if diff := cmp.Diff(want, cfg.Maintenance); diff != "" {
		t.Errorf("maintenance (-want +got):\n%s", diff)
	}
	for id, want := range map[monitor.TierID][2]bool{"oncall": {true, false}, "administrators": {false, true}, "customers": {true, true}} {
		tier, _ := cfg.Tier(id)
		if got := [2]bool{tier.Hears(monitor.HearsUpdated), tier.Hears(monitor.HearsMaintenance)}; got != want {
			t.Errorf("%s hears of updates and of maintenance: %v, want %v", id, got, want)
		}
	}
}
