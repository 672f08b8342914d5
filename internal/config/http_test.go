package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

func TestHTTPKeys(t *testing.T) {
	all := monitors(t, "testdata/good/http.yaml")
	if h := all["every-balancer"].HTTP; !h.Each || h.Needs != 2 || h.Family != "ipv4" || h.Version != "2" || h.MinTLS != "1.3" {
		t.Errorf("every-balancer is %+v", h)
	}
	api, order0 := all["api"], all["order"].HTTP
	if h := api.HTTP; h.JSON != `{"deep":[true,null,{"a":1.5}],"page":1,"query":"${env:QUERY}"}` || !h.SameHost || !h.Traceparent || !h.Sampled || !order0.Traceparent || order0.Sampled {
		t.Errorf("api is %+v", h)
	}
	if got := len(api.References()); got != 4 {
		t.Errorf("api has %d references, want 4: %v", got, api.References())
	}
	order := all["order"].HTTP
	if order.URL != "https://shop.example.com/login" || order.MaxRedirects != 0 || len(order.Steps) != 3 {
		t.Fatalf("order is %+v", order)
	}
	want := monitor.Step{
		Name: "order",
		Request: monitor.Request{
			URL: "https://shop.example.com/orders", Method: "POST", Headers: map[string]string{"Accept": "text/plain"},
			JSON: `{"sku":"A-1"}`, Auth: &monitor.Auth{Bearer: "${token}"},
		},
		Save: []monitor.Save{{Name: "id", From: "headers.location", Match: `/orders/(\d+)`}},
	}
	if diff := cmp.Diff(want, order.Steps[1]); diff != "" {
		t.Errorf("step (-want +got):\n%s", diff)
	}
	if got := order.Steps[2].Headers["Accept"]; got != "application/json" {
		t.Errorf("the third step has Accept %q, want the monitor's", got)
	}
}

// TestDiffHidesRequests: what may be a secret in a request is not shown by a diff.
func TestDiffHidesRequests(t *testing.T) {
	with := func(secret string) *monitor.Config {
		return &monitor.Config{Monitors: []monitor.Monitor{{ID: "a", HTTP: &monitor.HTTP{
			JSON: `"` + secret + `"`, Form: map[string][]string{"a": {secret}}, ClientCert: &monitor.ClientCert{Key: secret},
			Steps: []monitor.Step{{Request: monitor.Request{JSON: `"` + secret + `"`, Auth: &monitor.Auth{
				Bearer: secret, Basic: &monitor.Basic{Password: secret}, OAuth2: &monitor.OAuth2{ClientSecret: secret, TokenURL: "https://a:" + secret + "@b/"},
			}}}},
		}}}}
	}
	d, err := config.Diff(with("before-it"), with("after-it"))
	if err != nil || len(d.Fields["monitor a"]) != 8 {
		t.Errorf("%d fields (%v): %v", len(d.Fields["monitor a"]), err, d.Fields)
	}
	for _, f := range d.Fields["monitor a"] {
		if f.Before != "***" && f.Before != `"https://***@b/"` {
			t.Errorf("%s shows %s", f.Path, f.Before)
		}
	}
}
