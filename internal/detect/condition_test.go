package detect_test

import (
	"testing"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestDiagnosis: what fails where, and what works for sure.
func TestDiagnosis(t *testing.T) {
	down := func(detail string, agreed, of int, at ...string) detect.Monitor {
		return detect.Monitor{Settled: monitor.Down, Failure: &monitor.Failure{Kind: monitor.FailRefused, Detail: detail}, Agreed: agreed, Of: of, Shared: at}
	}
	up := detect.Monitor{Settled: monitor.Up}
	suspect := detect.Monitor{Settled: monitor.Up, Vote: &detect.Vote{Shows: monitor.Suspect}}
	for _, tt := range []struct {
		name     string
		monitors map[monitor.ID]detect.Monitor
		want     string
	}{
		{"nothing fails", map[monitor.ID]detect.Monitor{"a": up, "b": up}, ""},
		{"one of two", map[monitor.ID]detect.Monitor{"a": down("connection refused", 2, 3, "address 203.0.113.10"), "b": up},
			"Connections are refused at 203.0.113.10 (a), from 2 of 3 locations; b works."},
		{"a vote is open on the other", map[monitor.ID]detect.Monitor{"a": down("connection refused", 1, 1), "b": suspect},
			"Connections are refused (a); b is being checked again."},
		{"on two others", map[monitor.ID]detect.Monitor{"a": down("connection refused", 1, 1), "b": suspect, "c": suspect, "d": up, "e": up},
			"Connections are refused (a); b and c are being checked again; d and e work."},
		{"one that gets better still fails", map[monitor.ID]detect.Monitor{"a": {
			Settled: monitor.Down, Failure: &monitor.Failure{Kind: monitor.FailRefused}, Vote: &detect.Vote{Shows: monitor.Recovering}}, "b": up},
			"Connections are refused (a); b works."},
		{"the least that agree", map[monitor.ID]detect.Monitor{"a": down("", 3, 3), "b": down("", 1, 2)},
			"Connections are refused (a and b), from 1 of 2 locations."},
		{"a monitor alone", map[monitor.ID]detect.Monitor{"a": down("connection refused", 3, 3, "address 203.0.113.10")},
			"Connections are refused at 203.0.113.10, from 3 of 3 locations."},
		{"alone, with an address", map[monitor.ID]detect.Monitor{"a": down("connection refused", 1, 1, "address 203.0.113.10")},
			"Connections are refused at 203.0.113.10."},
		{"alone, and the failure names the address", map[monitor.ID]detect.Monitor{"a": down("dial tcp 203.0.113.10:443: connection refused", 2, 3, "address 203.0.113.10")},
			"Connections are refused, from 2 of 3 locations."},
		{"alone, and nothing to add", map[monitor.ID]detect.Monitor{"a": down("dial tcp 203.0.113.10:443: connection refused", 1, 1, "address 203.0.113.10")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (detect.Service{Details: tt.monitors}).Diagnosis(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
