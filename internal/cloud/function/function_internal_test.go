package function

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTableRegion: the table is asked for in its own Region, which for a further
// location is not the function's.
func TestTableRegion(t *testing.T) {
	var scope string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, scope, _ = strings.Cut(r.Header.Get("Authorization"), "Credential=")
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"SONDE_TABLE": "sonde", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_DYNAMODB": server.URL,
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		t.Setenv(name, value)
	}
	for region, want := range map[string]string{"": "/us-east-1/dynamodb/", "eu-west-1": "/eu-west-1/dynamodb/"} {
		t.Setenv("SONDE_TABLE_REGION", region)
		w, err := wiring(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Deps.Store.ConfigVersion(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(scope, want) {
			t.Errorf("SONDE_TABLE_REGION=%q: signed for %s, want %s", region, scope, want)
		}
		if w.Location != "us-east-1" {
			t.Errorf("SONDE_TABLE_REGION=%q changed the location to %s", region, w.Location)
		}
	}
}
