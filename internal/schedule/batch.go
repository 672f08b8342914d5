package schedule

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Batch is the checks that one probe run makes: monitors of one shard, from
// one location, for one scheduled time. It travels as a queue message.
type Batch struct {
	Shard     int              `json:"shard"`
	Location  monitor.Location `json:"location"`
	Scheduled time.Time        `json:"scheduled"` // UTC; not to be run before
	Attempt   int              `json:"attempt"`   // 0 a scheduled batch, n the n-th re-check
	Monitors  []monitor.ID     `json:"monitors"`  // by id, ascending, in a scheduled batch
	Config    int64            `json:"config"`    // version of the configuration it was made from

	// Browser: all its monitors are browser journeys, which have batches, and on
	// AWS a queue and a function, of their own.
	Browser bool `json:"browser,omitempty"`
}

// KeyTime is how a key writes its time: in UTC, and in fixed width, so that
// keys sort by time.
const KeyTime = "2006-01-02T15:04:05.000Z"

// Key names the batch within its shard: scheduled#location#attempt. It sorts by
// time, to the millisecond, and is the same for the same batch come twice.
//
// Re-checks are of some of the shard's monitors, and several may be asked for
// in one instant: their key ends in #hash of the monitors' ids, whatever order
// the ids stand in. So does that of a batch of browser journeys.
func (b Batch) Key() string {
	key := b.Scheduled.UTC().Format(KeyTime) + "#" + string(b.Location) + "#" + strconv.Itoa(b.Attempt)
	if b.Attempt > 0 || b.Browser {
		key += "#" + fingerprint(b.Monitors)
	}
	return key
}

// fingerprint is 16 hexadecimal digits of a set of ids. 64 bits: two batches of
// one instant that share a key would lose a re-check, so this must not happen
// by chance.
func fingerprint(ids []monitor.ID) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	h := fnv.New64a()
	for _, id := range sorted {
		h.Write([]byte(id))
		h.Write([]byte{0}) // no id holds a zero byte: {"a", "b"} is not {"ab"}
	}
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], mix(h.Sum64()))
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 16)
	for _, c := range sum {
		text = append(text, digits[c>>4], digits[c&15])
	}
	return string(text)
}

// Late reports whether a check has missed its time by more than the monitor's
// interval. It is then dropped, and counted: the next check is due already, and
// a result that old says nothing about now.
func Late(b Batch, m monitor.Monitor, now time.Time) bool {
	return now.Sub(b.Scheduled) > m.Every
}

// SchedulerSlack is how late a schedule may start: EventBridge Scheduler runs
// within the minute it was asked for, up to 59 s late (EventBridge Scheduler
// User Guide, "Schedule types": 60 second precision).
const SchedulerSlack = time.Minute

// Silence is how long after the scheduled time of its last result a location of
// the monitor counts as silent. One lost check is not silence, two are: it is
// two intervals, plus the timeout that the second check may take. A monitor
// with an interval of a minute or more is given SchedulerSlack on top; a shorter
// one is not, since its checks would be late by more than their interval and
// dropped: what a late schedule leaves there is a gap, and is shown as one.
func Silence(m monitor.Monitor) time.Duration {
	silence := 2*m.Every + m.Timeout
	if m.Every >= time.Minute {
		silence += SchedulerSlack
	}
	return silence
}
