package sim_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sondehq/sonde/internal/sim"
)

var (
	seeds = flag.Uint64("seeds", 100, "how many seeds TestSeeds plays")
	first = flag.Uint64("seed", 1, "the first of them")
	all   = flag.Bool("all", false, "say of each seed that fails why, in a line, and go on")
	short = flag.Bool("shrink", true, "look for the shortest script that still fails")
)

// TestSeeds plays scripts with all faults on, over all cores. A seed that fails is
// printed with the shortest script that still does.
func TestSeeds(t *testing.T) {
	var next atomic.Uint64
	next.Store(*first)
	if testing.Short() {
		*seeds = min(*seeds, 25)
	}
	end := *first + *seeds
	var failed sync.Once
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := next.Add(1) - 1; seed < end && !t.Failed(); seed = next.Add(1) - 1 {
				out, err := sim.Play(sim.Generate(seed))
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				if *all && len(out.Violations) > 0 {
					fmt.Printf("seed %d: %d violations: %s\n", seed, len(out.Violations), out.Violations[0])
				} else if len(out.Violations) > 0 {
					failed.Do(func() { t.Error(report(t, seed, sim.Generate(seed), out)) })
				}
			}
		})
	}
	group.Wait()
}

// TestFoundScripts plays the scripts that once found a fault in the stages, as they were
// then: what Generate makes of their seeds is something else by now.
func TestFoundScripts(t *testing.T) {
	for seed, fault := range map[uint64]string{
		337:  "a location that was set aside never counts again",
		2182: "an incident goes on in silence after maintenance",
		7806: "an end is told while a vote about the same outage is open",
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "found", fmt.Sprintf("%d.json", seed)))
		if err != nil {
			t.Fatal(err)
		}
		var script sim.Script
		if err := json.Unmarshal(text, &script); err != nil {
			t.Fatal(err)
		}
		out, err := sim.Play(script)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if len(out.Violations) > 0 {
			t.Errorf("%s:\n%s", fault, report(t, seed, script, out))
		}
	}
}

// shrinkTries is how many scripts are played to make one shorter.
const shrinkTries = 300

// report shows what went wrong, in as few lines as will do.
func report(t *testing.T, seed uint64, script sim.Script, out sim.Outcome) string {
	t.Helper()
	if *short {
		script = sim.Shrink(script, out.Violations[0].Rule, shrinkTries)
		shorter, err := sim.Play(script)
		if err != nil || len(shorter.Violations) == 0 {
			t.Fatalf("seed %d fails, and what it was shrunk to does not: %v", seed, err)
		}
		out = shorter
	}
	return fmt.Sprintf("seed %d: %s\n%s\n%s", seed, out.Violations[0], script, out.Transcript)
}

// TestSameSeed: the same seed gives the same transcript, byte for byte.
func TestSameSeed(t *testing.T) {
	for seed := range uint64(20) {
		one, err := sim.Play(sim.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		two, err := sim.Play(sim.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		if one.Transcript != two.Transcript {
			t.Fatalf("seed %d gives two transcripts:\n%s\n---\n%s", seed, one.Transcript, two.Transcript)
		}
	}
}
