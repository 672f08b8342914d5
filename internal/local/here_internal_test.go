package local

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyHere(t *testing.T) {
	h := onlyHere(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, test := range []struct {
		name, remote, host, header string
		want                       int
	}{
		{"this machine", "127.0.0.1:5000", "localhost:8080", "", 200},
		{"by address", "[::1]:5000", "127.0.0.1:8080", "", 200},
		{"over the network", "192.0.2.7:5000", "127.0.0.1:8080", "", 403},
		{"a rebound name", "127.0.0.1:5000", "evil.example.com:8080", "", 403},
		{"through a proxy", "127.0.0.1:5000", "localhost:8080", "X-Forwarded-For", 403},
	} {
		r := httptest.NewRequest("GET", "/inbox", nil)
		r.RemoteAddr, r.Host = test.remote, test.host
		if test.header != "" {
			r.Header.Set(test.header, "192.0.2.7")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", test.name, w.Code, test.want)
		}
	}
}
