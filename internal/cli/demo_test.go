package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/notify"
)

// output is what a command has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// entry is a message of the inbox.
type entry struct {
	At      time.Time
	Message notify.Message
}

// until asks again and again until it is so, or the deadline has passed.
func until(t *testing.T, deadline time.Duration, what string, so func() bool) {
	t.Helper()
	end := time.After(deadline)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-end:
			t.Fatalf("not within %s: %s", deadline, what)
		}
	}
}

func get(url string, into any) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return false
	}
	if text, ok := into.(*string); ok {
		*text = string(body)
		return true
	}
	return json.Unmarshal(body, into) == nil
}

// TestDemo runs the demo through one loop of its script, as a newcomer does, and
// reads what it serves: one incident for the outage, each tier told once of its
// beginning and once of its end, page and JSON agree.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo takes a minute")
	}
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var out output
	code := make(chan int, 1)
	data := t.TempDir()
	go func() {
		code <- cli.Run(ctx, []string{"demo", "--addr", "127.0.0.1:0", "--data", data, "--loop", "80s"}, &out, &out)
	}()

	address := regexp.MustCompile(`status page\s+(http://\S+)/`)
	until(t, 20*time.Second, "the demo prints its address", func() bool { return address.MatchString(out.String()) })
	url := address.FindStringSubmatch(out.String())[1]

	var status struct {
		Status    string
		Services  []struct{ ID, Status string }
		Incidents []struct{ ID, Title string }
	}
	is := func(service, want string) func() bool {
		return func() bool {
			if !get(url+"/api/v1/status", &status) {
				return false
			}
			for _, s := range status.Services {
				if s.ID == service {
					return s.Status == want
				}
			}
			return false
		}
	}
	until(t, 20*time.Second, "balancers are operational", is("balancers", "operational"))
	until(t, 30*time.Second, "redundancy is lost", is("balancers", "at_risk"))
	until(t, 40*time.Second, "both balancers are down", is("balancers", "major_outage"))
	var page string
	if !get(url+"/", &page) || !strings.Contains(page, "Some services are down") {
		t.Errorf("JSON says %s, the page:\n%s", status.Status, page)
	}
	var inbox []entry
	told := func(tier, event string) (times []time.Time) {
		for _, e := range inbox {
			if string(e.Message.Tier) == tier && e.Message.Attributes["event"] == event && strings.Contains(e.Message.Subject, "Load balancers") {
				times = append(times, e.At)
			}
		}
		return times
	}
	until(t, 60*time.Second, "every tier hears of the end", func() bool {
		return get(url+"/inbox.json", &inbox) && len(told("oncall", "resolved")) > 0 && len(told("administrators", "resolved")) > 0 && len(told("customers", "resolved")) > 0
	})
	until(t, 10*time.Second, "the application works again", is("web", "operational"))

	get(url+"/inbox.json", &inbox)
	for _, tier := range []string{"oncall", "administrators", "customers"} {
		for _, event := range []string{"opened", "resolved"} {
			if n := len(told(tier, event)); n != 1 {
				t.Errorf("%s was told of %s %d times, want once", tier, event, n)
			}
		}
	}
	var incidents struct {
		Incidents []struct{ Title string }
	}
	get(url+"/api/v1/incidents", &incidents)
	count := 0
	for _, i := range incidents.Incidents {
		if strings.HasPrefix(i.Title, "Load balancers") {
			count++
		}
		if strings.HasPrefix(i.Title, "Web application") {
			t.Errorf("what depends on the balancers has an incident of its own: %s", i.Title)
		}
	}
	if count != 1 {
		t.Errorf("%d incidents of the balancers, want 1", count)
	}

	var running output
	if got := cli.Run(context.Background(), []string{"status", "--data", data}, &running, &running); got != cli.ExitFine || !strings.Contains(running.String(), "Load balancers") {
		t.Errorf("status of the running demo: exit %d\n%s", got, running.String())
	}
	stop()
	select {
	case got := <-code:
		if got != cli.ExitFine || !strings.Contains(out.String(), "demo ended") {
			t.Errorf("exit code %d\n%s", got, out.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("the demo does not end when it is interrupted")
	}
	if t.Failed() {
		t.Logf("log:\n%s", out.String())
	}
}
