package functions_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sondehq/sonde/internal/cloud/platformtest"
	"github.com/sondehq/sonde/internal/table"
)

// Visitors subscribe, by form and by script, twice, too often: the topic has the
// subscriptions and nobody learns of whom.
func testSubscribed(t *testing.T) {
	s := newSystem(t, platformtest.Options{})
	post := func(contentType, body string) (int, string) {
		event, err := json.Marshal(events.APIGatewayV2HTTPRequest{
			Version: "2.0", RawPath: "/subscribe", Body: body, Headers: map[string]string{"content-type": contentType},
			RequestContext: events.APIGatewayV2HTTPRequestContext{HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: http.MethodPost, Path: "/subscribe", SourceIP: "203.0.113.9",
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.stack.Invoke("ApiFunction", event)
		if err != nil {
			t.Fatal(err)
		}
		var out events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(answer, &out); err != nil {
			t.Fatal(err)
		}
		return out.StatusCode, out.Body
	}
	form := "application/x-www-form-urlencoded"
	s.await("a snapshot that offers subscriptions", 30*time.Second, func() bool { status, _ := post(form, "email=nobody"); return status == http.StatusUnprocessableEntity })
	var bodies []string
	for _, body := range []string{"email=one%40example.com&services=app", "email=one%40example.com&services=app", "email=one%40example.com", "email=two%40example.com"} {
		status, text := post(form, body)
		if status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", body, status, text)
		}
		bodies = append(bodies, text)
	}
	for _, text := range bodies[1:] {
		if text != bodies[0] {
			t.Errorf("the answers differ:\n%s\n%s", bodies[0], text)
		}
	}
	status, _ := post("application/json", `{"email":"three@example.com","services":["app","balancers"]}`)
	if status != http.StatusAccepted {
		t.Errorf("JSON: %d", status)
	}
	if status, _ := post("application/json", `{"email":"four@example.com"}`); status != http.StatusTooManyRequests {
		t.Errorf("the sixth of an hour: %d", status)
	}
	rows, err := table.All(context.Background(), s.store.Table(), table.Query{PK: "LIMIT"})
	if err != nil || len(rows) < 5 {
		t.Errorf("counters: %d, %v", len(rows), err)
	}
	for _, row := range rows {
		if text := row.SK + string(row.Doc); strings.Contains(text, "203.0.113") || strings.Contains(text, "example") {
			t.Errorf("a counter names somebody: %s", text)
		}
	}
}
