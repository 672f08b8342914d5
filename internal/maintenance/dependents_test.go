package maintenance_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
)

func TestDependents(t *testing.T) {
	services := []monitor.Service{
		{ID: "shop", DependsOn: []monitor.ServiceID{"mid", "mail"}}, {ID: "mid", DependsOn: []monitor.ServiceID{"db"}}, {ID: "db"}, {ID: "mail"},
	}
	for _, tt := range []struct{ of, want []monitor.ServiceID }{
		{nil, nil}, // all
		{[]monitor.ServiceID{"db"}, []monitor.ServiceID{"shop", "mid"}},
		{[]monitor.ServiceID{"db", "shop"}, []monitor.ServiceID{"mid"}},
		{[]monitor.ServiceID{"mail"}, []monitor.ServiceID{"shop"}},
		{[]monitor.ServiceID{"shop"}, nil},
	} {
		if diff := cmp.Diff(tt.want, maintenance.Dependents(services, tt.of)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.of, diff)
		}
	}
}
