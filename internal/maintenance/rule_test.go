package maintenance_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
)

func ruled(rule string, starts time.Time) monitor.Plan {
	return monitor.Plan{ID: "p", Title: "T", RRule: rule, Starts: starts, TimeZone: "America/Los_Angeles", Duration: time.Hour}
}

// TestForbidden: what RFC 5545 forbids is an error that names the part; left out, it
// would mean more maintenance than was asked for.
func TestForbidden(t *testing.T) {
	at := time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ rule, says string }{
		{"FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO: a number does not go with FREQ=WEEKLY"},
		{"FREQ=DAILY;BYDAY=2MO", "BYDAY=2MO: a number does not go with FREQ=DAILY"},
		{"FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "BYDAY=1MO: a number does not go with BYWEEKNO"},
		{"FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO: expected a number from 1 to 5"},
		{"FREQ=MONTHLY;BYDAY=6MO", "BYDAY=6MO: expected a number from 1 to 5"},
		{"FREQ=YEARLY;BYDAY=-54MO", "BYDAY=-54MO: expected a number from 1 to 53"},
		{"FREQ=MONTHLY;BYDAY=MON", `BYDAY: "MON" is none`},
		{"FREQ=MONTHLY;BYDAY=1 MO", "BYDAY=1 MO: expected a number"},
		{"FREQ=DAILY;INTERVAL=0", "INTERVAL=0: expected a number from 1"},
		{"FREQ=DAILY;INTERVAL=1,2", "INTERVAL=1,2: expected a number"},
		{"FREQ=DAILY;COUNT=0", "COUNT=0: expected a number from 1"},
		{"FREQ=DAILY;COUNT=-1", "COUNT=-1: expected a number from 1"},
		{"FREQ=DAILY;COUNT=3;UNTIL=20270101", "COUNT and UNTIL are both given"},
		{"FREQ=DAILY;FREQ=WEEKLY", "FREQ is there twice"},
		{"FREQ=DAILY;BYMONTH=1;BYMONTH=2", "BYMONTH is there twice"},
		{"BYMONTH=1", "FREQ is missing"},
		{"FREQ=YEARLY;BYEASTER=0", "BYEASTER is not possible"},
		{"FREQ=DAILY;EXDATE=20261225", "EXDATE is not possible: what is left out is `except`"},
		{"FREQ=DAILY;RSCALE=HEBREW", `found "RSCALE=HEBREW" in it`},
		{"FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO does not go with FREQ=MONTHLY"},
		{"FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY does not go with FREQ=MONTHLY"},
		{"FREQ=WEEKLY;BYMONTHDAY=13", "BYMONTHDAY does not go with FREQ=WEEKLY"},
		{"FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32: expected a number from 1 to 31, or -1 to -31"},
		{"FREQ=MONTHLY;BYMONTHDAY=1_0", "BYMONTHDAY=1_0: expected a number"},
		{"FREQ=YEARLY;BYMONTH=-1", "BYMONTH=-1: expected a number from 1 to 12"},
		{"FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs another part"},
		{"FREQ=MONTHLY;BYSETPOS=0;BYDAY=MO", "BYSETPOS=0: expected a number"},
		{"FREQ=WEEKLY;WKST=1MO", "WKST=1MO: expected the day that weeks begin with"},
		{"FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW: expected a day such as"},
		{"FREQ=DAILY;UNTIL=20260101T000000+0100", "UNTIL=20260101T000000+0100: expected"},
		{"FREQ=DAILY;", `found "" in it`},
		{"FREQ=DAILY;BYDAY", "BYDAY has no value"},
		{"FREQ=MONTHLY;BYDAY=1TU;BYMONTHDAY=31", "it never comes round"},
	} {
		var m *maintenance.Mistake
		if err := maintenance.Check(ruled(tt.rule, at)); !errors.As(err, &m) || m.Field != "rrule" || !strings.Contains(m.Message, tt.says) {
			t.Errorf("%s: got %v, want rrule: …%s…", tt.rule, err, tt.says)
		}
	}
	for _, rule := range []string{"freq=daily", "RRULE:FREQ=WEEKLY;BYDAY=mo", "FREQ=DAILY;UNTIL=20300101", "FREQ=MONTHLY;BYDAY=+1MO,-1FR", "FREQ=YEARLY;BYDAY=20MO",
		"FREQ=DAILY;BYMONTHDAY=-1", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1"} {
		if err := maintenance.Check(ruled(rule, at)); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// TestEitherDay: days with and without a number stand beside each other.
func TestEitherDay(t *testing.T) {
	for _, tt := range []struct {
		rule string
		want []string
	}{
		{"FREQ=MONTHLY;BYDAY=WE,1SU", []string{"03", "07", "10", "17", "24"}},
		{"FREQ=YEARLY;BYMONTH=6;BYDAY=WE,-1SU", []string{"03", "10", "17", "24", "28"}},
	} {
		windows, err := maintenance.Windows(ruled(tt.rule, time.Date(2026, 6, 1, 20, 0, 0, 0, time.UTC)), time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
		var got []string
		for _, w := range windows {
			got = append(got, w.From.Format("02"))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got), %v:\n%s", tt.rule, err, diff)
		}
	}
}

// TestFollowedFromLater: a rule that is not followed from its first time on has the
// windows that it has if it is.
func TestFollowedFromLater(t *testing.T) {
	some := func(t *rapid.T, name string, texts ...string) string {
		n := rapid.IntRange(1, 3).Draw(t, name)
		return name + "=" + strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(texts), n, n, rapid.ID).Draw(t, name+"s"), ",")
	}
	rapid.Check(t, func(t *rapid.T) {
		freq := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "freq")
		parts := []string{"FREQ=" + freq, fmt.Sprintf("INTERVAL=%d", rapid.SampledFrom([]int{1, 2, 3, 7}).Draw(t, "interval"))}
		maybe := func(name string, texts ...string) {
			if rapid.IntRange(0, 2).Draw(t, "has "+name) == 0 {
				parts = append(parts, some(t, name, texts...))
			}
		}
		maybe("BYDAY", "MO", "WE", "SA", "SU")
		maybe("BYMONTH", "1", "2", "6", "12")
		if freq != "WEEKLY" {
			maybe("BYMONTHDAY", "1", "13", "29", "31", "-1")
		}
		if freq == "YEARLY" {
			maybe("BYWEEKNO", "1", "20", "53", "-1")
		}
		if strings.Contains(strings.Join(parts, ";"), "BY") {
			maybe("BYSETPOS", "1", "2", "-1")
		}
		if rapid.Bool().Draw(t, "wkst") {
			parts = append(parts, "WKST=SU")
		}
		if rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
			parts = append(parts, rapid.SampledFrom([]string{"COUNT=20", "UNTIL=20200815", "UNTIL=20200815T120000Z"}).Draw(t, "end"))
		}
		starts := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 2*365*24*60).Draw(t, "starts")) * time.Minute)
		p := ruled(strings.Join(parts, ";"), starts)
		from := starts.Add(time.Duration(rapid.Int64Range(0, 3*365*24).Draw(t, "from")) * time.Hour)
		to := from.AddDate(2, 0, 0)
		all, err := maintenance.First(p, starts, to, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(all, func(w maintenance.Window) bool { return !w.To.After(from) })
		got, err := maintenance.First(p, from, to, 1_000_000)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s from %s: %d windows from %s on, want %d (%v)\n%v\n%v", p.RRule, starts, len(got), from, len(want), err, got[:min(len(got), 3)], want[:min(len(want), 3)])
		}
	})
}

func BenchmarkNextWindows(b *testing.B) {
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	for _, bb := range []struct {
		name string
		p    monitor.Plan
	}{
		{"cron daily", monitor.Plan{Cron: "30 2 * * *", TimeZone: "America/Los_Angeles", Duration: time.Hour}},
		{"cron every half hour", monitor.Plan{Cron: "*/30 * * * *", TimeZone: "America/Los_Angeles", Duration: 10 * time.Minute}},
		{"rule daily, of 2000", ruled("FREQ=DAILY", time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC))},
		{"rule of every hour, of 2000", ruled("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23", time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC))},
		{"rule that is over", ruled("FREQ=DAILY;COUNT=1000", time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC))},
		{"rule that never comes", ruled("FREQ=MONTHLY;BYDAY=1TU;BYMONTHDAY=31", time.Date(2020, 1, 1, 8, 0, 0, 0, time.UTC))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := maintenance.First(bb.p, now, now.AddDate(0, 0, 14), 4); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
