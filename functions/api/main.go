// Command api is the Lambda function of the public API: it serves
// the status page, the JSON, heartbeat pings and subscriptions.
package main

import (
	"os"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/cloud/gateway"
	"github.com/sondehq/sonde/internal/cloud/signed"
	"github.com/sondehq/sonde/internal/cloud/subscriptions"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		desk := subscribe.Desk{Counter: w.Deps.Store}
		if len(w.Topics) > 0 {
			desk.Topic = subscriptions.New(signed.New(w.AWS, "sns", w.AWS.Region, os.Getenv, w.Deps.Now), w.Topics)
		}
		return gateway.Wrap(api.New(api.Deps{Reader: w.Deps.Store, History: w.Deps.Store, Pinger: w.Deps.Store, Desk: desk, Now: w.Deps.Now, Log: w.Deps.Log}))
	})
}
