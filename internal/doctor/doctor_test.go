package doctor_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/doctor"
)

var update = flag.Bool("update", false, "write the golden files")

var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// well is a deployment in order.
func well() doctor.Findings {
	return doctor.Findings{
		Now: at, ServerTime: at.Add(-2 * time.Second),
		Stack:     &doctor.Stack{Name: "sonde", Status: "UPDATE_COMPLETE"},
		Table:     doctor.Table{Name: "sonde-Table-1X", Status: "ACTIVE", Stream: true, TTL: true},
		Config:    doctor.Config{Version: 7, Applied: at.Add(-50 * time.Hour), By: "arn:aws:sts::123456789012:assumed-role/Admin/anna"},
		Locations: []doctor.Location{{ID: "eu-west-1", Last: at.Add(-70 * time.Second), Interval: time.Minute}},
		Topics: []doctor.Topic{
			{Tier: "oncall", ARN: "arn:aws:sns:eu-west-1:123456789012:oncall", Confirmed: map[string]int{"sms": 1, "email": 2}},
			{Tier: "operations", ARN: "arn:aws:sns:eu-west-1:123456789012:operations", Confirmed: map[string]int{"email": 1}},
		},
		SMS:    &doctor.SMS{Limit: "50"},
		Queues: []doctor.Queue{{Name: "ProbeFailures"}, {Name: "StreamFailures"}},
	}
}

func TestJudge(t *testing.T) {
	denied := errors.New("AccessDeniedException: not allowed")
	for name, change := range map[string]func(*doctor.Findings){
		"well": func(*doctor.Findings) {},
		"ill": func(f *doctor.Findings) {
			f.Stack.Status = "UPDATE_ROLLBACK_COMPLETE"
			f.Table.Stream = false
			f.Config = doctor.Config{}
			f.Locations = append(f.Locations, doctor.Location{ID: "us-east-1", Interval: time.Minute},
				doctor.Location{ID: "us-west-2", Last: at.Add(-7 * time.Minute), Interval: time.Minute})
			f.Topics = []doctor.Topic{{Tier: "oncall", ARN: "arn:aws:sns:eu-west-1:123456789012:oncall", Pending: 2}, {Tier: "board"}}
			f.SMS = &doctor.SMS{Sandbox: true}
			f.Queues[1].N = 3
			f.Outbox = doctor.Outbox{N: 2, Oldest: at.Add(-4 * time.Minute), LastError: "publish to tier oncall: InternalError"}
			f.SetAside = doctor.SetAside{N: 1, First: "OUTBOX x: decode notification"}
			f.ServerTime = at.Add(3 * time.Minute)
		},
		"uncertain": func(f *doctor.Findings) {
			f.Stack.Status = "UPDATE_IN_PROGRESS"
			f.Table.TTLErr = denied
			f.Locations = append(f.Locations, doctor.Location{ID: "us-east-1", Interval: time.Minute, Err: denied})
			f.Topics[0].Err, f.SMS = denied, &doctor.SMS{Err: denied}
			f.Topics[1].Pending = 1
			f.Queues[0].Err = denied
			f.Outbox.Err, f.SetAside.Err = denied, denied
			f.ServerTime = time.Time{}
		},
		"unread": func(f *doctor.Findings) {
			f.Config.Unread = "configuration 8 is of form 2, and this program knows 1 at most: deploy the functions again"
			f.Table.TTL = false
			f.SMS = &doctor.SMS{Limit: "1"}
			f.Outbox = doctor.Outbox{N: 1, Oldest: at.Add(-5 * time.Second)}
		},
		"denied-topics": func(f *doctor.Findings) { f.Topics[0].Err, f.Topics[1].Err, f.SMS = denied, denied, nil },
		"wrong-topics": func(f *doctor.Findings) {
			f.Topics[0].For, f.Topics[0].Confirmed["https"] = "people", 1
			f.Topics = append(f.Topics, doctor.Topic{Tier: "machines", For: "machines", ARN: "arn:aws:sns:eu-west-1:123456789012:machines", Confirmed: map[string]int{"sqs": 1, "email": 2}},
				doctor.Topic{Tier: "chat", For: "chat", ARN: "arn:aws:sns:eu-west-1:123456789012:chat", Confirmed: map[string]int{"https": 1}})
		},
		"old-stack":  func(f *doctor.Findings) { f.Queues, f.Topics[1] = nil, doctor.Topic{Tier: "operations"} },
		"paused":     func(f *doctor.Findings) { f.Locations[0] = doctor.Location{ID: "eu-west-1"} },
		"table-only": func(f *doctor.Findings) { f.Stack, f.Topics, f.SMS, f.Queues = nil, nil, nil, nil },
		"denied": func(f *doctor.Findings) {
			f.Table.Err, f.Config, f.Locations = denied, doctor.Config{Err: denied}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := well()
			change(&f)
			lines := doctor.Judge(f)
			var b strings.Builder
			for _, l := range lines {
				_, _ = fmt.Fprintf(&b, "%-7s  %s: %s\n", l.Level, l.What, l.Text)
				if l.Do != "" {
					_, _ = fmt.Fprintf(&b, "         %s\n", l.Do)
				}
				if l.Level == doctor.Bad && l.Do == "" {
					t.Errorf("%s: it says what is bad and not what to do", l.What)
				}
			}
			_, _ = fmt.Fprintf(&b, "worst: %s\n", doctor.Worst(lines))
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
