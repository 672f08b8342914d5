// Package uptime turns flips into figures: the time spent in each condition,
// uptime and its coverage, days for the bars of a status page, and the latency
// and counts of results in rollups. A Timeline is built once for a service, or
// for one monitor, and then asked for any number of windows:
//
//	line := uptime.NewTimeline(flips, initial, exclusions)
//	month := uptime.Month(2019, time.May, zone).Until(now)
//	spent := line.Tally(month)
//	ratio, ok := spent.Uptime()
//	text := uptime.Percent(ratio, 2) // "99.08"
//
// # What counts
//
//	uptime   = 1 − down / (time − maintenance − unknown)
//	coverage = (time − unknown) / time
//
// Time is weighed, not checks counted. Degraded and at risk are up. What is not
// known is not up: a state that this version does not know, and all time before
// the first thing known, are unknown. Where nothing was observed there is no
// uptime, and never 100 %.
//
// An Exclusion is agreed maintenance: what would count as up or down within it
// counts as maintenance, and so in no uptime. What is unknown stays unknown, so
// that coverage is what was observed, whatever was planned. Tally is the
// adjusted figure, Raw the one that ignores exclusions.
//
// # Guarantees
//
// Sums are exact: the tallies of the parts of a window add up to the tally of
// the whole, and each adds up to its window's length. Flips and exclusions may
// come in any order and more than once; the result is the same. Nothing given
// to this package is changed, and nothing it returns is shared with it; only
// Sketch and Rollup have methods that change them, and these belong to one
// goroutine at a time.
//
// A window is read as if the last state held to its end: the caller ends it at
// the present (Window.Until), since the future has not been up. Windows of more
// than 292 years are not supported (time.Duration).
package uptime
