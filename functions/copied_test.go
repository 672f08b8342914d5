package functions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cloud/platformtest"
	"github.com/sondehq/sonde/internal/incident"
)

// The page is copied into a bucket for when the API does not answer: what it says
// of an outage is there while it lasts, and that it is over after it.
func testCopied(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	copies := platform.p.Deploy(t, platformtest.Options{
		Name: s.stack.Name + "-site", Region: home, Template: "infra/site.yaml",
		Parameters: map[string]string{"HomeRegion": home, "TableName": s.table, "ApiDomain": "api.example.com"},
		Beat:       map[string]time.Duration{"PublishFunction": 2 * time.Second},
	})
	t.Cleanup(func() { actions.add(copies.Unused()) })
	copies.Start()
	says := func(key string, texts ...string) func() bool {
		return func() bool {
			body, has := copies.Object("Copy", key)
			for _, text := range texts {
				has = has && strings.Contains(string(body), text)
			}
			return has
		}
	}
	s.await("the page is copied", time.Minute, says("index.html", "Load balancers", "The current state is not known"))
	s.await("a script is copied", time.Minute, says("widget.js", "sonde-status"))
	s.breakBoth()
	s.await("the copy tells of the outage", 90*time.Second, says("api/v2/summary.json", `"name":"Load balancers: outage"`))
	s.await("customers hear of the outage", 90*time.Second, func() bool { return s.heard("customers", incident.EventOpened) })
	s.mend()
	s.over()
	s.await("the copy tells that it is over", time.Minute, says("api/v2/incidents.json", `"status":"resolved"`))
	s.check(expected{incidents: 1, replayable: true})
}
