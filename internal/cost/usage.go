package cost

import "github.com/sondehq/sonde/internal/monitor"

// Linear is a quantity that grows with another: Base + Each × n.
type Linear struct{ Base, Each float64 }

// Of is the quantity for n.
func (l Linear) Of(n float64) float64 { return l.Base + l.Each*n }

// Usage is what one unit of work takes: for each run of a stage, by the number
// of things in it. Reads and writes are DynamoDB's capacity units, CPU is
// milliseconds of one whole core, logs are bytes.
type Usage struct {
	Batch struct {
		Bytes Linear // of a stored batch, by results that are up
		Reads Linear // by seconds since the location's last batch, up to ConfigAge; see Model
		CPU   Linear // of a probe run, by checks
		Log   float64
	}
	Detect   struct{ Reads, Writes, CPU Linear } // by services in a healthy batch
	Sweep    struct{ Reads, Writes, CPU Linear } // by services, a run; results are read besides
	Rollup   struct{ Reads, Writes, CPU Linear } // the same
	Dispatch struct {
		CPU Linear // by batches queued
		Log float64
	}
	View    struct{ CPU, Reads, Bytes float64 } // of the status page
	Journey struct{ CPU, Wait float64 }         // of one through a browser, milliseconds

	// Out is what a check sends to its target, in bytes, by kind: requests and a
	// client's side of handshakes. HTTPS is that of a check over HTTPS. Packets is
	// how many packets carry it, each with a header.
	Out     map[monitor.Kind]float64
	HTTPS   float64
	Packets float64

	Call float64 // milliseconds that a call of AWS takes, within a Region
}

// Measured is what the whole system used on AWS's emulators (`make emulators`
// prints it: scenarios healthy and healthy-wide, 50 monitors in 10 and in 25
// services), where nothing else is said. A test compares them.
var Measured = measured()

func measured() (u Usage) {
	u.Batch.Bytes = Linear{330, 45}     // internal/store, TestBatchSize
	u.Batch.Reads = Linear{0, 1.0 / 30} // the configuration's version, every 30 s
	u.Batch.CPU = Linear{2, 0.45}       // 23 to 25 ms for 50 checks, half of them HTTPS
	u.Batch.Log = 195                   // one line of metrics
	u.Detect.Reads = Linear{0.14, 1}    // a state each; 10.12 and 25.14
	u.Detect.CPU = Linear{2.2, 0.025}   // 2.3 to 2.8 ms
	u.Sweep.Reads = Linear{4.3, 1.07}   // 15 and 31, without results: states, planned maintenance, locations set aside
	u.Sweep.Writes = Linear{3, 0.2}     // 5 and 8: the snapshot, which is compressed
	u.Sweep.CPU = Linear{9.3, 0.26}     // 11.9 and 15.8 ms
	u.Rollup.Reads = Linear{5, 4.2}     // 45 to 50, and 107 to 118, without results: the months that the page shows, and the states of monitors
	u.Rollup.Writes = Linear{2, 1.2}    // 14 and 32
	u.Rollup.CPU = Linear{11, 1.7}      // 27.6 and 53.1 ms
	u.Dispatch.CPU = Linear{1, 0.07}    // 1.5 to 2.0 ms for 12 batches
	u.Dispatch.Log = 121                // one line a run
	u.View.CPU, u.View.Reads = 3, 2     // internal/api, its benchmark; a snapshot of up to 8 KB
	u.View.Bytes = 9000                 // the demo's page, compressed
	u.Journey.CPU = 1100                // 0.55 s on two cores, a page on loopback, the browser's start included
	u.Journey.Wait = 3000               // an assumption: what a real site makes its visitor wait
	u.Out = map[monitor.Kind]float64{   // of the others there are only estimates
		monitor.KindHTTP: 232, monitor.KindTCP: 0, monitor.KindTLS: 1600, monitor.KindUDP: 50, monitor.KindSSH: 1500, monitor.KindDNS: 100, monitor.KindDomain: 3500, monitor.KindGRPC: 1900, monitor.KindWebSocket: 1900, monitor.KindICMP: 0, monitor.KindBrowser: 20000, monitor.KindHeartbeat: 0,
	}
	u.HTTPS, u.Packets = 1820, 8
	u.Call = 5 // an assumption: there is no AWS to measure
	return u
}
