package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestRehearse: who is named gets the test; without names all who are not the public,
// which is for the rehearsal to find out.
func TestRehearse(t *testing.T) {
	const head = "site: {time_zone: Europe/Berlin}\nmonitors: [{id: web, tcp: \"web.example.com:443\"}]\ntiers: [{id: oncall}, {id: board}, {id: customers, public: true}]\n"
	for _, test := range []struct {
		text string
		want *monitor.Rehearsal
	}{
		{"", nil},
		{`rehearse: {cron: "0 9 1 * *"}`, &monitor.Rehearsal{Cron: "0 9 1 * *", TimeZone: "Europe/Berlin"}},
		{`rehearse: {cron: "0 9 1 * *", time_zone: UTC, tiers: board}`, &monitor.Rehearsal{Cron: "0 9 1 * *", TimeZone: "UTC", Tiers: []monitor.TierID{"board"}}},
		{`rehearse: {cron: "0 9 1 * *", tiers: [customers, oncall]}`, &monitor.Rehearsal{Cron: "0 9 1 * *", TimeZone: "Europe/Berlin", Tiers: []monitor.TierID{"customers", "oncall"}}},
	} {
		cfg, err := config.Load("monitors.yaml", []byte(head+test.text), config.Options{Home: monitor.Local})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, cfg.Rehearse); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}
