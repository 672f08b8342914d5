// Package detect decides what is up and what is down. Step takes the state of
// one service, new results and the time, and returns the new state and what
// follows from it: flips to record, re-checks to ask for, evidence to keep.
// Tick does the same for what time alone causes.
//
// # Votes
//
// In a settled state a result that agrees changes nothing, and nothing has to
// be stored. The first contrary result opens a vote: every location of the
// monitor is asked to check again at once, and again after a few seconds,
// until enough of them agree. Only results that were scheduled since the vote
// opened count. A location's ballot counts its results in a row: a failing run
// must reach the monitor's Confirm, a good run its Recover. The vote ends
//
//   - confirmed, when as many locations as the monitor needs (Monitor.Need)
//     have such a run;
//   - refuted, when so many last said something else that this cannot happen
//     any more; an unknown monitor has no state to go back to, and is up then;
//   - by its deadline, a minute after the longest run of re-checks was due: who
//     has not answered by then is silent, and the locations that spoke decide
//     (Vote.Deadline).
//
// An outage ends when so many find the monitor good that those left are not
// enough for one: what the locations say decides where a monitor settles, and
// not which state it came from.
//
// A location that keeps disagreeing after a vote is remembered as a dissent
// ("down from eu-west-1 only") and opens no vote of its own again, until those
// who outvoted it have gone silent. It is forgotten when the location itself has.
//
// An outage is dated back to its first failing check, a recovery to its first
// good one.
//
// # Guarantees
//
// Results may come twice, late or out of order. One that is not newer than what
// its location is known to have said, or that was scheduled before the settled
// state or the last vote began, is ignored. (Of results that agree nothing is
// stored, so a contrary one that comes later than newer agreeing ones does open
// a vote; that vote then refutes it, unless Confirm is 1.) The order of results within one step does
// not matter, and the same step again does nothing.
//
// Step is a function of its arguments; it changes none of them, and its effects
// come in a fixed order. Flips of one monitor, and of the service, take effect
// one after the other, at least a millisecond apart.
//
// The package stores and sends nothing: its caller stores the state and its
// effects in one transaction, then acts.
package detect
