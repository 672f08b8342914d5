// Package probe runs checks: one file a protocol, each a Func in the map
// Probes, and an Engine that runs many of them side by side.
//
// What a check guarantees:
//   - Every connection is new and every name is looked up anew: a visitor who
//     comes for the first time is what is measured.
//   - It ends with its timeout, whatever the target does, and reads a bounded
//     number of bytes.
//   - No address is spoken to that the guard forbids, after every lookup, on
//     every redirect: see guard.go.
//   - A secret that a request was made with is in no result, in no common
//     encoding: see redact.go and hide.go. One that cannot be resolved makes the
//     check not run.
//   - A failing target is a Result with a failure kind and a detail that names
//     the phase. Details are one line of printable text; they hold no header, no
//     query and no user information.
//
// The package does not store, retry or decide: one result does not make an
// outage.
package probe
