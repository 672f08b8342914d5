// Command publish is the Lambda function that keeps a copy of the page and its
// JSON in a bucket, for when the API does not answer (infra/site.yaml).
package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/cloud/bucket"
	"github.com/sondehq/sonde/internal/cloud/function"
	"github.com/sondehq/sonde/internal/cloud/signed"
	"github.com/sondehq/sonde/internal/publish"
)

func main() {
	function.Main(func(w *function.Wiring) any {
		objects := bucket.New(signed.New(w.AWS, "s3", w.AWS.Region, os.Getenv, w.Deps.Now), os.Getenv("SONDE_BUCKET"))
		serve := func(reader publish.Reader, now func() time.Time) http.Handler {
			return api.New(api.Deps{Reader: reader, History: w.Deps.Store, Now: now, Log: w.Deps.Log})
		}
		p := publish.New(w.Deps.Store, serve, objects, w.Deps.Now)
		return cloud.OnTick(func(ctx context.Context) error {
			scripts, err := widget.VersionedPaths()
			if err != nil {
				return err
			}
			written, err := p.Publish(ctx, scripts...)
			if written > 0 {
				w.Deps.Log.Info("published", "objects", written)
			}
			return err
		})
	}, "SONDE_BUCKET")
}
