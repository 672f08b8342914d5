// Package incident turns changes of services into incidents, and incidents
// into notifications. Step takes the open incidents, what is known of the
// services around the one that changed, and the change; Tick takes one open
// incident and the time. Both return what is to be stored and sent, as data.
//
// # Rules
//
//   - A service that gets worse opens one incident, or joins one: its own, if it
//     has one; that of a service it depends on, as affected and not alerted
//     separately; or that of a service that depends on it, whose cause it then
//     is. While a dependency's vote is still open, the incident waits for it.
//   - An incident lasts until every service that is a cause in it is fine
//     again. What merely depends on a cause never holds an incident open; if it
//     is still broken two rounds of its checks, and a minute at least, after its
//     cause was seen to be fine, it opens one of its own, or becomes a cause of
//     the one that is still open.
//   - Only what is broken accounts for what depends on it: an outage for
//     anything, a degraded service for a degraded one, a lost redundancy for
//     nothing.
//   - An incident is named after its worst cause that is not fine yet.
//   - What becomes unknown is neither worse nor better: missing data never
//     opens an incident and never resolves one, and what is then found as it
//     was before is no news.
//   - What the configuration does not watch any more is neither, for good: its
//     part in an incident ends, without a claim that it works.
//   - A tier hears of an incident when its impact has been at least the tier's
//     for as long as the tier's delay, and still is. Whoever heard of the
//     beginning hears of an escalation and of the end, once each, and nobody
//     else does.
//
// Identifiers are derived, never drawn: the same outage always gives the same
// incident id, and the same event and tier the same notification id, so that a
// repeat finds what it would write already there.
//
// The package stores and sends nothing, reads no clock, and changes none of its
// arguments.
package incident
