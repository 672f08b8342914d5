package doctor_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/doctor"
)

// TestCuts: all that keeps a message from somebody, and nothing that does not.
func TestCuts(t *testing.T) {
	denied := errors.New("not allowed")
	for _, test := range []struct {
		name   string
		change func(*doctor.Findings)
		want   []doctor.Cut
	}{
		{"well", func(*doctor.Findings) {}, []doctor.Cut{}},
		{"not confirmed", func(f *doctor.Findings) { f.Topics[0].Pending = 2 }, []doctor.Cut{{"tier oncall", "2 not confirmed"}}},
		{"a stranger's address", func(f *doctor.Findings) { f.Topics[0].Pending, f.Topics[0].Public = 2, true }, []doctor.Cut{}},
		{"only not confirmed", func(f *doctor.Findings) { f.Topics[1].Pending, f.Topics[1].Confirmed = 1, nil },
			[]doctor.Cut{{"tier operations", "nobody is subscribed"}, {"tier operations", "1 not confirmed"}}},
		{"no topic", func(f *doctor.Findings) { f.Topics[0].ARN = "" }, []doctor.Cut{{"tier oncall", "has no topic"}}},
		{"not asked", func(f *doctor.Findings) { f.Topics[0].Err, f.SMS = denied, &doctor.SMS{Err: denied} }, []doctor.Cut{}},
		{"sandbox", func(f *doctor.Findings) { f.SMS.Sandbox = true }, []doctor.Cut{{"SMS", "in the sandbox: verified numbers only"}}},
		{"quota", func(f *doctor.Findings) { f.SMS.Limit = "1" }, []doctor.Cut{{"SMS", "one dollar a month at most"}}},
		{"no phones", func(f *doctor.Findings) { f.SMS = nil }, []doctor.Cut{}},
		{"programs among people", func(f *doctor.Findings) { f.Topics[0].For, f.Topics[0].Confirmed["https"] = "people", 1 }, []doctor.Cut{}},
	} {
		f := well()
		test.change(&f)
		if diff := cmp.Diff(test.want, doctor.Cuts(f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
