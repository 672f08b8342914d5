package functions_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/browser"
)

// TestBrowser: the function of journeys takes a batch that Lambda brings through a
// real Chromium, started as it is in Lambda. Results and pictures are in the
// table; what listens on the function's own loopback no page can reach.
func TestBrowser(t *testing.T) {
	chromium := browser.Find()
	if chromium == "" && os.Getenv("CI") != "true" {
		t.Skip("there is no Chromium")
	}
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><title>Shop</title><h1>Shop</h1><button onclick="document.title='Cart'">Buy</button>`)
	}))
	l, err := net.Listen("tcp", net.JoinHostPort(hostAddress(t), "0"))
	if err != nil {
		t.Fatal(err)
	}
	_ = site.Listener.Close()
	site.Listener = l
	site.Start()
	defer site.Close()

	w := newWorld(t)
	buy := []monitor.BrowserStep{{Click: "button"}, {Title: "Cart"}}
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{"eu-west-1"},
		Monitors: []monitor.Monitor{
			journey("bad", site.URL, append(buy, monitor.BrowserStep{Text: "Thank you"})),
			journey("good", site.URL, buy),
			journey("inside", "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", nil),
		},
		Services: []monitor.Service{{ID: "shop", Name: "Shop", Monitors: []monitor.ID{"bad", "good", "inside"}, Needs: 3}},
	}
	if _, err := w.store.PutConfig(context.Background(), cfg, 0, "test"); err != nil {
		t.Fatal(err)
	}
	// In Lambda only /tmp can be written to.
	w.env = append(w.env, "SONDE_CHROMIUM="+chromium, "HOME="+t.TempDir(), "PATH="+os.Getenv("PATH"))
	f := w.start("browser")
	message := event(t, "browser")
	for range 2 { // one that comes twice is one batch
		var out events.SQSEventResponse
		f.Invoke(message).JSON(t, &out)
		if len(out.BatchItemFailures) != 0 {
			t.Fatalf("failures: %v\n%s", out.BatchItemFailures, f.Log())
		}
	}
	batches, err := w.store.Batches(context.Background(), 0, now().Add(-time.Minute), now())
	if err != nil || len(batches) != 1 {
		t.Fatalf("batches: %+v, %v", batches, err)
	}
	got := map[monitor.ID]string{}
	for _, r := range batches[0].Results {
		got[r.Monitor] = string(r.Outcome)
		if r.Failure != nil {
			got[r.Monitor] += " " + string(r.Failure.Kind)
		}
	}
	want := map[monitor.ID]string{"good": "up", "bad": "down browser", "inside": "down blocked"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s\n%+v\n%s", diff, batches[0].Results, f.Log())
	}
	shots, err := w.store.Shots(context.Background(), "bad", now().Add(-time.Minute), now(), 10)
	if err != nil || len(shots) != 1 || !bytes.HasPrefix(shots[0].JPEG, []byte("\xff\xd8")) {
		t.Errorf("pictures of what failed: %d, %v", len(shots), err)
	}
	var out events.SQSEventResponse
	f.Invoke(event(t, "browser-malformed")).JSON(t, &out)
	if len(out.BatchItemFailures) != 1 {
		t.Errorf("malformed message: got %v, want it reported as failed", out.BatchItemFailures)
	}
}

func journey(id monitor.ID, url string, steps []monitor.BrowserStep) monitor.Monitor {
	return monitor.Monitor{
		ID: id, Name: string(id), Service: "shop", Every: 5 * time.Minute, Timeout: 10 * time.Second, Confirm: 1, Recover: 1,
		Locations: []monitor.Location{"eu-west-1"}, Private: true, Browser: &monitor.Browser{URL: url, Steps: steps},
	}
}
