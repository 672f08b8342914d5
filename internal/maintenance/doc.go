// Package maintenance says when planned maintenance is: the windows of a plan,
// which of them have begun and ended, and what a service is covered by. It is
// pure: it knows no clock and stores nothing.
//
// # When
//
// A plan is for once (starts, ends), or comes round by a cron expression or an
// RRULE (RFC 5545) on the clocks of an IANA time zone. A window lasts its
// duration as it passes, whatever the clocks do: two hours that begin at 01:30 on
// the night clocks go forward end at 04:30. A beginning that clocks leave out
// comes as much later as they were put forward (02:30 is 03:30; 02:15 is 02:45 on
// Lord Howe Island, which puts them forward by half an hour); one that there is
// twice comes once, the first time.
//
// # Runs
//
// A window that has begun is a Run, and stays one: what was maintenance is not
// decided anew when plans change. Step finds what begins and ends:
//
//   - A plan counts from the time it was made or changed. A window that was over
//     by then is none; one that was going on begins then.
//   - A plan has one run at a time. While it lasts, it ends when the window of the
//     plan that is going on ends, however often that is changed; and at once if the
//     plan is gone, or has no such window any more.
//   - A window that is made longer when it has ended, as one does in an overrun,
//     goes on as another run, from when that was said; but not if a person ended
//     it. So does one that has lasted 31 days, having been moved while it lasted.
//   - A window that nobody looked at while it lasted is still a run, for two days
//     after its end: but nobody is told of it.
//
// Steps may come late, twice, or be cut off: the same plans, runs and time always
// give the same effects, and what is stored already has none.
package maintenance
