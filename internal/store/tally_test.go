package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// TestTallyOfFrozen: a frozen month is told as it was kept, adjusted and as
// measured, whatever its flips say now; the one beside it is computed.
func TestTallyOfFrozen(t *testing.T) {
	ctx, s := context.Background(), open(t)
	may := uptime.Month(2019, time.May, time.UTC)
	type both struct{ Adjusted, Raw uptime.Seconds }
	kept := both{
		uptime.Seconds{Up: 742 * time.Hour, Maintenance: 2 * time.Hour},
		uptime.Seconds{Up: 742 * time.Hour, Down: 2 * time.Hour},
	}
	op, err := store.FiguresOp(uptime.Figures{Service: "web", Month: "2019-05", Window: may, Adjusted: kept.Adjusted, Raw: kept.Raw}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(ctx, op); err != nil {
		t.Fatal(err)
	}
	unheard := uptime.Seconds{Unknown: 30 * 24 * time.Hour}
	for name, tt := range map[string]struct {
		window uptime.Window
		want   both
	}{
		"2019-05": {may, kept},
		"2019-06": {uptime.Month(2019, time.June, time.UTC), both{unheard, unheard}},
	} {
		f, err := s.FiguresOf(ctx, monitor.Service{ID: "web"}, name, tt.window)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, both{f.Adjusted, f.Raw}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
