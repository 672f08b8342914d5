// Package demo is a small fleet of real targets on loopback, and a script that
// breaks and mends them: two HTTPS load balancers and their two successors, the
// DNS server that points at them, a TCP service, a page that gets slow, a
// certificate about to expire, and a job that sends heartbeats. It plays the
// outage that Sonde was made for, in two minutes, again and again.
//
// The fleet knows nothing of Sonde: it is watched through its sockets, with the
// monitors.yaml that Config returns.
package demo
