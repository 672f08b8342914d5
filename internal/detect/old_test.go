package detect_test

import (
	"testing"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestOld: what is found at old addresses, in words.
func TestOld(t *testing.T) {
	const ten, eleven, twelve = "203.0.113.10", "203.0.113.11", "203.0.113.12"
	type found map[string]detect.Monitor // by address
	up := detect.Monitor{Settled: monitor.Up}
	slow := detect.Monitor{Settled: monitor.Degraded}
	unknown := detect.Monitor{Settled: monitor.Unknown}
	down := func(kind monitor.FailureKind) detect.Monitor {
		return detect.Monitor{Settled: monitor.Down, Failure: &monitor.Failure{Kind: kind}}
	}
	silent, wrong := down(monitor.FailTimeout), down(monitor.FailExpect)
	for _, test := range []struct {
		name  string
		found found
		want  string
	}{
		{"there are none", found{}, ""},
		{"nothing is known yet", found{ten: unknown}, ""},
		{"one does not answer", found{ten: silent}, "The old address 203.0.113.10 does not answer: whoever is still sent there sees errors."},
		{"two do not answer", found{eleven: silent, ten: down(monitor.FailRefused)}, "The old addresses 203.0.113.10 and 203.0.113.11 do not answer: whoever is still sent there sees errors."},
		{"one answers", found{ten: up}, "The old address 203.0.113.10 still answers."},
		{"one answers slowly", found{ten: slow}, "The old address 203.0.113.10 still answers."},
		{"two answer", found{ten: up, eleven: up}, "The old addresses 203.0.113.10 and 203.0.113.11 still answer."},
		{"one answers something else", found{ten: wrong}, "The old address 203.0.113.10 does not answer as it should: whoever is still sent there may see errors."},
		{"each another", found{ten: up, eleven: silent, twelve: wrong}, "The old address 203.0.113.11 does not answer: whoever is still sent there sees errors. " +
			"The old address 203.0.113.12 does not answer as it should: whoever is still sent there may see errors. The old address 203.0.113.10 still answers."},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := &monitor.Config{}
			s := detect.Service{Service: "s", Details: map[monitor.ID]detect.Monitor{"other": silent}}
			for _, address := range []string{ten, eleven, twelve} {
				if d, has := test.found[address]; has {
					id := monitor.ID("at-" + address)
					cfg.Retired = append(cfg.Retired, monitor.Retired{Monitor: monitor.Monitor{ID: id, Service: "s"}, Address: address})
					s.Details[id] = d
				}
			}
			if got := s.Old(cfg); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestOldOfSeveral: an address at which one of two monitors finds errors has errors.
func TestOldOfSeveral(t *testing.T) {
	s := detect.Service{Details: map[monitor.ID]detect.Monitor{"a": {Settled: monitor.Down, Failure: &monitor.Failure{Kind: monitor.FailReset}}, "b": {Settled: monitor.Up}}}
	cfg := &monitor.Config{Retired: []monitor.Retired{{Monitor: monitor.Monitor{ID: "a"}, Address: "203.0.113.10"}, {Monitor: monitor.Monitor{ID: "b"}, Address: "203.0.113.10"}}}
	if got, want := s.Old(cfg), "The old address 203.0.113.10 does not answer: whoever is still sent there sees errors."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
