// Package sim is a world for the shipped stages: a virtual clock, targets that
// break by script, and an AWS that does all that AWS may do. Messages and stream
// records come twice, late, out of order; functions die between any two writes
// or sends; tables throttle and conflict; carriers fail; locations fall silent;
// clocks are wrong; people change the configuration meanwhile.
//
// A Script says all that happens from outside. Play runs it and returns what
// became of it: a transcript, what everybody was told, and what must never have
// happened but did. Generate makes a script from a seed, Shrink a shorter one
// that still fails.
//
//	out := sim.Play(sim.Generate(seed))
//	for _, v := range out.Violations { … }
//
// The stages are those of internal/pipeline, as they are: no line of them knows
// that it is played. What stands in for AWS is the ports: table (memory),
// queue, engine, publisher, clock.
//
// A fault strikes any operation of a run, since time stands still within one: its Skip
// says which. What is due must have been done by the first run of Sweep that began
// after it and came through; that is checked there and then, or in the end.
//
// What holds, whatever the script:
//   - the same script gives the same transcript, byte for byte;
//   - a service is in at most one open incident, and one outage opens one;
//   - an incident is open as long as something is broken, or old DNS answers of it may
//     last, and no longer; what breaks at one address at once is in one;
//   - every notification that became due is delivered; twice only where its
//     sender died, or lost its answer, between the carrier and the receipt;
//   - a tier is told of what its policy names, in time and not before; who heard
//     the beginning hears the end, and nobody else; nobody is woken in quiet hours
//     for less than they let through, or for each change of what keeps changing;
//   - no alert comes and no incident opens inside planned maintenance, and who
//     heard that it began hears that it is over;
//   - who heard of something hears that it got worse, what people write, that a promised
//     update is late, and reminders until somebody acknowledges; what people decide holds;
//   - what is over has a message of its own, and what failed is not tried again at once;
//   - what the states are is what the results say, of each service what its monitors
//     make it; votes end, silence is not known, and who is outvoted is remembered;
//   - the page shows what is stored, after each flip and each sweep;
//   - uptime, in the table and on the page, is what counting the seconds one by one gives.
//
// What it leaves out: probes (their results are made up), and time within a stage: a
// stage takes none. What two stages do at the same time is played as one of them
// running between the other's reads and its write.
package sim
