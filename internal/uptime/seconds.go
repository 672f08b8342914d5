package uptime

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Seconds is how long a service, or a monitor, was in each condition. The
// durations are exact, to the nanosecond, and add up to the window's length.
type Seconds struct {
	Up          time.Duration `json:"up"`
	AtRisk      time.Duration `json:"at_risk"`
	Degraded    time.Duration `json:"degraded"`
	Down        time.Duration `json:"down"`
	Maintenance time.Duration `json:"maintenance"`
	Unknown     time.Duration `json:"unknown"`
}

// Add returns the sums, condition by condition.
func (s Seconds) Add(o Seconds) Seconds {
	return Seconds{
		Up: s.Up + o.Up, AtRisk: s.AtRisk + o.AtRisk, Degraded: s.Degraded + o.Degraded,
		Down: s.Down + o.Down, Maintenance: s.Maintenance + o.Maintenance, Unknown: s.Unknown + o.Unknown,
	}
}

// Total is all the time.
func (s Seconds) Total() time.Duration { return s.Counted() + s.Maintenance + s.Unknown }

// Observed is the time of which something is known.
func (s Seconds) Observed() time.Duration { return s.Counted() + s.Maintenance }

// Counted is the time that uptime is a share of: without maintenance, and
// without what is unknown.
func (s Seconds) Counted() time.Duration { return s.Up + s.AtRisk + s.Degraded + s.Down }

// Uptime is the share of the counted time that was not down, 0 to 1. It is 1
// only if there was no downtime at all. It reports false where no time counts:
// then there is no figure.
func (s Seconds) Uptime() (ratio float64, ok bool) {
	if s.Counted() <= 0 {
		return 0, false
	}
	return share(s.Counted()-s.Down, s.Counted()), true
}

// Coverage is the share of the time that was observed, 0 to 1; 0 for no time.
// It is 1 only if nothing is missing.
func (s Seconds) Coverage() float64 {
	if s.Total() <= 0 {
		return 0
	}
	return share(s.Observed(), s.Total())
}

// share is part of whole; less than 1 if the part is less than the whole, even
// if a float64 nearest to it is 1.
func share(part, whole time.Duration) float64 {
	ratio := float64(part) / float64(whole)
	if part < whole {
		return min(ratio, math.Nextafter(1, 0))
	}
	return ratio
}

// spend adds to the condition that a status stands for.
func (s *Seconds) spend(status monitor.Status, d time.Duration) {
	switch {
	case status.IsOutage():
		s.Down += d
	case status == monitor.Operational:
		s.Up += d
	case status == monitor.AtRisk:
		s.AtRisk += d
	case status == monitor.DegradedPerf:
		s.Degraded += d
	case status == monitor.InMaintenance:
		s.Maintenance += d
	default:
		s.Unknown += d
	}
}

// maxDecimals is as many as a float64 share has, after its two digits.
const maxDecimals = 13

// Percent writes a share (0 to 1) as a percentage without its sign, such as
// "99.08", with so many decimals. It never rounds up: 0.99996 is "99.99". Only
// 1 is "100", without decimals, so that it means what it says. A share outside
// 0 to 1 is taken as the nearer end, one that is no number as 0.
func Percent(share float64, decimals int) string {
	decimals = min(max(decimals, 0), maxDecimals)
	if share >= 1 {
		return "100"
	}
	digits := digitsOf(share)
	whole := strings.TrimPrefix(digits[:2], "0")
	if decimals == 0 {
		return whole
	}
	return whole + "." + digits[2:2+decimals]
}

// Decimal writes a share (0 to 1) with so many decimals, such as "0.990815". It
// never rounds up, as Percent does not: only 1 is "1.000000". A share outside 0 to
// 1 is taken as the nearer end, one that is no number as 0.
func Decimal(share float64, decimals int) string {
	decimals = min(max(decimals, 1), maxDecimals+2)
	if share >= 1 {
		return "1." + strings.Repeat("0", decimals)
	}
	return "0." + digitsOf(share)[:decimals]
}

// digitsOf are the decimals of a share less than 1, more than are ever shown. They
// are those of the shortest text that is this number, so that 0.9991 is not floored
// to 99.90 because the float64 nearest to it lies below it.
func digitsOf(share float64) string {
	digits := ""
	if share > 0 {
		digits = strings.TrimPrefix(strconv.FormatFloat(share, 'f', -1, 64), "0.")
	}
	return digits + strings.Repeat("0", 2+maxDecimals)
}
