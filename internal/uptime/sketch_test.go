package uptime_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/uptime"
)

func sketchOf(values ...time.Duration) uptime.Sketch {
	var s uptime.Sketch
	for _, v := range values {
		s.Add(v)
	}
	return s
}

// drawLatencies mixes microseconds, usual latencies and the ends of the range.
func drawLatencies(t *rapid.T, label string) []time.Duration {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Map(rapid.Int64Range(0, 300), func(us int64) time.Duration { return time.Duration(us) * time.Microsecond }),
		rapid.Map(rapid.Float64Range(0, 1), func(f float64) time.Duration { return time.Duration(math.Exp(f*20) * 1e3) }),
		rapid.Just(uptime.MaxLatency),
	), 0, 80).Draw(t, label)
}

func TestSketchOf(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name     string
		s        uptime.Sketch
		min, max time.Duration
		mean     time.Duration
		want     uptime.Percentiles
	}{
		{"nothing", sketchOf(), 0, 0, 0, uptime.Percentiles{}},
		{"one value is exact", sketchOf(123456 * time.Microsecond), 123456 * time.Microsecond, 123456 * time.Microsecond, 123456 * time.Microsecond,
			uptime.Percentiles{P50: 123456 * time.Microsecond, P90: 123456 * time.Microsecond, P95: 123456 * time.Microsecond, P99: 123456 * time.Microsecond, Count: 1}},
		{"below 128 µs every microsecond counts", sketchOf(1e3, 2e3, 3e3, 100e3, 127e3), 1e3, 127e3, 46e3,
			uptime.Percentiles{P50: 3e3, P90: 127e3, P95: 127e3, P99: 127e3, Count: 5}},
		{"a slow one", sketchOf(64*ms, 64*ms, 64*ms, 1024*ms), 64 * ms, 1024 * ms, 304 * ms,
			uptime.Percentiles{P50: 64255 * time.Microsecond, P90: 1024 * ms, P95: 1024 * ms, P99: 1024 * ms, Count: 4}},
		{"out of range", sketchOf(-time.Hour, time.Hour), 0, 10 * time.Minute, 5 * time.Minute,
			uptime.Percentiles{P50: 0, P90: 10 * time.Minute, P95: 10 * time.Minute, P99: 10 * time.Minute, Count: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.s.Percentiles()); diff != "" {
				t.Errorf("Percentiles (-want +got):\n%s", diff)
			}
			got := []time.Duration{tt.s.Min(), tt.s.Max(), tt.s.Mean()}
			if diff := cmp.Diff([]time.Duration{tt.min, tt.max, tt.mean}, got); diff != "" {
				t.Errorf("min, max, mean (-want +got):\n%s", diff)
			}
		})
	}
}

// TestQuantileOfRoundRanks: 0.07 of 100 is the 7th, though 0.07*100 > 7.
func TestQuantileOfRoundRanks(t *testing.T) {
	var s uptime.Sketch
	for i := range 100 {
		s.Add(time.Duration(i+1) * time.Microsecond)
	}
	for i := range 101 {
		want := time.Duration(max(i, 1)) * time.Microsecond
		if got := s.Quantile(float64(i) / 100); got != want {
			t.Errorf("Quantile(%d %%) = %v, want %v", i, got, want)
		}
	}
	for q, want := range map[float64]time.Duration{-1: time.Microsecond, 2: 100 * time.Microsecond, math.Inf(1): 100 * time.Microsecond} {
		if got := s.Quantile(q); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
}

// TestQuantilesAreNear compares with the exact quantile of all values.
func TestQuantilesAreNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := drawLatencies(t, "values")
		if len(values) == 0 {
			return
		}
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		s := sketchOf(values...)
		slices.Sort(values)
		rank := min(max(int(math.Ceil(q*float64(len(values))-1e-6)), 1), len(values))
		exact, got := values[rank-1].Truncate(time.Microsecond), s.Quantile(q)
		if off := max(got-exact, exact-got); off*128 > exact {
			t.Fatalf("quantile %v of %d values is %v, exactly %v: off by %v", q, len(values), got, exact, off)
		}
	})
}

func TestMergeIsAddingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawLatencies(t, "a"), drawLatencies(t, "b"), drawLatencies(t, "c")
		want := sketchOf(slices.Concat(a, b, c)...)
		merge := func(sketches ...uptime.Sketch) (out uptime.Sketch) {
			for _, s := range sketches {
				out.Merge(s)
			}
			return out
		}
		sa, sb, sc := sketchOf(a...), sketchOf(b...), sketchOf(c...)
		for name, got := range map[string]uptime.Sketch{
			"(a b) c": merge(merge(sa, sb), sc), "a (b c)": merge(sa, merge(sb, sc)), "c b a": merge(sc, sb, sa), "a 0 b c": merge(sa, uptime.Sketch{}, sb, sc),
		} {
			if !got.Equal(want) {
				t.Fatalf("%s: %+v, want %+v", name, got.Percentiles(), want.Percentiles())
			}
		}
		if !sa.Equal(sketchOf(a...)) || !sb.Equal(sketchOf(b...)) {
			t.Fatal("what was merged has changed")
		}
	})
}

func TestCloneSharesNothing(t *testing.T) {
	s := sketchOf(time.Millisecond)
	c := s.Clone()
	c.Add(time.Millisecond)
	if !s.Equal(sketchOf(time.Millisecond)) || !c.Equal(sketchOf(time.Millisecond, time.Millisecond)) {
		t.Error("adding to a clone has changed the sketch")
	}
}

func TestSketchSurvivesStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sketchOf(drawLatencies(t, "values")...)
		data, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back := sketchOf(time.Hour) // what it held is gone
		if err := back.UnmarshalBinary(data); err != nil || !back.Equal(s) {
			t.Fatalf("from binary: %+v, %v", back, err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var parsed uptime.Sketch
		if err := json.Unmarshal(text, &parsed); err != nil || !parsed.Equal(s) {
			t.Fatalf("from JSON %s: %+v, %v", text, parsed, err)
		}
	})
}

// TestSketchIsSmall: latencies around 180 ms, as of an hour, a day and a month
// from three locations.
func TestSketchIsSmall(t *testing.T) {
	for _, tt := range []struct {
		name          string
		checks, bytes int
	}{{"hour", 180, 250}, {"day", 4320, 500}, {"month", 133920, 750}} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := lognormal(tt.checks).MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > tt.bytes {
				t.Errorf("a sketch of %d checks has %d bytes, more than %d", tt.checks, len(data), tt.bytes)
			}
		})
	}
}

// lognormal are so many latencies at even quantiles of a log-normal
// distribution: median 180 ms, sigma 0.3.
func lognormal(n int) uptime.Sketch {
	var s uptime.Sketch
	for i := range n {
		p := (float64(i) + 0.5) / float64(n)
		s.Add(time.Duration(180e6 * math.Exp(0.3*math.Sqrt2*math.Erfinv(2*p-1))))
	}
	return s
}

func TestSketchRefuses(t *testing.T) {
	tests := []struct {
		name string
		data []byte
	}{
		{"another form", []byte{2}},
		{"nothing but its form", []byte{1}},
		{"cut off", []byte{1, 5, 0, 5}},
		{"a count of zero", []byte{1, 5, 0, 0, 0}},
		{"the least over the range", []byte{1, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 5, 1}},
		{"the most over the range", []byte{1, 5, 0xff, 0xff, 0xff, 0xff, 0x7f, 5, 1}},
		{"one value with two ends", []byte{1, 128 & 0x7f, 1, 0, 1}},
		{"a sum that its values cannot have", []byte{1, 5, 0, 6, 1}},
		{"a gap over the last bucket", []byte{1, 5, 2, 12, 1, 2, 1}},
		{"no last bucket", []byte{1, 5, 2, 11, 1, 0, 1}},
		{"more after the last bucket", []byte{1, 5, 0, 5, 1, 0}},
		{"a number in a longer form", []byte{1, 0x85, 0, 0, 5, 1}},
		{"too many values", []byte{1, 0, 0, 0, 0x81, 0x80, 0x80, 0x80, 0x40}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sketchOf(time.Second)
			if err := s.UnmarshalBinary(tt.data); !errors.Is(err, uptime.ErrMalformed) {
				t.Errorf("error = %v, want %v", err, uptime.ErrMalformed)
			}
			if !s.Equal(sketchOf(time.Second)) {
				t.Error("the sketch was changed")
			}
		})
	}
	t.Run("text that is no base64", func(t *testing.T) {
		var s uptime.Sketch
		if err := s.UnmarshalText([]byte("AQ=")); !errors.Is(err, uptime.ErrMalformed) {
			t.Errorf("error = %v, want %v", err, uptime.ErrMalformed)
		}
	})
	t.Run("values beyond what can be stored", func(t *testing.T) {
		s := sketchOf(0)
		for range 35 {
			s.Merge(s)
		}
		if _, err := s.MarshalBinary(); err == nil || !strings.Contains(err.Error(), "more than 17179869184") {
			t.Errorf("error = %v, want one that names the limit", err)
		}
	})
}

// FuzzSketch: whatever is read is a sketch that can be used, and is written as
// it was read.
func FuzzSketch(f *testing.F) {
	for _, s := range []uptime.Sketch{sketchOf(), sketchOf(0), sketchOf(1e6, 2e6, 3e9), lognormal(50), sketchOf(0, uptime.MaxLatency)} {
		data, err := s.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{1, 0x85, 0, 0, 5, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s uptime.Sketch
		if s.UnmarshalBinary(data) != nil {
			return
		}
		again, err := s.MarshalBinary()
		if err != nil || !slices.Equal(again, data) {
			t.Fatalf("read %x, written %x, %v", data, again, err)
		}
		if m := s.Mean(); m < s.Min() || m > s.Max() || s.Max() > uptime.MaxLatency {
			t.Fatalf("mean %v of %v to %v", m, s.Min(), s.Max())
		}
		last := s.Min()
		for _, q := range []float64{0, 0.25, 0.5, 0.9, 0.95, 0.99, 1} {
			if v := s.Quantile(q); v < last || v > s.Max() {
				t.Fatalf("quantile %v is %v, after %v, of %v to %v", q, v, last, s.Min(), s.Max())
			} else {
				last = v
			}
		}
		s.Merge(lognormal(3))
		s.Add(time.Second)
	})
}

func BenchmarkSketchAdd(b *testing.B) {
	var s uptime.Sketch
	d := 100 * time.Millisecond
	for b.Loop() {
		s.Add(d)
		if d += 777 * time.Microsecond; d > time.Second {
			d = 100 * time.Millisecond
		}
	}
}

func BenchmarkSketchMerge(b *testing.B) {
	hour, day := lognormal(180), lognormal(4320)
	for b.Loop() {
		day.Merge(hour)
	}
}

func BenchmarkSketchDecode(b *testing.B) {
	data, err := lognormal(180).MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(data)), "bytes")
	for b.Loop() {
		var s uptime.Sketch
		if err := s.UnmarshalBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}
