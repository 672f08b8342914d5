package uptime_test

import (
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/uptime"
)

func TestUptimeAndCoverage(t *testing.T) {
	const h = time.Hour
	tests := []struct {
		name     string
		spent    uptime.Seconds
		uptime   float64
		ok       bool
		coverage float64
	}{
		{"all up", uptime.Seconds{Up: 24 * h}, 1, true, 1},
		{"at risk and degraded are up", uptime.Seconds{Up: h, AtRisk: h, Degraded: 2 * h}, 1, true, 1},
		{"all down", uptime.Seconds{Down: 24 * h}, 0, true, 1},
		{"a quarter down", uptime.Seconds{Up: 18 * h, Down: 6 * h}, 0.75, true, 1},
		{"maintenance counts for nothing", uptime.Seconds{Up: 6 * h, Down: 6 * h, Maintenance: 12 * h}, 0.5, true, 1},
		{"unknown lowers coverage, not uptime", uptime.Seconds{Up: 6 * h, Down: 6 * h, Unknown: 12 * h}, 0.5, true, 0.5},
		{"nothing observed: no figure", uptime.Seconds{Unknown: 24 * h}, 0, false, 0},
		{"nothing but maintenance: no figure", uptime.Seconds{Maintenance: 24 * h}, 0, false, 1},
		{"no time: no figure", uptime.Seconds{}, 0, false, 0},
		{"a nanosecond in a year is not nothing", uptime.Seconds{Up: 365*24*h - 1, Down: 1}, math.Nextafter(1, 0), true, 1},
		{"a nanosecond unknown in a year is a gap", uptime.Seconds{Up: 365*24*h - 1, Unknown: 1}, 1, true, math.Nextafter(1, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ratio, ok := tt.spent.Uptime()
			if ratio != tt.uptime || ok != tt.ok {
				t.Errorf("Uptime = %v, %v, want %v, %v", ratio, ok, tt.uptime, tt.ok)
			}
			if got := tt.spent.Coverage(); got != tt.coverage {
				t.Errorf("Coverage = %v, want %v", got, tt.coverage)
			}
		})
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		share    float64
		decimals int
		want     string
	}{
		{1, 2, "100"}, {1, 0, "100"}, {1.5, 2, "100"}, {math.Inf(1), 2, "100"},
		{0, 2, "0.00"}, {-1, 2, "0.00"}, {math.NaN(), 2, "0.00"}, {math.SmallestNonzeroFloat64, 3, "0.000"},
		{0.99996, 2, "99.99"}, {0.99996, 3, "99.996"}, {0.9999999, 3, "99.999"}, {math.Nextafter(1, 0), 2, "99.99"},
		{0.9991, 2, "99.91"}, {0.9991, 3, "99.910"}, {0.29, 0, "29"}, {0.57, 2, "57.00"}, {0.07, 2, "7.00"}, {0.075, 1, "7.5"},
		{0.5, 2, "50.00"}, {0.5, -1, "50"}, {0.25, 99, "25.0000000000000"}, {2.0 / 3, 3, "66.666"}, {1e-5, 3, "0.001"},
	}
	for _, tt := range tests {
		t.Run(strconv.FormatFloat(tt.share, 'g', -1, 64), func(t *testing.T) {
			if got := uptime.Percent(tt.share, tt.decimals); got != tt.want {
				t.Errorf("Percent(%v, %d) = %q, want %q", tt.share, tt.decimals, got, tt.want)
			}
		})
	}
}

// TestPercentIsTheFloor compares with exact fractions: 1 − down/time, floored.
func TestPercentIsTheFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 100_000_000).Draw(t, "seconds")
		down := rapid.Int64Range(0, total).Draw(t, "down")
		decimals := rapid.IntRange(1, 3).Draw(t, "decimals")
		spent := uptime.Seconds{Up: time.Duration(total-down) * time.Second, Down: time.Duration(down) * time.Second}
		ratio, _ := spent.Uptime()
		scale := int64(math.Pow10(2 + decimals))
		floor := new(big.Int).Div(big.NewInt((total-down)*scale), big.NewInt(total)).Int64()
		want := strconv.FormatInt(floor, 10)
		for len(want) < decimals+1 {
			want = "0" + want
		}
		want = want[:len(want)-decimals] + "." + want[len(want)-decimals:]
		if down == 0 {
			want = "100"
		}
		if got := uptime.Percent(ratio, decimals); got != want {
			t.Fatalf("%d of %d down: %s, want %s", down, total, got, want)
		}
	})
}
