// Package killtest kills a running `sonde up` at random moments during an
// outage, starts it again each time, and counts what was lost or doubled. It
// holds only tests; `make kill` runs the long form.
package killtest
