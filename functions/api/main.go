// Command api is the Lambda function of the public API: it serves
// the status page, the JSON, and heartbeat pings.
package main

import (
	_ "time/tzdata" // the site has a zone, and the runtime's system may have none

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/cloud/gateway"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		return gateway.Wrap(api.New(api.Deps{Reader: w.Deps.Store, History: w.Deps.Store, Pinger: w.Deps.Store, Now: w.Deps.Now, Log: w.Deps.Log}))
	})
}
