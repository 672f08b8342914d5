// Package schedule says what is due when, where, and in which batch. A Plan is
// built once for a configuration and a location; Due then lists the batches of
// a span of time:
//
//	plan := schedule.NewPlan(cfg, "us-west-2")
//	batches := plan.Due(from, to) // from inclusive, to exclusive
//
// A monitor is due at the times t, in whole seconds since the Unix epoch, with
//
//	t ≡ phase(shard, location)  (mod Every)
//
// Everybody who knows the configuration computes the same times: nothing has
// to be stored, and nothing drifts. The phase depends on the shard and not on
// the monitor, so that the monitors of a shard that have one interval, or whose
// intervals divide each other, share batches; and shards and locations are
// spread over the interval.
//
// # Guarantees
//
//   - Spans that follow each other neither repeat nor lose a check, whatever
//     their lengths; a span that is asked for twice gives the same batches.
//   - A monitor has exactly one check in every span as long as its interval.
//   - Up to as many shards as an interval has seconds, no two shards of a
//     location are due in the same second.
//   - Batches come by scheduled time, then shard; their monitors by id.
//   - A Plan is not changed after it is built, and may be shared between
//     goroutines. Batches belong to the caller.
//
// The package reads no clock and queues nothing. Times at which a configuration
// takes over from another are its caller's affair: a monitor whose interval or
// shard has changed may have one check early or late.
package schedule
