// Package monitor is the vocabulary of Sonde: what is watched (Monitor), what
// the public sees of it (Service), who is told (Tier), and what one check
// found (Result). It is plain data: it imports none of Sonde's packages, does
// no I/O and reads no clock, so that every other package may import it.
//
// Values of this package are stored in the table and travel in queue messages
// as JSON. A field may be added; its name and meaning must not change while
// older items can still be read. Durations are nanoseconds in stored JSON,
// unless the field's name says its unit (`dns_ms`). Times are UTC.
package monitor
